"""Files of a workspace that are cut off: the next run says so, or mends it, and loses nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from asking_fakes import Asked, answer_to, texts_of, write_shop
from forked import ForkServer

from app.plan import Plan
from app.records import read_record, write_record
from app.update import update_knowledge
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
        cut = cache.read_bytes()[: int(share * cache.stat().st_size)]
        cache.write_bytes(cut)
        readable = sum(answer_to(key).encode() in cut for key in asked.keys)
        shutil.rmtree(tmp_path / "ws" / "artifacts" / STAGE)
        ended = forks.run(*words)
    assert ended.code == 0, ended.said
    assert len(asked.keys) <= 2 * N_ITEMS - 0.9 * readable
    assert (readable > 20) is (share > 0.5)
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
        told = forks.run(*words)
        assert told.code == 1 and "Traceback" not in told.said
        assert name in told.said and "damaged" in told.said and "Delete" in told.said
        shutil.rmtree(path.parent)
        again = forks.run(*words)
    assert again.code == 0, again.said
    assert len(asked.keys) == N_ITEMS
    assert len(texts_of(tmp_path / "ws", STAGE)) == N_ITEMS


def test_a_record_cut_off_at_any_byte_gets_a_sentence_and_a_run_mends_it(
    tiny_experiment: Path, tmp_path: Path
) -> None:
    from app.experiment_file import load_experiment

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
