"""The Demo where items are of several domains, and the command that does the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from manifests import finish_again
from opening import Open, asked, press, sound, words
from typer.testing import CliRunner

from app.pipeline.records import Record, read_record
from app.results.comparison import default_pair
from app.results.results import Results
from app.ui.demo.domains import ALL
from app.ui.shared.frame import plain
from data.domains import Domains
from recommend.model import Model
from recommend.reasons.showcase import Asked, Showcase
from recommend.reasons.what_if import Ready, moves


@pytest.fixture(scope="module")
def parted(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as if its old films were of a domain; user 5 has none of these in training."""
    workspace = tmp_path_factory.mktemp("parted") / "workspace"
    shutil.copytree(demo_workspace, workspace)
    record = read_record("demo", workspace)
    results, folder = Results(record), record.folder("dataset")
    new = results.histories.of(5).tolist()
    items = pl.read_parquet(folder / "items.parquet")
    old = (pl.col("year") < 1990) & ~pl.int_range(pl.len()).is_in(new)
    domain = pl.when(old).then(pl.lit("old")).otherwise(pl.lit("young"))
    items.with_columns(domain=domain).write_parquet(folder / "items.parquet")
    finish_again(folder)
    return workspace


@pytest.fixture(scope="module")
def record(parted: Path) -> Record:
    return read_record("demo", parted)


@pytest.fixture(scope="module")
def case(record: Record) -> Showcase:
    return Results(record).showcase


def both(case: Showcase) -> int:
    """Somebody who is known in both domains."""
    domains = case.domains
    assert domains is not None and min(np.bincount(domains.of_item)) > 20
    return next(u for u in range(99) if domains.counts(case.histories.of(u)).min() > 2)


def titles(page: Any) -> list[str]:
    """Of both lists."""
    bold = [str(one.value) for one in page.markdown if str(one.value).startswith("**")]
    every = [one[2 : one.rindex("**")] for one in bold if " so far**" not in one]
    return [one for one in every if not one.isdigit()]


def ready_of(record: Record) -> Ready:
    cell = default_pair(record)[0]
    assert cell is not None
    return Ready.of(Model.load(record.folder("train", cell)))


def test_a_list_is_of_the_chosen_domain_with_a_way_from_the_other(
    screen: Open, parted: Path, record: Record, case: Showcase
) -> None:
    user, domains = both(case), Domains.of(case.dataset)
    external, among = case.dataset.user_ids.external[user], domains.holds("old")
    page = screen("demo", parted, user=external, domain="old")
    assert sound(page)
    ready, history = ready_of(record), case.histories.of(user)
    table = moves(ready, user, history, history, 6, among)
    items = table["item"].to_list()
    assert titles(page)[:6] == [plain(case.title(item)) for item in items]
    assert among[items].all()
    told = words(page)
    for whys in case.whys(history, user, items, Asked(ready, user, among=among), 2):
        across = [why.reason.sentence for why in whys if why.reason.across]
        assert across or whys[0].reason.words
        assert all(plain(sentence.partition(": fewer")[0]) in told for sentence in across)
    assert f"autograph recommend demo --user {external} --explain --domain old" in told
    page = page.selectbox(key="chosen domain").set_value(ALL).run()
    assert sound(page) and asked(page, "domain") is None
    assert titles(page)[:6] == [
        plain(case.title(item)) for item in moves(ready, user, history, history, 6)["item"]
    ]


def test_what_is_held_back_is_not_read_and_is_marked_where_it_is_recommended(
    screen: Open, parted: Path, record: Record, case: Showcase
) -> None:
    user, domains = both(case), Domains.of(case.dataset)
    history, young = case.histories.of(user), domains.holds("young")
    back = set(history[~young[history]].tolist())
    address = {"user": case.dataset.user_ids.external[user], "domain": "old"}
    page = screen("demo", parted, **address)
    page = page.selectbox(key="chosen known").set_value("young").run()
    assert sound(page) and asked(page, "known") == "young"
    among, after = domains.holds("old"), history[young[history]]
    table = moves(ready_of(record), user, history, after, 6, among)
    assert titles(page)[:6] == [plain(case.title(item)) for item in table["item"]]
    told = words(page)
    assert f"Held back: {len(back)} of old." in told
    assert told.count("watched, held back]") >= len(back & set(table["item"]))
    for item in back:
        with pytest.raises(KeyError):
            page.button(key=f"out-{item}")
    assert "also knows this person by what was made of all of training" in told
    assert "--domain old --known young" in told


def test_people_known_in_one_domain_alone_are_found(
    screen: Open, parted: Path, case: Showcase
) -> None:
    whom = case.known_in("young").tolist()
    assert 5 in whom and both(case) not in whom
    rows = Domains.of(case.dataset)
    for user in whom:
        assert rows.counts(case.histories.of(user)).tolist()[0] == 0
    page = screen("demo", parted, user=case.dataset.user_ids.external[both(case)], whom="young")
    page = press(page, "Anybody")
    assert sound(page) and asked(page, "user") in [case.dataset.user_ids.external[u] for u in whom]
    page = screen("demo", parted, user=case.dataset.user_ids.external[both(case)])
    page = page.selectbox(key="chosen whom").set_value("young").run()
    assert sound(page) and asked(page, "user") in [case.dataset.user_ids.external[u] for u in whom]
    page = page.text_input(key="people-words").input("user").run()
    keys = [button.key or "" for button in page.button]
    found = [int(key.rpartition("-")[2]) for key in keys if "-found-" in key]
    assert found and set(found) <= set(whom)
    page = screen("demo", parted, user=case.dataset.user_ids.external[5], domain="old")
    assert "In training, this person watched nothing of old." in words(page)
    address = {"user": case.dataset.user_ids.external[5], "known": "old"}
    page = screen("demo", parted, **address)
    assert sound(page) and "This person watched nothing of old." in words(page)


def test_why_says_among_what_ranks_are(screen: Open, parted: Path, case: Showcase) -> None:
    address = {"user": case.dataset.user_ids.external[both(case)], "domain": "old"}
    page = screen("demo", parted, **address)
    page = next(b for b in page.button if (b.key or "").startswith("why-left")).click().run()
    assert sound(page) and "Its ranks are among the films of old." in words(page)


def test_a_domain_that_is_not_there_is_missed(screen: Open, parted: Path) -> None:
    page = screen("demo", parted, domain="middling")
    assert not page.exception and "middling" in words(page)


def test_without_domains_nothing_is_asked(screen: Open, demo_workspace: Path) -> None:
    page = screen("demo", demo_workspace)
    assert sound(page)
    assert not {"chosen domain", "chosen known", "chosen whom"} & {b.key for b in page.selectbox}


def command(*arguments: object) -> Any:
    from app.cli.main import app

    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_the_command_does_the_same(parted: Path, case: Showcase) -> None:
    external, domains = case.dataset.user_ids.external[both(case)], Domains.of(case.dataset)
    where = ("--workspace", parted, "--user", external)
    told = command("recommend", "demo", "-k", 3, *where, "--explain", "--domain", "old", "--known",
                   "young")  # fmt: skip
    assert told.exit_code == 0, told.output
    text = " ".join(told.output.split())
    assert f"for user {external}, items of old" in text
    assert "(young) also watched this (old)" in text or "No way is found from young" in text
    named = [case.title(i) for i in np.flatnonzero(domains.holds("old"))]
    ranked = [line for line in told.output.splitlines() if line.strip()[:2] in ("1.", "2.", "3.")]
    assert len(ranked) == 3 and all(any(name in line for name in named) for line in ranked)
    wrong = command("recommend", "demo", *where, "--domain", "olds")
    assert "the nearest is 'old'" in wrong.output


def test_the_command_says_that_there_are_no_domains(demo_workspace: Path, case: Showcase) -> None:
    user = case.dataset.user_ids.external[5]
    told = command("recommend", "demo", "--workspace", demo_workspace, "--user", user, "--known",
                   "old")  # fmt: skip
    assert "in one domain" in told.output
