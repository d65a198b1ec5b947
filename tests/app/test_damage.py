"""Files of a workspace that are cut off: the next run says so, or mends it, and loses nothing."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_fakes import ON_CPU
from asking_fakes import Asked, answer_to, texts_of, write_shop
from forked import ForkServer
from manifests import accept_changes

from app.pipeline.plan import Plan
from app.pipeline.records import read_record, write_record
from app.pipeline.update import update_knowledge
from data import atomic
from data.errors import ArtifactError

STAGE, N_ITEMS = "knowledge-item", 100


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.97])
def test_a_cache_that_is_cut_off_is_mended_by_the_next_run(
    share: float, forks: ForkServer, tmp_path: Path
) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        words = asked.words(STAGE)
        assert forks.run(*words).code == 0
        cache = tmp_path / "ws" / "cache" / "replies.sqlite"
        cache.write_bytes(cache.read_bytes()[: int(share * cache.stat().st_size)])
        ended = forks.run(*asked.words(STAGE, "llm.gate.min_words=7"))
        assert ended.code == 0, ended.said
        assert len(asked.keys) == N_ITEMS, "what is finished is asked again"
        shutil.rmtree(tmp_path / "ws" / "artifacts" / STAGE)
        cache.unlink()
        assert forks.run(*words).code == 0
    assert len(asked.keys) == 2 * N_ITEMS, "nothing is left of it anywhere"
    rows = texts_of(tmp_path / "ws", STAGE)
    assert len(rows) == N_ITEMS and all(text == answer_to(key) for key, text in rows)
    assert ("was damaged" in ended.said and "moved to replies.sqlite.damaged-1" in ended.said) is (
        share > 0
    )


@pytest.mark.parametrize("name", ["knowledge.parquet", "knowledge.json", "manifest.json"])
def test_a_result_that_is_cut_off_is_told_and_made_again_without_asking(
    name: str, forks: ForkServer, tmp_path: Path
) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        words = asked.words(STAGE)
        assert forks.run(*words).code == 0
        (path,) = (tmp_path / "ws" / "artifacts" / STAGE).glob(f"*/{name}")
        path.write_bytes(path.read_bytes()[:-20])
        again = forks.run(*words)
    assert again.code == 0, again.said
    assert "made again" in again.said and name in again.said and "damaged" in again.said
    assert len(asked.keys) == N_ITEMS
    assert len(texts_of(tmp_path / "ws", STAGE)) == N_ITEMS


def test_a_record_cut_off_at_any_byte_gets_a_sentence_and_a_run_mends_it(
    tiny_experiment: Path, tmp_path: Path
) -> None:
    from app.experiment.file import load_experiment

    plan = Plan(load_experiment(str(tiny_experiment)), tmp_path)
    write_record(plan, plan.steps())
    path = tmp_path / "runs" / "tiny.json"
    whole = path.read_bytes().rstrip()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ArtifactError, match=r"tiny\.json is damaged .*autograph run tiny") as e:
            read_record("tiny", tmp_path)
        assert "Delete its folder" not in str(e.value), "other experiments are in it"
    write_record(plan, plan.steps())
    assert read_record("tiny", tmp_path).experiment == plan.recorded


def test_a_damaged_note_of_the_latest_update_is_written_again(
    teller: object, tiny_experiment: Path, tmp_path: Path
) -> None:
    from prompt_fakes import plan_of

    plan = plan_of(tiny_experiment, tmp_path)
    (first,) = update_knowledge(plan, ["item"])
    note = tmp_path / "runs" / "knowledge" / "tiny-item.json"
    whole = note.read_bytes()
    for size in (0, 1, len(whole) // 2):
        note.write_bytes(whole[:size])
        (update,) = update_knowledge(plan_of(tiny_experiment, tmp_path), ["item"])
        assert update.to_ask == 0 and first.to_ask > 0
        assert note.read_bytes() == whole


def spoil(path: Path, bits: int) -> None:
    """Flips some bits of a file; its size stays."""
    spoilt = bytearray(path.read_bytes())
    for place in random.Random(3).sample(range(8 * len(spoilt)), bits):
        spoilt[place // 8] ^= 1 << place % 8
    path.write_bytes(spoilt)


def only(folder: Path, pattern: str) -> Path:
    """One file of those that fit, always the same."""
    return sorted(folder.glob(f"artifacts/{pattern}"))[0]


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished workspace, to spoil."""
    shutil.copytree(finished, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.mark.parametrize(
    ("pattern", "bits"),
    [
        ("train/*/weights.safetensors", 400),
        ("train/*/model.json", 1),
        ("train/*/manifest.json", 20),
        ("dataset/*/interactions.parquet", 1),
        ("split/*/split.safetensors", 1),
    ],
)
def test_flipped_bits_are_refused_and_a_run_makes_that_result_alone_again(
    pattern: str, bits: int, own: Path, tiny_experiment: Path, autograph: Any
) -> None:
    where = ("--workspace", own)
    asked = [
        ("recommend", "tiny", "--user", "u3", "--enhancer", enhancer, *where)
        for enhancer in ("none", "autograph")
    ]
    before = [autograph(*words) for words in asked]
    assert [one.exit_code for one in before] == [0, 0]
    path = only(own, pattern)
    spoil(path, bits)
    refused = [autograph(*words) for words in asked]
    told = [one.output for one in refused if one.exit_code]
    assert told and all(isinstance(one.exception, SystemExit | None) for one in refused)
    assert all(path.name in one and "damaged" in one for one in told)
    assert all(f"autograph run {tiny_experiment}" in " ".join(one.split()) for one in told)

    others = {one: one.stat().st_mtime_ns for one in own.glob("artifacts/*/*/*") if one != path}
    mended = autograph("run", tiny_experiment, *where, *ON_CPU)
    assert mended.exit_code == 0, mended.output
    assert mended.output.count("made again") == 1 and path.name in mended.output
    again = [autograph(*words) for words in asked]
    assert [one.output for one in again] == [one.output for one in before]
    touched = {one.parent for one, at in others.items() if one.stat().st_mtime_ns != at}
    assert touched <= {path.parent}


def test_a_stage_reads_no_damaged_input(own: Path, autograph: Any) -> None:
    """Lists are made from results that no run has looked at in this process."""
    path = only(own, "train/*/weights.safetensors")
    spoil(path, 400)
    told = autograph("beyond", "tiny", "--workspace", own)
    assert told.exit_code == 1 and isinstance(told.exception, SystemExit)
    assert "weights.safetensors holds other bytes" in told.output


def test_scores_that_are_no_numbers_are_refused(own: Path, autograph: Any) -> None:
    """Even where nothing can be said of the file: this one is from before there were checksums."""
    for path in own.glob("artifacts/train/*/weights.safetensors"):
        weights = atomic.read_arrays(path)
        broken = {name: np.full_like(one, np.nan) for name, one in weights.items()}
        atomic.write_arrays(path, broken)
        accept_changes(path.parent)
    told = autograph("recommend", "tiny", "--user", "u3", "--workspace", own)
    assert told.exit_code == 1 and isinstance(told.exception, SystemExit)
    assert "are no finite numbers" in told.output and "artifacts/train" in told.output


def test_manifests_hold_the_settings_that_made_them(own: Path, tiny_experiment: Path) -> None:
    from app.experiment.file import load_experiment
    from data.artifacts import fingerprint

    plan = Plan(load_experiment(str(tiny_experiment)), own)
    for step in plan.steps():
        about = plan.store.manifest(step.stage, step.key)
        made_by = (about["stage"], about["version"], about["settings"], about["inputs"])
        assert fingerprint(*made_by) == step.key == about["fingerprint"]
    train = plan.store.manifest("train", plan.steps()[-1].inputs["train"])
    assert train["settings"]["train"]["epochs"] == 4


def test_no_address_and_no_key_gets_into_a_manifest(forks: ForkServer, tmp_path: Path) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        ended = forks.run(*asked.words(STAGE, "llm.item.key_variable=SECRET_OF_MINE"))
    assert ended.code == 0, ended.said
    texts = [path.read_text() for path in tmp_path.glob("ws/artifacts/*/*/manifest.json")]
    assert texts and any('"backend": "server"' in text for text in texts)
    assert not any(word in text for text in texts for word in ("http", "SECRET_OF_MINE", "Bearer"))
