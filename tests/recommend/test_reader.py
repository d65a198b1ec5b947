"""An export that is opened: what it answers, against brute force, and what it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from subprocess import Popen
from tempfile import mkdtemp
from typing import Any

import numpy as np
import polars as pl
import pytest

from data.errors import ArtifactError, ConfigError, DataError
from recommend.serve import folder as folders
from recommend.serve.arrays import write_export
from recommend.serve.index import build_index
from recommend.serve.reader import Ask, Export

USERS, ITEMS, WIDTH, INTERESTS = 12, 300, 8, 3


def vectors(rng: np.random.Generator, n_items: int = ITEMS) -> tuple[np.ndarray, np.ndarray]:
    items = rng.normal(size=(n_items, WIDTH)).astype(np.float32)
    return items, rng.normal(size=(USERS, INTERESTS, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Export, np.ndarray, list[list[int]]]:
    rng = np.random.default_rng(0)
    items, users = vectors(rng)
    items[100:104] = items[100]  # equals
    had = [rng.integers(0, ITEMS, size=n).tolist() for n in range(3, 3 + USERS)]
    table = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(ITEMS)],
            "title": [f"Item {n}" if n else None for n in range(ITEMS)],
            "year": [1900 + n % 120 if n % 7 else None for n in range(ITEMS)],
            "kinds": [["even"] if n % 2 == 0 else ["odd", "rare"] for n in range(ITEMS)],
            "colour": ["red", "green", "blue"] * (ITEMS // 3),
        }
    )
    people = pl.DataFrame({"user_id": [f"u{n}" for n in range(USERS)]})
    folder = tmp_path_factory.mktemp("exports") / "one"
    write_export(folder, items, users, had, table, people)
    return Export.open(folder), (users @ items.T).max(1), had


def brute(scores: np.ndarray, barred: set[int], allowed: np.ndarray, k: int) -> list[str]:
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))
    return [f"i{n}" for n in order if n not in barred and allowed[n]][:k]


def test_it_recommends_what_all_scores_say(
    world: tuple[Export, np.ndarray, list[list[int]]],
) -> None:
    export, scores, had = world
    every = np.ones(ITEMS, bool)
    found = export.recommend([Ask(user=f"u{n}", k=15) for n in range(USERS)])
    for n, listing in enumerate(found):
        assert list(listing.items) == brute(scores[n], set(had[n]), every, 15)
        numbers = [int(one[1:]) for one in listing.items]
        assert np.allclose(listing.scores, scores[n][numbers], atol=1e-5)
        assert not listing.notes


def test_one_ask_is_answered_as_among_many(
    world: tuple[Export, np.ndarray, list[list[int]]],
) -> None:
    export, _, _ = world
    asks = [Ask(user=f"u{n}", k=1 + 9 * n) for n in range(USERS)]
    assert export.recommend(asks) == [export.recommend([ask])[0] for ask in asks]


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
@pytest.mark.parametrize("interests", [1, 2])
def test_any_asks_are_answered_together_as_each_alone(
    tmp_path: Path, kind: Any, interests: int
) -> None:
    rng = np.random.default_rng(1)
    items, users = vectors(rng, 2000)
    items = np.round(items, 1)
    items[rng.integers(0, 2000, 300)] = items[7]  # equals, also at the best scores
    users[:6, 0] = items[7]
    had = [rng.integers(0, 2000, size=n).tolist() for n in (0, 1, 3, 9, 9, 20, 20, 40, 5, 5, 5, 5)]
    had[3] += had[3]
    table = pl.DataFrame({"item_id": [f"i{n}" for n in range(2000)], "a": [0, 1] * 1000})
    people = pl.DataFrame({"user_id": [f"u{n}" for n in range(USERS)]})
    write_export(tmp_path / "one", items, users[:, :interests], had, table, people, kind)
    export = Export.open(tmp_path / "one")
    asks = [
        Ask(
            user=f"u{rng.integers(USERS)}",
            history=(f"i{rng.integers(2000)}",) if n % 5 == 0 else None,
            k=int(rng.integers(1, 40)),
            exclude=("i7", f"i{rng.integers(2000)}") if n % 3 == 0 else (),
            where={"a": 1} if n % 7 == 0 else {},
            again=bool(n % 4 == 0),
        )
        for n in range(120)
    ]
    alone = [export.recommend([ask])[0] for ask in asks]
    assert export.recommend(asks) == alone
    assert export.recommend(asks[::-1]) == alone[::-1]
    again = [Ask(user=f"u{n}", again=True) for n in range(USERS)]
    assert export.recommend(again) == [export.recommend([ask])[0] for ask in again]
    assert all(list(one.scores) == sorted(one.scores, reverse=True) for one in alone)


def test_what_was_had_many_times_is_looked_at_once(tmp_path: Path) -> None:
    items, users = vectors(np.random.default_rng(2), 2000)
    had = [[n] * 3000 + [n + 1] for n in range(USERS)]
    write_export(tmp_path / "one", items, users, had)
    export = Export.open(tmp_path / "one")
    every = (users @ items.T).max(1)
    export._form.of = None  # type: ignore[attr-defined]
    for n, found in enumerate(export.recommend([Ask(user=f"{n}") for n in range(USERS)])):
        out = brute(every[n], {n, n + 1}, np.ones(2000, bool), 10)
        assert [f"i{item}" for item in found.items] == out


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ({"colour": "red"}, lambda n: n % 3 == 0),
        ({"colour": ["red", "blue"]}, lambda n: n % 3 != 1),
        ({"kinds": "rare"}, lambda n: n % 2 == 1),
        ({"year": {"least": 1950, "below": 1953}}, lambda n: n % 7 and 50 <= n % 120 < 53),
        ({"year": 1951}, lambda n: n % 7 and n % 120 == 51),
        ({"kinds": "even", "colour": "green"}, lambda n: n % 2 == 0 and n % 3 == 1),
        ({"colour": "no such"}, lambda n: False),
    ],
)
def test_conditions_and_what_is_excluded_hold_exactly(
    world: tuple[Export, np.ndarray, list[list[int]]], where: Mapping[str, Any], fits: Any
) -> None:
    export, scores, had = world
    allowed = np.array([bool(fits(n)) for n in range(ITEMS)])
    for n in range(USERS):
        out = brute(scores[n], set(), allowed, 2)
        (found,) = export.recommend(
            [Ask(user=f"u{n}", k=25, where=where, exclude=tuple(out), again=True)]
        )
        assert list(found.items) == brute(scores[n], {int(one[1:]) for one in out}, allowed, 25)
        (fresh,) = export.recommend([Ask(user=f"u{n}", k=25, where=where)])
        assert list(fresh.items) == brute(scores[n], set(had[n]), allowed, 25)


def test_equals_come_by_their_number(world: tuple[Export, np.ndarray, list[list[int]]]) -> None:
    export, _, _ = world
    (found,) = export.recommend([Ask(user="u0", k=ITEMS, again=True)])
    places = [found.items.index(f"i{n}") for n in range(100, 104)]
    assert places == list(range(places[0], places[0] + 4))


def test_a_history_is_read_and_what_is_unknown_in_it_is_told(
    world: tuple[Export, np.ndarray, list[list[int]]],
) -> None:
    export, _, _ = world
    (found,) = export.recommend([Ask(history=("i3", "nowhere", "i5"))])
    assert "nowhere" in found.notes[0] and not {"i3", "i5"} & set(found.items)
    (again,) = export.recommend([Ask(history=("i3", "i5"), again=True, k=ITEMS)])
    assert {"i3", "i5"} <= set(again.items)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (Ask(), ConfigError, "user or a history"),
        (Ask(user="nobody"), DataError, "no user 'nobody'"),
        (Ask(history=()), DataError, "empty"),
        (Ask(history=("x", "y")), DataError, "None of the 2 items"),
        (Ask(user="u1", k=0), ConfigError, "k is 0"),
        (Ask(user="u1", k=1001), ConfigError, "k is 1001"),
        (Ask(user="u1", where={"size": 3}), DataError, "no attribute 'size'"),
        (Ask(user="u1", where={"colour": {"least": 3}}), DataError, "no number"),
        (Ask(user="u1", where={"year": {"most": 3}}), DataError, "least and below"),
        (Ask(user="u1", where={"year": "old"}), DataError, "is a number"),
    ],
)
def test_what_it_cannot_answer_it_says(
    world: tuple[Export, np.ndarray, list[list[int]]],
    ask: Ask,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        world[0].recommend([ask])


def test_alike_is_by_cosine(world: tuple[Export, np.ndarray, list[list[int]]]) -> None:
    export, _, _ = world
    found = export.similar(item="i100", k=5)
    assert found.items[:3] == ("i101", "i102", "i103") and found.scores[0] == pytest.approx(1)
    assert "i100" not in found.items
    assert "u3" not in export.similar(user="u3").items
    only = export.similar(item="i100", where={"colour": "red"})
    assert all(int(one[1:]) % 3 == 0 for one in only.items)


def test_titles_are_ids_where_there_are_none(
    world: tuple[Export, np.ndarray, list[list[int]]],
) -> None:
    assert world[0].titles(["i0", "i5"]) == ["i0", "Item 5"]


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_an_index_that_may_miss_still_gives_all_that_is_wanted(tmp_path: Path, kind: Any) -> None:
    rng = np.random.default_rng(1)
    items, users = vectors(rng, 2000)
    card = write_export(tmp_path / "a", items, users, kind=kind)
    export = Export.open(tmp_path / "a")
    assert 0.95 <= card["index"]["recall@100"] <= 1
    (one,) = export.recommend([Ask(user="0", k=1000)])
    assert len(one.items) == len(set(one.items)) == 1000
    exact = (users @ items.T).max(1)
    shares = []
    for n, found in enumerate(export.recommend([Ask(user=str(n), k=10) for n in range(USERS)])):
        best = np.argsort(-exact[n])[:10]
        shares.append(len({int(x) for x in found.items} & set(best.tolist())) / 10)
    assert np.mean(shares) > 0.9


@pytest.mark.parametrize("file", ["items.safetensors", "index.faiss", "users.parquet"])
def test_damage_is_told(tmp_path: Path, file: str) -> None:
    write_export(tmp_path / "a", *vectors(np.random.default_rng(2)))
    path = tmp_path / "a" / file
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ArtifactError, match=f"{file} is damaged"):
        Export.open(tmp_path / "a")
    path.unlink()
    with pytest.raises(ArtifactError, match=f"{file} is missing"):
        Export.open(tmp_path / "a")


def test_a_card_that_was_changed_or_is_of_another_format_is_refused(tmp_path: Path) -> None:
    write_export(tmp_path / "a", *vectors(np.random.default_rng(3)))
    card = tmp_path / "a" / "card.json"
    text = card.read_text()
    card.write_text(text.replace('"users": 12', '"users": 13'))
    with pytest.raises(ArtifactError, match="changed"):
        Export.open(tmp_path / "a")
    card.write_text(text.replace('"version": 1', '"version": 9'))
    with pytest.raises(ArtifactError, match="format 9"):
        Export.open(tmp_path / "a")
    card.write_text("{")
    with pytest.raises(ArtifactError, match="damaged"):
        Export.open(tmp_path / "a")
    with pytest.raises(ArtifactError, match="no such folder"):
        Export.open(tmp_path / "b")


def test_a_card_of_half_a_character_and_a_file_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_export(tmp_path / "a", *vectors(np.random.default_rng(3)))

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(folders, "_sum_of", refuse)
        with pytest.raises(ArtifactError, match="cannot be read: Permission denied"):
            Export.open(tmp_path / "a")
    card = tmp_path / "a" / "card.json"
    card.write_text(card.read_text().replace("arrays", r"\ud800"))
    with pytest.raises(ArtifactError, match="changed"):
        Export.open(tmp_path / "a")


def test_what_is_replaced_while_it_is_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, users = vectors(np.random.default_rng(6))
    write_export(tmp_path / "a", items, users)
    later = []

    def check(folder: Path, card: Mapping[str, Any]) -> None:
        folders.check_files(folder, card)
        if not later:
            later.append(write_export(tmp_path / "a", -items, users, replace=True))

    monkeypatch.setattr("recommend.serve.reader.check_files", check)
    export = Export.open(tmp_path / "a")
    assert export.card == later[0]
    (found,) = export.recommend([Ask(user="0", k=1)])
    assert found.items[0] == str((users[0] @ -items.T).max(0).argmax())


@pytest.mark.parametrize("name", ["a" * 300, "letter.txt/a", "circle"])
def test_a_place_that_cannot_be_written_or_opened_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ArtifactError, match=r"Cannot write the export .*name another folder"):
        write_export(tmp_path / name, *vectors(np.random.default_rng(4)))
    with pytest.raises(ArtifactError, match="no such folder"):
        Export.open(tmp_path / name)
    with pytest.raises(ArtifactError, match=r"is no export: it has no card\.json"):
        Export.open(tmp_path)


def test_a_form_of_another_version_is_told(tmp_path: Path) -> None:
    write_export(tmp_path / "a", *vectors(np.random.default_rng(4)))
    card = folders.read_card(tmp_path / "a") | {"form": "trees"}
    card["fingerprint"] = folders._fingerprint(card)
    (tmp_path / "a" / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtifactError, match="the form 'trees'"):
        Export.open(tmp_path / "a")


def test_of_two_exports_at_once_the_second_takes_the_place_only_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, users = vectors(np.random.default_rng(4))
    fill, first = folders._fill, []

    def slow(part: Path, content: Any) -> dict[str, Any]:
        card = fill(part, content)
        if not first:
            monkeypatch.setattr(folders, "_fill", fill)
            monkeypatch.setattr(os, "getpid", lambda: 1)  # as another process does
            first.append(write_export(tmp_path / "a", items, users))
            monkeypatch.undo()
        return card

    monkeypatch.setattr(folders, "_fill", slow)
    with pytest.raises(ConfigError, match="--replace"):
        write_export(tmp_path / "a", 2 * items, users)
    assert Export.open(tmp_path / "a").card == first[0]
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_an_earlier_process_of_the_same_number_leaves_nothing_in_an_export(tmp_path: Path) -> None:
    left = tmp_path / f".a.{os.getpid()}.part"
    left.mkdir()
    (left / "lists.safetensors").write_text("of another one")
    card = write_export(tmp_path / "a", *vectors(np.random.default_rng(4)))
    assert "lists.safetensors" not in card["files"] and not left.exists()


def test_an_export_takes_a_place_only_where_it_may(tmp_path: Path) -> None:
    items, users = vectors(np.random.default_rng(4))
    first = write_export(tmp_path / "a", items, users)
    with pytest.raises(ConfigError, match="--replace"):
        write_export(tmp_path / "a", items, users)
    second = write_export(tmp_path / "a", 2 * items, users, replace=True)
    assert Export.open(tmp_path / "a").card == second != first
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="no export"):
        write_export(tmp_path / "mine", items, users, replace=True)
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_place_is_never_empty_while_an_export_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, users = vectors(np.random.default_rng(4))
    write_export(tmp_path / "a", items, users)
    if not folders._exchange(*(Path(mkdtemp(dir=tmp_path)) for _ in range(2))):
        pytest.skip("this system cannot have two folders change places at once")

    def refuse(*_: object) -> None:
        raise AssertionError("a rename by which the place is empty for a moment")

    monkeypatch.setattr(Path, "rename", refuse)
    second = write_export(tmp_path / "a", 2 * items, users, replace=True)
    assert Export.open(tmp_path / "a").card == second


@pytest.mark.parametrize("at_once", [True, False])
def test_what_killed_processes_left_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    items, users = vectors(np.random.default_rng(4))
    gone = Popen(["true"])
    gone.wait()
    if not at_once:
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    for name in (f".a.{gone.pid}.part", f".a.{gone.pid}.old", f".a.{os.getppid()}.part"):
        (tmp_path / name).mkdir()
    write_export(tmp_path / "a", items, users)
    assert (tmp_path / f".a.{gone.pid}.old").exists()  # it may have been the only copy
    second = write_export(tmp_path / "a", 2 * items, users, replace=True)
    there = {one.name for one in tmp_path.iterdir()}
    assert there == {"a", f".a.{os.getppid()}.part"}
    assert Export.open(tmp_path / "a").card == second


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    items, users = vectors(np.random.default_rng(5))
    with pytest.raises(DataError, match="have to be"):
        write_export(tmp_path / "a", items[:, :4], users)
    for had, said in (([[0]], "of 1 users"), ([[ITEMS]] * USERS, "there are not")):
        with pytest.raises(DataError, match=said):
            write_export(tmp_path / "a", items, users, had)
    twice = pl.DataFrame({"item_id": ["i"] * ITEMS})
    with pytest.raises(DataError, match="stand twice"):
        write_export(tmp_path / "a", items, users, item_table=twice)
    items[3, 2] = np.nan
    with pytest.raises(DataError, match="not finite"):
        write_export(tmp_path / "a", items, users)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_lists_hold_numbers_of_16_bits_where_these_are_enough(scale: float) -> None:
    rng = np.random.default_rng(5)
    vectors = scale * rng.normal(size=(400, 8)).astype(np.float32)
    raw, about = build_index(vectors, vectors, "ivf", lists=4, probes=4)
    assert about["recall@100"] > 0.99, "all lists are looked at"
    assert (len(raw) < vectors.nbytes) == (scale == 1.0)
