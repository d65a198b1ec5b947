"""What a demonstration shows, in a world of six films and four people."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from app.experiment.settings import Cell
from app.results.comparison import default_pair
from app.results.wording import called
from data.dataset import INTERACTION_SCHEMA, Dataset
from data.names import NOUNS
from data.split import leave_one_out
from graph.build.latent import build_graph
from quantize.codes import Codes
from quantize.describe import FactorDescriptions
from recommend.protocols import Around, LeftOut, Ways
from recommend.reasons.explain import Reason
from recommend.reasons.showcase import Asked, Showcase, assemble
from recommend.reasons.ways import look_around, name_ways, tell_around, tell_score, tell_ways

TITLES = ["Ice Fall", "Ice Camp", "Deep Blue", "Court Day", None, "Last Verdict"]
TEXTS = [
    "A rope on the ice at night.",
    "An ice camp. Night falls.",
    "A reef.",
    "A judge.",
    "Facts.",
    None,
]
HISTORIES = [[0, 2, 3, 4], [0, 1, 3, 4], [2, 3, 1, 5], [1, 2, 0, 4]]


def codes(ids: tuple[str, ...], column: list[int]) -> Codes:
    array = np.array(column, dtype=np.int32)[:, None]
    return Codes(ids, array, np.zeros((1, 2, 2), dtype=np.float32))


def described(labels: list[str], terms: list[list[str]], members: list[list[str]]):
    n = len(labels)
    columns = {"level": [0] * n, "code": list(range(n)), "label": labels, "terms": terms}
    weights = [[1.0] * len(t) for t in terms]
    return FactorDescriptions(
        pl.DataFrame(
            {
                **columns,
                "weights": weights,
                "size": [3] * n,
                "exemplars": members,
                "near": [None, *[0] * (n - 1)],
                "counts": None,
            }
        ),
        n,
    )


@pytest.fixture
def case() -> Showcase:
    rows = [(u, i, t, 1.0) for u, items in enumerate(HISTORIES) for t, i in enumerate(items)]
    dataset = Dataset(
        "small",
        pl.DataFrame(
            {
                "user_id": ["7", "8", "9", "10"],
                "name": ["Ada", "Ben", None, "Ada"],
                "age": ["young", "young", "old", "old"],
                "zip": ["a", "b", "c", "d"],
            }
        ),
        pl.DataFrame(
            {
                "item_id": [f"f{n}" for n in range(6)],
                "title": TITLES,
                "genres": [["War"], [], ["War", "Sea"], ["Law"], ["Law"], []],
                "year": [1990, 1991, None, 2000, 2001, 2002],
            }
        ),
        pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row"),
    )
    split = leave_one_out(dataset)
    users = codes(dataset.user_ids.external, [0, 0, 1, 1])
    items = codes(dataset.item_ids.external, [0, 0, 1, 1, 1, 1])
    graph = build_graph(dataset, split, users, items, ["0.0", "0.1"], ["0.0", "0.1"])
    factors = {
        "user": described(["climber", ""], [["climber"], []], [["7"], ["9"]]),
        "item": described(
            ["ice, rope", ""], [["ice", "rope", "night"], []], [["f1", "f0"], ["f3"]]
        ),
    }
    people = ["A climber, young.", "No climber.", None, None]
    return assemble(dataset, split, graph, factors, {"user": people, "item": TEXTS})


def test_people_have_names_and_what_groups_share(case: Showcase) -> None:
    assert case.people == ["Ada", "Ben", "User 9", "Ada"]
    assert case.about == ["young", "young", "old", "old"], "nobody shares a zip"
    assert case.titles[4] == "f4"
    assert case.gists[2] == "War, Sea" and case.gists[0] == "War · 1990"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ada", [0, 3]),
        ("old ADA", [3]),
        ("10", [3]),
        ("9", [2]),
        ("young", [0, 1]),
        ("nobody", []),
        ("  ", []),
    ],
)
def test_people_are_found_by_name_id_and_attributes(
    case: Showcase, words: str, found: list[int]
) -> None:
    assert case.find_people(words) == found


def test_an_exact_id_comes_first_and_no_more_than_asked(case: Showcase) -> None:
    ids = case.dataset.users.with_columns(user_id=pl.Series(["1", "11", "21", "111"]))
    again = Showcase(
        Dataset("x", ids, case.dataset.items, case.dataset.interactions),
        case.histories, case.later, None, {}, {},
    )  # fmt: skip
    assert again.find_people("111") == [3]
    assert again.find_people("11", limit=2) == [1, 3]
    assert again.find_people("1", limit=2) == [0, 1]


def test_items_are_found_by_title_then_by_what_they_are(case: Showcase) -> None:
    assert case.popularity.tolist() == [2, 2, 3, 1, 0, 0], "training alone: two first of each"
    assert case.find_items("ice") == [0, 1]
    assert case.find_items("ice", without=[0]) == [1]
    assert case.find_items("law") == [3, 4] and case.find_items("war") == [2, 0]
    assert case.find_items("war", limit=1) == [2] and case.find_items("") == []


def test_a_reason_has_names_and_quotes_what_carries_it(case: Showcase) -> None:
    """Ice stands in both texts, rope in one; the factor is called by both words."""
    history = np.array([1, 2], dtype=np.int32)
    why = case.whys(history, 3, [0])[0][0]
    assert why.reason.sentence == (
        "In the graph it shares a group with “Ice Camp” in the history; "
        "both descriptions mention ‘night’."
    )
    assert why.steps == (("Ada",), ("Ice Camp",), ("‘night’",), ("Ice Fall",))
    assert [(q.of, q.quotation.sentence) for q in why.quotes] == [
        ("Ice Fall", "A rope on the ice at night."),
        ("Ice Camp", "Night falls."),
    ]


def test_a_factor_on_the_way_is_no_name_where_no_word_is_common(case: Showcase) -> None:
    ways = [why for why in case.whys(np.array([3]), 3, [4])[0] if why.reason.kind == "path"]
    assert ways and not any(why.reason.words or why.quotes for why in ways)
    assert {"a group of 4", "a group of 2"} & {
        name for why in ways for step in why.steps for name in step
    }


def test_reasons_with_words_come_before_those_without(case: Showcase) -> None:
    for user in range(4):
        for whys in case.whys(case.histories.of(user), user, range(6), limit=9):
            worded = [bool(why.reason.words) for why in whys]
            assert worded == sorted(worded, reverse=True)
            assert not any("0-0" in why.reason.sentence for why in whys), "numbers are no names"


def test_a_taste_is_quoted_from_what_is_said_of_both(case: Showcase) -> None:
    taste = [
        why
        for user in range(4)
        for whys in case.whys(case.histories.of(user), user, range(6), limit=9)
        for why in whys
        if why.reason.metapath == "user > user_factor > user > item"
    ]
    assert any(why.quotes for why in taste)
    for why in taste:
        assert all("climber" in one.quotation.sentence.lower() for one in why.quotes)
        assert len(why.quotes) in (0, 2)


class Forgetful:
    """Says that without its first item an item falls by three places; reads what it is told to."""

    def __init__(self, levels: tuple[int, ...]) -> None:
        self.levels = levels

    def left_out(
        self, user: int, history: np.ndarray, items: np.ndarray, known: object, among: object
    ) -> LeftOut:
        one = np.ones((1, len(items)), dtype=int)
        return LeftOut(history[:1], np.ones(len(items), dtype=int), 4 * one, 3 * one, True)

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        return self.levels


def test_what_was_measured_comes_first_and_the_graph_only_where_it_was_read(
    case: Showcase,
) -> None:
    history = np.array([1, 2], dtype=np.int32)
    without = "Without “Ice Camp” in the history it would stand at rank 4 instead of 1"
    (plain,) = case.whys(history, 3, [0], Asked(Forgetful(())))
    assert plain[0].reason.sentence == f"{without}."
    assert {why.reason.kind for why in plain} <= {"measured", "people"}
    (graph,) = case.whys(history, 3, [0], Asked(Forgetful((0,))))
    assert graph[0].reason.sentence == f"{without}; the descriptions of both mention ‘night’."
    assert [q.of for q in graph[0].quotes] == ["Ice Fall", "Ice Camp"] and not graph[0].steps
    (nothing,) = case.whys(history, 3, [0], Asked(object()))
    assert {why.reason.kind for why in nothing} <= {"people"}, "it declares nothing"


def test_a_recommender_without_a_graph_can_be_measured(case: Showcase) -> None:
    plain = assemble(case.dataset, leave_one_out(case.dataset))
    (whys,) = plain.whys(np.array([1, 2]), 3, [0], Asked(Forgetful((0,))))
    assert whys[0].reason.sentence.startswith("Without “Ice Camp”") and not whys[0].reason.words


def test_the_benchmark_looks_every_named_word_up_and_finds_a_false_one(case: Showcase) -> None:
    from benchmarks.reasons import Texts, look_up

    texts = Texts(
        case.texts, {"user": case.dataset.users.rows(), "item": case.dataset.items.rows()}
    )
    found: Counter[str] = Counter()
    for whys in case.whys(np.array([1, 2]), 3, range(6), limit=9):
        for why in whys:
            look_up(why.reason, 3, texts, found)
    assert found["names"] and not found["false"]
    for said, false in (("‘night’", 0), ("‘rope’", 1), ("‘nigh’", 1), ("“The ‘Rope’”", 0)):
        counts: Counter[str] = Counter()
        look_up(Reason("path", 0, "", f"Both mention {said}.", through=(1,)), 3, texts, counts)
        assert counts["false"] == false, said
    law: Counter[str] = Counter()
    look_up(Reason("path", 3, "", "Both are ‘Law’.", through=(4,)), 3, texts, law)
    assert not law["false"], "an attribute of both"


def test_what_is_not_in_the_data_is_called_new(case: Showcase) -> None:
    assert case.name(("user", 4)) == "You" and case.name(("item", 6)) == "New"
    assert case.name(("item_factor", 1)) == "near ‘ice’ (0-1)"


def test_what_came_later_is_known_to_the_demonstration_alone(case: Showcase) -> None:
    assert case.later.tolist() == [h[2:] for h in HISTORIES]
    assert [case.histories.of(u).tolist() for u in range(4)] == [h[:2] for h in HISTORIES]


def test_the_example_is_made_of_sentences_that_share_a_meaning(case: Showcase) -> None:
    assert case.example_text() == "An ice camp. A rope on the ice at night."


def test_without_a_graph_only_people_are_counted(case: Showcase) -> None:
    plain = assemble(case.dataset, leave_one_out(case.dataset), did="watched")
    assert plain.example_text() == ""
    for user in range(4):
        for whys in plain.whys(plain.histories.of(user), user, range(6)):
            assert {why.reason.kind for why in whys} <= {"people"}


def test_recommenders_are_called_in_words() -> None:
    assert called(Cell("gru4rec", "autograph", 3)) == "GRU4Rec with the graph"


def test_a_demonstration_begins_with_one_backbone_on_both_sides() -> None:
    """The best with the graph has no twin, the best plain one another backbone and seed."""
    valid = {
        Cell("mind", "autograph", 0): 0.9,
        Cell("sasrec", "autograph", 0): 0.5,
        Cell("sasrec", "autograph", 1): 0.6,
        Cell("sasrec", "none", 0): 0.1,
        Cell("sasrec", "none", 1): 0.1,
        Cell("gru4rec", "none", 1): 0.8,
    }
    judged = Judged(valid)
    assert default_pair(judged) == (Cell("sasrec", "autograph", 1), Cell("sasrec", "none", 1))
    judged = Judged(valid, marked={Cell("sasrec", "autograph", 1)})
    assert default_pair(judged) == (Cell("sasrec", "autograph", 0), Cell("sasrec", "none", 0))
    apart = [Cell("mind", "autograph", 0), Cell("sasrec", "none", 0)]
    assert default_pair(Judged({cell: valid[cell] for cell in apart})) == tuple(apart)
    plain = Cell("gru4rec", "none", 1)
    assert default_pair(Judged({plain: 0.8})) == (None, plain)
    enhanced = Cell("mind", "autograph", 0)
    assert default_pair(Judged({enhanced: 0.9})) == (enhanced, None)


def test_where_nothing_is_added_the_best_one_stands_beside_another_simple_one() -> None:
    popular, ease, knn = (Cell(name, "none", 0) for name in ("popularity", "ease", "item-knn"))
    sasrec = Cell("sasrec", "none", 1)
    assert default_pair(Judged({popular: 0.1, ease: 0.2, knn: 0.3})) == (knn, ease)
    assert default_pair(Judged({popular: 0.1, sasrec: 0.4, knn: 0.3})) == (sasrec, knn)
    assert default_pair(Judged({knn: 0.5, sasrec: 0.4, popular: 0.3})) == (knn, popular)
    assert default_pair(Judged({sasrec: 0.4, Cell("mind", "none", 1): 0.3}))[1] == Cell(
        "mind", "none", 1
    )
    seeds = {Cell("sasrec", "none", seed): 0.4 + seed for seed in (0, 1)}
    assert default_pair(Judged(seeds)) == (Cell("sasrec", "none", 1), Cell("sasrec", "none", 0))
    twins = {Cell("mind", "autograph", 0): 0.2, Cell("mind", "none", 0): 0.1}
    assert default_pair(Judged({**twins, ease: 0.9})) == tuple(twins), "one thing differs"


class Judged:
    """A record as far as a choice asks: what is finished, marked, and how validation went."""

    def __init__(self, valid: dict[Cell, float], marked: set[Cell] | None = None) -> None:
        self._valid, self._marked = valid, marked or set()

    def finished_cells(self) -> list[Cell]:
        return list(self._valid)

    def marks(self, cell: Cell) -> str:
        return "†" if cell in self._marked else ""

    def validated(self) -> dict[Cell, float]:
        return self._valid


PEOPLE = Ways("user > item > user > item", 2, np.array([1, 3]), 0.75, 3, True)
GROUP = Ways("user > item > item_factor > item", 0, np.array([0]), 0.25, 1, True)
FILMS = NOUNS["movies"]


def around(*ways: Ways, **about: float) -> Around:
    given = {"score": 2.5, "pair": 3.0, "alone": 1.0, "offset": -0.5, "share": np.nan} | about
    return Around(1, rank=1, near=bool(ways), ways=ways, alone_rank=4, first_hop=2, **given)


class TestWhatIsAround:
    def test_the_sentence_names_what_gave_most(self, case: Showcase) -> None:
        assert tell_around(case, around(PEOPLE, GROUP), FILMS) == (
            "“Ice Camp” is near: 3 ways lead to it from 2 of the 2 films of the history in the "
            "sample. What gave it most are the ways from “Deep Blue” over 2 other people in the "
            "sample who watched both: without them, it would stand at rank 3 instead of 1."
        )
        assert tell_around(case, around(GROUP, PEOPLE), FILMS).endswith(
            "What gave it most is the way from “Ice Fall” over a group that both are in, whose "
            "word ‘night’ stands in both descriptions: without it, its score would be 0.25 "
            "lower, and its rank the same."
        )

    def test_words_are_those_of_the_group_in_both_texts(self, case: Showcase) -> None:
        """‘rope’ stands in one text alone, and ‘ice’ in the titles; item 2 shares no word."""
        other = Ways(GROUP.metapath, 2, np.array([0]), 0.1, 1, True)
        both = Ways(GROUP.metapath, 2, np.array([0, 1]), 0.1, 1, True)
        over = [one.over for one in name_ways(case, around(GROUP, other, both))]
        assert over == ["‘night’", "a group of 2", "2 groups"]
        bare = assemble(case.dataset, leave_one_out(case.dataset))
        assert name_ways(bare, around(GROUP))[0].over == "a group", "nothing says how large"

    def test_what_followed_and_what_the_history_holds(self, case: Showcase) -> None:
        none = np.zeros(0, int)
        after = Ways("user > item > item", 2, none, 0.75, 3, True)
        itself = Ways("user > item", 1, none, 0.5, 3, True)
        assert [one.over for one in name_ways(case, around(after, itself))] == [
            "had soon after",
            "",
        ]
        assert "from “Deep Blue”, which somebody watched shortly before it: without it" in (
            tell_around(case, around(after, itself), FILMS)
        )
        assert "from “Ice Camp” itself: without it" in (
            tell_around(case, around(itself, after), FILMS)
        )

    def test_a_way_that_is_the_only_one(self, case: Showcase) -> None:
        only = Ways(PEOPLE.metapath, 2, np.array([3]), 0.75, 5, False)
        alone = tell_around(case, replace(around(only), first_hop=1), FILMS)
        assert "from the one film of the history in the sample." in alone
        assert tell_around(case, around(only), FILMS) == (
            "“Ice Camp” is near: 1 way leads to it from 1 of the 2 films of the history in the "
            "sample. Without it, it would be far, and would stand at rank 5 instead of 1."
        )

    def test_ways_that_hold_nothing_up(self, case: Showcase) -> None:
        less = [Ways(PEOPLE.metapath, n, np.array([3]), -0.1, 1, True) for n in (0, 2)]
        told = tell_around(case, around(*less), FILMS)
        assert told.endswith(
            "None of them holds it up by itself: left out one film after another, people and "
            "groups apart, its score is no lower."
        )

    def test_what_is_far(self, case: Showcase) -> None:
        far = "“Ice Camp” is far: nothing that was sampled around this person leads to it"
        told = tell_around(case, around(), FILMS)
        assert told == f"{far}, so the vectors of the two alone scored it."
        told = tell_around(case, around(alone=np.nan), FILMS)
        assert told == f"{far}, and this recommender puts all that is far below what is near."
        assert tell_score(around(), FILMS) == ""

    def test_what_the_history_holds_has_no_rank(self, case: Showcase) -> None:
        """An address may ask why of an item that is put into the history afterwards."""
        held = replace(around(Ways("user > item", 1, np.zeros(0, int), 0.5, 0, True)), rank=0)
        assert tell_around(case, held, FILMS) == (
            "“Ice Camp” is in the history of this person, so it has no rank here."
        )

    def test_vectors_that_ways_move(self, case: Showcase) -> None:
        told = tell_around(case, replace(around(PEOPLE), near=False), FILMS)
        assert told == (
            "This recommender scores every film by vectors alone. 2 ways lead to “Ice Camp” in "
            "what was sampled around this person, and move it by moving the person’s vector."
        )

    def test_what_a_score_is_made_of(self) -> None:
        last = (
            "If the vectors alone scored this film, and all others as they are, it would stand at "
            "rank 4."
        )
        assert tell_score(around(GROUP), FILMS) == (
            "Its score of 2.50 is its pair score of 3.00 less 0.50 that every near film loses for "
            f"this person. {last}"
        )
        assert tell_score(around(GROUP, offset=np.nan, share=0.75), FILMS) == (
            "Its score of 2.50 is 75% of its pair score of 3.00 and 25% of what the vectors alone "
            f"give it, 1.00. {last}"
        )
        alone = {"offset": np.nan, "alone": np.nan}
        assert tell_score(around(GROUP, **alone), FILMS) == "Its score of 2.50 is its pair score."

    def test_lines_of_a_terminal(self, case: Showcase) -> None:
        lost = Ways(PEOPLE.metapath, 2, np.array([1]), np.inf, 5, False)
        assert tell_ways(case, around(PEOPLE, lost, GROUP), 2) == [
            "Deep Blue → 2 other people: gave +0.75; rank 3 without",
            "Deep Blue → 1 other person: gave all of its score; rank 5 without",
        ]

    def test_who_looks_at_no_sample_says_nothing(self) -> None:
        assert look_around(object(), 0, np.array([1]), [2]) == ()
