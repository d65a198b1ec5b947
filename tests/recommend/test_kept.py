"""An export that is asked: from kept neighbours, in a process without torch, beside no draw."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept_zoomer import KeptZoomer
from test_neighbours import ByHand
from test_zoomer_regions import N_USERS, config_of, shuffled, training, with_log, zoomer_of

from data.dataset import Dataset, Histories, histories
from data.errors import ConfigError, DataError
from data.split import leave_one_out
from recommend.model import Model
from recommend.serve.arrays import MEAN
from recommend.serve.folder import write_folder
from recommend.serve.kept import Kept, latest_once
from recommend.serve.reader import Ask, Export
from recommend.serve.take import take
from recommend.serve.wanted import QUERIES, Wanted, rank_by_words
from recommend.zoom.recommender import Zoomer
from recommend.zoom.served import agreement, arrays_of

DATASET = shuffled(True)
SPLIT = leave_one_out(DATASET)
PAST = histories(DATASET.interactions, DATASET.n_users)
USERS = np.arange(N_USERS)
FRESH = """
import json, sys
from recommend.serve.reader import Ask, Export
export = Export.open(sys.argv[1])
asks = [Ask(user=u, query=q, k=16, again=True) for u in export.users.to_series(0)
        for q in export.queries]
print(json.dumps([[one.items, one.scores] for one in export.recommend(asks)]))
assert "torch" not in sys.modules
"""


def write(made: Zoomer, folder: Path, dataset: Dataset = DATASET, **own: Any) -> Path:
    """An export of an untrained one."""
    model = Model(config_of(**own), made, dataset.user_ids, dataset.item_ids, None)  # type: ignore[arg-type]
    ids = tuple(f"0-{n}" for n in range(made.n_queries))
    words = [{"war": (2, 1.0)}, {"war": (3, 2.0), "love": (1, 1.0)}] + [{}] * made.n_queries
    names = tuple(f"Name {n}" for n in range(made.n_queries))
    wanted = Wanted("meaning", ids, names, tuple(words[: made.n_queries]))
    write_folder(folder, take(model, dataset, leave_one_out(dataset), {}, wanted=wanted))
    return folder


@pytest.fixture(scope="module")
def made() -> Zoomer:
    return zoomer_of(DATASET)


@pytest.fixture(scope="module")
def folder(made: Zoomer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(made, tmp_path_factory.mktemp("exports") / "a")


def test_a_process_without_torch_answers_as_the_kept_zoomer(made: Zoomer, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(folder)], capture_output=True, text=True, check=True
    )
    kept = KeptZoomer(made, ByHand(), histories=PAST)
    kept.warm(USERS, range(made.n_queries))
    users, queries = (
        one.ravel() for one in np.meshgrid(USERS, np.arange(made.n_queries), indexing="ij")
    )
    ours = kept.asking(users, queries) @ made.base_items.T
    for own, (items, scores) in zip(ours, json.loads(done.stdout), strict=True):
        numbers = DATASET.item_ids.numbers(items)
        assert len(items) == DATASET.n_items
        np.testing.assert_allclose(scores, own[numbers], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "own",
    [
        {"norm": "all", "scale": "one", "own": False},
        {"edge": False, "feature": False},
        {"queries": "log"},
    ],
)
@pytest.mark.parametrize("clock", [True, False])
def test_every_setting_is_answered_as_torch_does(own: dict[str, Any], clock: bool) -> None:
    dataset = with_log(shuffled(clock))
    made = zoomer_of(dataset, **own)
    kept = KeptZoomer(made, ByHand(), histories=PAST)
    kept.warm(USERS, range(made.n_queries))
    queries = USERS % made.n_queries
    ours = kept.asking(USERS, queries)
    here = Kept(*arrays_of(made, PAST), PAST)
    found = here.vectors([here.near(int(u), None, int(q)) for u, q in zip(USERS, queries)])  # noqa: B905
    np.testing.assert_allclose(found, ours, atol=1e-5)
    np.testing.assert_array_equal(
        [here.near(int(user), None, None).query for user in USERS], made.query_after(PAST, USERS)
    )


def test_a_hit_draws_nothing_and_what_is_longest_unread_goes_first(
    made: Zoomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = ByHand()
    kept = Kept(*arrays_of(made, PAST), PAST, beside, entries=3)
    pairs = len(kept.pairs) // 2
    for user in (0, 1):
        kept.near(user, None, 0, wait=True)
    assert len(kept.kept) == 3 * pairs == kept.kept.entries
    with monkeypatch.context() as blinded:
        blinded.setattr(Kept, "_draw", None)
        assert not kept.near(0, None, 0).missed and not beside.waiting
    kept.near(2, None, 0, wait=True)
    users = {node[1] for node in kept.kept.nodes if node[0] == "user"}  # type: ignore[index]
    assert users == {0, 2} and kept.kept.counts.evicted == pairs


def test_a_miss_does_not_wait_and_says_so(made: Zoomer, folder: Path) -> None:
    beside = ByHand()
    export = Export.open(folder, beside=beside)
    ask = Ask(user=DATASET.user_ids.external[3], query="0-1")
    (first,) = export.recommend([ask])
    assert any("this user" in note for note in first.notes) and beside.waiting
    beside.run()
    (second,) = export.recommend([ask])
    (waited,) = Export.open(folder).recommend([ask])
    assert second == waited and not any("yet" in note for note in second.notes)
    assert second.scores != first.scores


def test_a_longer_history_in_the_call_is_heard_at_once_and_kept_for_nobody(
    made: Zoomer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = Export.open(folder, beside=ByHand())
    assert export.kept is not None
    user = DATASET.user_ids.external[3]
    plain = Ask(user=user, query="0-1", again=True)
    export.kept.near(3, None, 1, wait=True)
    (before,) = export.recommend([plain])
    had = export.had(user)
    fresh = next(id for id in DATASET.item_ids.external if id not in had)
    with monkeypatch.context() as blinded:
        blinded.setattr(Kept, "_draw", None)
        same, longer, after = export.recommend(
            [replace(plain, history=had), replace(plain, history=(*had, fresh)), plain]
        )
    np.testing.assert_allclose(same.scores, before.scores, atol=1e-6)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
    assert np.abs(np.subtract(longer.scores, before.scores)).max() > 1e-4
    items = np.array(DATASET.item_ids.numbers((*had, fresh)))
    rows = [*PAST.items.reshape(N_USERS, -1)]
    rows[3] = items
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    whole = Histories(offsets, np.concatenate(rows), np.zeros(offsets[-1], np.int64))
    kept = KeptZoomer(made, ByHand(), histories=whole)
    kept.warm([3], [1])
    ours = (kept.asking(np.array([3]), np.array([1])) @ made.base_items.T)[0]
    numbers = DATASET.item_ids.numbers(longer.items)
    np.testing.assert_allclose(longer.scores, ours[numbers], atol=1e-5)


def test_everybody_is_drawn_beside_the_first_answers(
    made: Zoomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = ByHand()
    kept = Kept(*arrays_of(made, PAST), PAST, beside, entries=1000)
    monkeypatch.setattr("recommend.serve.kept.WARM", 7)
    kept.warm(beside)
    assert len(kept.kept) == 7
    beside.run()
    assert len(kept.kept) == (N_USERS + made.n_queries) * len(kept.pairs) // 2
    assert not kept.near(N_USERS - 1, None, made.n_queries - 1).missed


def test_who_is_unknown_and_says_nothing_is_answered_by_the_history(folder: Path) -> None:
    export = Export.open(folder)
    assert export.kept is not None
    near = export.kept.near(None, np.array([5, 3]), None)
    assert near.user == N_USERS and near.query == export.kept._arrays["codes"][3]
    (found,) = export.recommend([Ask(history=DATASET.item_ids.external[:2])])
    assert any("stranger" in note for note in found.notes) and len(found.items) == 10


def test_an_ask_is_explained_by_its_own_rank(folder: Path) -> None:
    export = Export.open(folder)
    user = DATASET.user_ids.external[4]
    for query in export.queries[:2]:
        (found,) = export.recommend([Ask(user=user, query=query)])
        why = export.explain(found.items[2], user, query=query)
        assert why.rank == 3 and why.score == pytest.approx(found.scores[2], abs=1e-6)


def test_words_are_taken_for_what_they_tell_most_of(folder: Path) -> None:
    export = Export.open(folder)
    user = DATASET.user_ids.external[0]
    by_id, by_name, by_words = export.recommend(
        [Ask(user=user, query=one) for one in ("0-1", " name  1", "a film of WAR")]
    )
    assert by_id.items == by_name.items == by_words.items
    assert "‘war’ tells of it" in by_words.notes[0] and "0-0 (Name 0)" in by_words.notes[0]
    with pytest.raises(DataError, match="no meaning 'rain' to ask for"):
        export.recommend([Ask(user=user, query="rain")])
    assert rank_by_words([{}, {}], "war") == []


def test_an_export_that_names_queries_in_its_card_is_read(made: Zoomer, tmp_path: Path) -> None:
    model = Model(config_of(), made, DATASET.user_ids, DATASET.item_ids, None)  # type: ignore[arg-type]
    names = tuple(f"0-{n} Name" for n in range(made.n_queries))
    wanted = Wanted("meaning", names, names)
    content = take(model, DATASET, SPLIT, {}, wanted=wanted, beforehand=True)
    files = {name: raw for name, raw in content.files.items() if name != QUERIES}
    arrays = {name: of for name, of in content.arrays.items() if name != "kept"}
    about = {name: of for name, of in content.about.items() if name != "kept"}
    about |= {"asks": {"answered": True, "queries": list(names), "note": ""}, "history": MEAN}
    write_folder(tmp_path / "o", replace(content, files=files, arrays=arrays, about=about))
    export = Export.open(tmp_path / "o")
    assert export.kept is None and export.queries == names
    (found,) = export.recommend([Ask(DATASET.user_ids.external[2], query=names[1], again=True)])
    ours = made.asking(np.array([2]), np.array([1]), PAST) @ made.base_items.T
    numbers = DATASET.item_ids.numbers(found.items)
    np.testing.assert_allclose(found.scores, ours[0][numbers], atol=1e-5)
    with pytest.raises(ConfigError, match="no history"):
        export.recommend([Ask(None, ("i1",), query=names[1])])


def test_two_hops_are_exported_as_before_and_say_why_nobody_asks(tmp_path: Path) -> None:
    made = zoomer_of(DATASET, hops=2)
    export = Export.open(write(made, tmp_path / "b", hops=2))
    assert export.kept is None and "kept" not in export.card
    assert "reads 2 hops" in export.card["history"]["note"]
    with pytest.raises(DataError, match="reads 2 hops"):
        export.recommend([Ask(user=DATASET.user_ids.external[0], query="0-1")])
    assert export.recommend([Ask(user=DATASET.user_ids.external[0])])[0].items


def test_agreement_is_counted(made: Zoomer) -> None:
    past, targets = training(DATASET), SPLIT.targets(DATASET, "valid")
    arrays, about = arrays_of(made, PAST)
    found = agreement(made, past, targets, arrays, about)
    kept = Kept(arrays, about, past)
    queries, same, gains = made.query_after(past, USERS), [], []
    for user in USERS.tolist():
        near = kept.near(user, None, int(queries[user]))
        best = []
        for vector in (made.asking([user], queries[[user]], past)[0], kept.vectors([near])[0]):  # type: ignore[arg-type]
            scores = made.base_items @ vector
            scores[past.of(user)] = -np.inf
            best.append(np.argsort(-scores)[:10].tolist())
        same.append(len({*best[0]} & {*best[1]}) / 10)
        at = best[1].index(targets[user]) if targets[user] in best[1] else None
        gains.append(0 if at is None else 1 / np.log2(at + 2))
    assert found["overlap@10 of usual"] == pytest.approx(np.mean(same))
    assert found["ndcg@10 of kept"] == pytest.approx(np.mean(gains)) and found["users"] == N_USERS


def test_the_latest_come_first_and_once() -> None:
    assert latest_once(np.array([1, 2, 1, 3]), 5).tolist() == [3, 1, 2]
    assert latest_once(np.array([], int), 5).tolist() == []
