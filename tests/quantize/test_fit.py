import signal
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from pydantic import ValidationError

from data.errors import ArtifactError, AutoGraphError, ConfigError, DataError
from quantize.diagnostics import curve_table, usage
from quantize.fit import FittedCodes, fit_codes
from quantize.quantizers import METHODS, load_quantizer
from quantize.settings import (
    HierarchicalConfig,
    LshConfig,
    PqConfig,
    QuantizeConfig,
    RqKMeansConfig,
    RqVaeConfig,
)
from quantize.train import train

QUICK = {
    "rq-vae": RqVaeConfig(k=20, dim=8, hidden=(64,), epochs=40, batch=64, lr=4e-3),
    "rq-kmeans": RqKMeansConfig(k=20),
    "hierarchical": HierarchicalConfig(k=20),
    "lsh": LshConfig(k=20),
    "pq": PqConfig(k=20),
}
RESIDUAL = ("rq-vae", "rq-kmeans", "pq")
"""Methods whose codes are nearest neighbours of what is left over."""
LEARNT = tuple(method for method in METHODS if method != "lsh")


@pytest.fixture(scope="module", params=METHODS)
def fitted(request, make_vectors, tmp_path_factory):
    vectors = make_vectors(320)
    return vectors, fit_codes(vectors, QUICK[request.param], tmp_path_factory.mktemp("s"), seed=1)


class TestEveryMethod:
    def test_shapes_and_figures(self, fitted):
        vectors, fit = fitted
        codes = fit.codes
        assert codes.ids == vectors.ids and codes.codes.shape == (320, 3)
        assert codes.codes.dtype == np.int32 and codes.codebooks.dtype == np.float32
        assert codes.codes.min() >= 0 and codes.codes.max() < codes.k == 20
        figures = codes.statistics
        assert figures["active_ratio"] == [len(set(c)) / 20 for c in codes.codes.T.tolist()]

    def test_more_than_90_percent_of_codes_are_active_in_every_level(self, fitted):
        """Random planes through 12 blobs of few coordinates leave more of their cells empty."""
        if fitted[1].quantizer.config.method not in LEARNT:
            pytest.skip("a hash is not fitted to what it divides")
        assert min(fitted[1].codes.statistics["active_ratio"]) > 0.9

    def test_the_planted_blobs_are_found(self, fitted):
        """Twelve blobs hold nearly all the variance, so little of it may be left."""
        left = fitted[1].codes.statistics["error_left"]
        most = 0.25 if fitted[1].quantizer.config.method in LEARNT else 0.6
        assert left[-1] < most and left == sorted(left, reverse=True)

    def test_assignment_gives_the_codes_again(self, fitted):
        vectors, fit = fitted
        np.testing.assert_array_equal(fit.quantizer.assign(vectors.matrix), fit.codes.codes)
        alone = np.concatenate([fit.quantizer.assign(vectors.matrix[i : i + 1]) for i in range(9)])
        np.testing.assert_array_equal(alone, fit.codes.codes[:9])

    def test_codes_are_nearest_neighbours_of_residuals(self, fitted):
        vectors, fit = fitted
        if fit.quantizer.config.method not in RESIDUAL:
            pytest.skip("codes of this method are no nearest neighbours of residuals")
        left = fit.quantizer.encode(vectors.matrix)
        for level, book in enumerate(fit.codes.codebooks):
            gaps = ((left[:, None] - book[None]) ** 2).sum(-1)
            chosen = fit.codes.codes[:, level]
            assert (gaps[np.arange(len(left)), chosen] <= gaps.min(1) + 1e-4).all()
            left = left - book[chosen]

    def test_a_fresh_process_loads_and_assigns_alike(self, fitted, tmp_path):
        vectors, fit = fitted
        fit.save(tmp_path)
        np.save(tmp_path / "new.npy", vectors.matrix[:7] + 0.01)
        code = (
            "import sys, numpy as np; from pathlib import Path\n"
            "from quantize.quantizers import load_quantizer\n"
            "where = Path(sys.argv[1])\n"
            "print(load_quantizer(where).assign(np.load(where / 'new.npy')).tolist())"
        )
        told = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == str(fit.quantizer.assign(vectors.matrix[:7] + 0.01).tolist())
        again = FittedCodes.load(tmp_path)
        assert again.codes.statistics == fit.codes.statistics
        np.testing.assert_array_equal(again.codes.codes, fit.codes.codes)

    def test_the_seed_decides(self, fitted, make_vectors, tmp_path):
        vectors, fit = fitted
        config = fit.quantizer.config
        same = fit_codes(vectors, config, tmp_path / "a", seed=1)
        other = fit_codes(vectors, config, tmp_path / "b", seed=2)
        np.testing.assert_array_equal(same.codes.codes, fit.codes.codes)
        np.testing.assert_array_equal(same.codes.codebooks, fit.codes.codebooks)
        assert not np.array_equal(other.codes.codebooks, fit.codes.codebooks)

    def test_vectors_of_another_width_get_a_sentence(self, fitted):
        with pytest.raises(ConfigError, match=r"shape \(2, 5\).* \(n, 24\)"):
            fitted[1].quantizer.assign(np.zeros((2, 5), np.float32))


def test_training_makes_the_reconstruction_better(make_vectors, tmp_path):
    fit = fit_codes(make_vectors(320), QUICK["rq-vae"], tmp_path, seed=0)
    table = curve_table(fit.quantizer.curves, 3)
    config = QUICK["rq-vae"]
    assert table.height == config.epochs_for(320) == 40
    warm = int(config.warm_up * 40)
    assert (table["codebook_2"][:warm] == 0).all() and (table["codebook_2"][warm:] > 0).all()
    after = table["reconstruction"][warm:]
    assert after[-1] < 0.8 * after[0]
    expected = after[-1] + sum(
        table[f"codebook_{t}"][-1] + config.beta * table[f"commitment_{t}"][-1] for t in range(3)
    )
    assert table["total"][-1] == pytest.approx(expected, rel=1e-5)


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from quantize.settings import RqVaeConfig
from quantize.train import train
where, kill_at = Path(sys.argv[1]), int(sys.argv[2])
def on_progress(done, total, what):
    if done == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
config = RqVaeConfig.model_validate_json(sys.argv[3])
train(np.load(where / "v.npy"), config, seed=3, scratch=where, every_s=0, on_progress=on_progress)
"""


@pytest.mark.parametrize("kill_at", [2, 6])
def test_a_killed_training_continues_to_the_same_result(make_vectors, tmp_path, kill_at):
    """Killed while it warms up, and while it learns codes."""
    config = RqVaeConfig(k=10, dim=4, hidden=(16,), epochs=10, batch=64, least_steps=1)
    matrix, told = make_vectors(200).matrix, []
    whole, curves = train(matrix, config, seed=3, scratch=tmp_path / "whole")
    np.save(tmp_path / "v.npy", matrix)
    arguments = [str(tmp_path), str(kill_at), config.model_dump_json()]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments])
    assert killed.returncode == -signal.SIGKILL
    resumed, again = train(
        matrix, config, seed=3, scratch=tmp_path, on_progress=lambda done, *_: told.append(done)
    )
    assert told[0] == kill_at  # the epoch in which it died had not been stored
    np.testing.assert_array_equal(again, curves)
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], value)


def test_a_checkpoint_of_something_else_is_not_taken_up(make_vectors, tmp_path):
    def fit(seed, scratch, stop=None):
        started = []

        def on_progress(done, total, what):
            started.append(done)
            if done == stop:
                raise KeyboardInterrupt

        vectors = make_vectors(100).matrix
        config = RqVaeConfig(k=5, dim=2, hidden=(4,), epochs=4, least_steps=1)
        with suppress(KeyboardInterrupt):
            train(vectors, config, seed=seed, scratch=scratch, on_progress=on_progress, every_s=0)
        return started

    assert fit(1, tmp_path, stop=3) == [1, 2, 3]
    assert fit(2, tmp_path) == [1, 2, 3, 4]
    assert fit(1, tmp_path / "other") == [1, 2, 3, 4]


def test_large_sets_are_sampled(make_vectors, tmp_path):
    config = RqVaeConfig(k=10, dim=4, hidden=(16,), epochs=8, batch=64, sample=128)
    fit = fit_codes(make_vectors(400), config, tmp_path, seed=0)
    assert min(fit.codes.statistics["active_ratio"]) > 0.9


def test_bad_vectors_get_a_sentence(make_vectors, tmp_path):
    few, broken = make_vectors(1), make_vectors(30)
    broken.matrix[4, 2] = np.nan
    with pytest.raises(DataError, match="There are 1 vectors"):
        fit_codes(few, QUICK["rq-kmeans"], tmp_path, seed=0)
    with pytest.raises(DataError, match="vector of 'e4' holds a value that is no number"):
        fit_codes(broken, QUICK["rq-vae"], tmp_path, seed=0)


def test_codes_are_fitted_to_what_says_something(make_vectors, tmp_path):
    whole = make_vectors(60)
    far = np.vstack([whole.matrix, whole.matrix[:2] + 50])
    silent = type(whole)((*whole.ids, "x", "y"), far, missing=(60, 61))
    one, other = (
        fit_codes(vectors, QUICK["rq-kmeans"], tmp_path / name, seed=0)
        for name, vectors in (("whole", whole), ("silent", silent))
    )
    np.testing.assert_array_equal(one.codes.codebooks, other.codes.codebooks)
    np.testing.assert_array_equal(one.codes.codes, other.codes.codes[:60])
    assert other.codes.ids[60:] == ("x", "y")
    with pytest.raises(DataError, match="There are 1 vectors of texts"):
        fit_codes(make_vectors(3)._replace(missing=(0, 2)), QUICK["rq-kmeans"], tmp_path, seed=0)


def test_damaged_files_get_a_sentence(make_vectors, tmp_path):
    fit_codes(make_vectors(40), QUICK["rq-kmeans"], tmp_path, seed=0).save(tmp_path)
    (tmp_path / "quantizer.safetensors").write_bytes(b"\0\0")
    with pytest.raises(ArtifactError, match=r"quantizer\.safetensors is damaged"):
        load_quantizer(tmp_path)
    (tmp_path / "quantizer.json").write_text('{"method": "magic"}')
    with pytest.raises(AutoGraphError, match="names the method 'magic', and there are rq-vae"):
        load_quantizer(tmp_path)


def test_a_side_given_in_part_keeps_its_own_defaults():
    config = QuantizeConfig.model_validate({"user": {"levels": 2}, "item": {"k": 99}})
    assert (config.user.k, config.user.levels, config.user.method) == (300, 2, "rq-vae")
    assert (config.item.k, config.item.levels) == (99, 3)
    assert QuantizeConfig.model_validate(config.model_dump(mode="json")) == config
    other = QuantizeConfig.model_validate({"item": {"method": "rq-kmeans"}})
    assert other.item == RqKMeansConfig(k=256)
    with pytest.raises(ValidationError):
        QuantizeConfig.model_validate({"item": {"method": "rq-kmeans", "beta": 1}})


def test_usage_by_hand():
    table = usage(np.array([[0, 1], [0, 0]], np.int32), 2)
    assert table["members"].to_list() == [2, 0, 1, 1]
    assert table["share"].to_list() == [1, 0, 0.5, 0.5]
