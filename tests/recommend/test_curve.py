"""Curves of a recommender that is being trained, and of one that is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_worlds import checkerboard, config_of

from data.errors import ArtifactError
from data.split import leave_one_out
from recommend.curve import CHECKPOINT, epochs_of
from recommend.fit.training import fit_model
from recommend.settings import TrainConfig
from recommend.sources import Sources

DATASET = checkerboard()
SETTINGS = TrainConfig(epochs=3, patience=3, batch_size=8)


def test_the_curve_grows_with_the_epochs_and_ends_as_the_model_has_it(tmp_path: Path) -> None:
    scratch, folder = tmp_path / "scratch", tmp_path / "model"
    seen: list[int] = []

    def look(*_: object) -> None:
        seen.append(len(epochs_of(folder, scratch)))

    model = fit_model(
        DATASET,
        leave_one_out(DATASET),
        Sources(),
        config_of("sasrec", "none"),
        SETTINGS,
        seed=0,
        scratch=scratch,
        on_progress=look,
    )
    assert seen == [0, 1, 2]
    live = epochs_of(folder, scratch)
    assert live == model.curve.to_dicts()
    model.save(folder)
    (scratch / CHECKPOINT).unlink()
    assert epochs_of(folder, scratch) == live


def test_a_damaged_checkpoint_gets_its_sentence(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"\x00" * 20)
    with pytest.raises(ArtifactError, match="is damaged"):
        epochs_of(tmp_path, tmp_path)
