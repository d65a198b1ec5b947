"""Users and items of several domains: what edges there are, and what they weigh."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from data.dataset import INTERACTION_SCHEMA, Dataset, Histories
from data.domains import Domains
from data.errors import ConfigError, DataError
from data.relation import Relation
from data.split import leave_one_out
from graph.build import coengagement
from graph.build.coengagement import co_engaged
from graph.build.domains import About, domain_graph, engagement, near_texts, share_codes
from graph.hetero import HeteroGraph
from graph.stored import arrays_of

DAY = 86_400
START = 10**9
SIDES = (("user", 12), ("item", 9))


def made(rows: list[list[int]], times: list[list[int]] | None = None) -> Histories:
    """Histories of these items, a row a user, a day apart unless times are given."""
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    flat = np.array([item for row in rows for item in row], dtype=np.int32)
    days = times or [list(range(len(row))) for row in rows]
    return Histories(offsets, flat, np.array([START + DAY * t for row in days for t in row]))


def drawn(n: int, k: int, edges: int, seed: int = 0) -> Relation:
    """Distinct edges, of which some things are shared by many."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(n, size=edges) * k + (k * rng.random(edges) ** 2).astype(int))
    return Relation.between(pairs // k, pairs % k, n, k)


def by_hand(a: np.ndarray, b: np.ndarray, m: int, exponent: float, itself: bool) -> dict:
    """{(source, target): weight} of the m strongest of A·Bᵀ, made at once and sorted whole."""
    sizes = [np.maximum((one * one).sum(1), 1e-9) ** -exponent for one in (a, b)]
    sums = a @ b.T * sizes[1] * sizes[0][:, None]
    found = {}
    for i, row in enumerate(sums.astype(np.float32)):
        best = sorted((-s, j) for j, s in enumerate(row) if s > 0 and (itself or j != i))[:m]
        found |= {(i, j): -s for s, j in best}
    return found


def listed(relation: Relation) -> dict:
    assert relation.weights is not None
    return dict(
        zip(
            zip(relation.sources.tolist(), relation.targets.tolist(), strict=True),
            relation.weights.tolist(),
            strict=True,
        )
    )


def dense(relation: Relation) -> np.ndarray:
    weights = np.ones(len(relation.targets)) if relation.weights is None else relation.weights
    shape = len(relation), relation.n_targets
    return csr_matrix((weights, relation.targets, relation.offsets), shape=shape).toarray()


class TestCoEngagement:
    @pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("held", [10**6, 40])
    def test_it_is_the_whole_product_cut_to_the_strongest(self, exponent, held, monkeypatch):
        monkeypatch.setattr(coengagement, "BLOCK", held)
        had = drawn(60, 30, 400)
        alike = co_engaged(had, nearest=5, exponent=exponent)
        whole = by_hand(dense(had), dense(had), 5, exponent, itself=False)
        assert listed(alike) == pytest.approx(whole)
        assert list(listed(alike)) == list(whole)  # the strongest of a node first

    def test_others_are_chosen_from_a_domain_of_their_own(self):
        ours, theirs = drawn(40, 30, 200), drawn(25, 30, 150, seed=1)
        alike = co_engaged(ours, theirs, nearest=3)
        assert listed(alike) == pytest.approx(by_hand(dense(ours), dense(theirs), 3, 0.5, True))
        assert (0, 0) in listed(co_engaged(ours, ours, nearest=30))  # itself, as an other

    def test_weights_of_edges_are_those_of_vectors(self):
        had = drawn(30, 20, 150)
        weights = np.random.default_rng(3).random(len(had.targets)).astype(np.float32)
        had = Relation(had.offsets, had.targets, had.n_targets, weights=weights)
        alike = co_engaged(had, nearest=4)
        assert listed(alike) == pytest.approx(by_hand(dense(had), dense(had), 4, 0.5, False))

    def test_what_too_few_share_is_no_edge(self):
        had = drawn(60, 30, 400)
        weights = np.random.default_rng(3).random(len(had.targets)).astype(np.float32) + 0.1
        had = Relation(had.offsets, had.targets, had.n_targets, weights=weights)
        both = (dense(had) > 0).astype(int) @ (dense(had) > 0).astype(int).T
        every = listed(co_engaged(had, nearest=60))
        kept = listed(co_engaged(had, nearest=60, shared=3))
        assert kept == {pair: weight for pair, weight in every.items() if both[pair] >= 3}
        assert 0 < len(kept) < len(every)

    def test_equals_go_by_their_numbers(self):
        star = Relation.between(np.arange(6), np.zeros(6, dtype=int), 6, 1)
        assert co_engaged(star, nearest=2).of(3).tolist() == [0, 1]
        assert co_engaged(star, nearest=2).of(0).tolist() == [1, 2]

    def test_of_a_hub_the_latest_edges_count_and_all_else_is_exact(self):
        # everybody shares 0; 4 and 5 share 1 as well, which is no hub
        sources, targets = np.array([0, 1, 2, 3, 4, 5, 4, 5]), np.array([0] * 6 + [1, 1])
        had = Relation.between(sources, targets, 6, 2, times=np.array([6, 5, 4, 3, 2, 1, 1, 1]))
        counts = listed(co_engaged(had, nearest=5, exponent=0, most=2))
        assert {j for _, j in counts} == {0, 1, 4, 5}  # 0 and 1 came to the hub last
        assert counts[4, 5] == counts[5, 4] == 1 and counts[5, 0] == counts[0, 1] == 1

    def test_who_shares_nothing_has_no_edge(self):
        apart = Relation.between(np.arange(3), np.arange(3), 4, 3)
        assert co_engaged(apart, nearest=2).targets.size == 0


class TestEngagement:
    ROWS = made([[0, 1, 0], [1]], [[0, 10, 20], [20]])

    def test_a_pair_weighs_the_sum_of_its_behaviours_halved_by_age(self):
        had = engagement(self.ROWS, 2, np.array([1.0, 3.0, 5.0, 1.0]), half_life_days=10)
        # item 0 of user 0: 1 · 2⁻² + 5 · 2⁰; item 1: 3 · 2⁻¹; and of user 1: 1 · 2⁰
        assert listed(had) == {(0, 0): 5.25, (0, 1): 1.5, (1, 1): 1.0}
        assert had.of(0).tolist() == [1, 0] and had.moments.tolist()[1] == START + 20 * DAY

    def test_it_is_linear_in_the_weights_of_behaviours(self):
        rng = np.random.default_rng(0)
        clicks, likes = rng.random(4), rng.random(4)
        both = dense(engagement(self.ROWS, 2, 2 * clicks + 7 * likes, 3))
        each = [dense(engagement(self.ROWS, 2, one, 3)) for one in (clicks, likes)]
        np.testing.assert_allclose(both, 2 * each[0] + 7 * each[1], rtol=1e-6)

    def test_without_weights_and_half_life_it_counts(self):
        assert listed(engagement(self.ROWS, 2)) == {(0, 0): 2.0, (0, 1): 1.0, (1, 1): 1.0}

    def test_steps_have_no_age(self):
        steps = Histories(np.array([0, 2]), np.array([0, 1], np.int32), np.array([1, 2]))
        with pytest.raises(ConfigError, match="times that are dates"):
            engagement(steps, 2, half_life_days=3)

    def test_weights_are_one_an_interaction(self):
        with pytest.raises(DataError, match="for 4 interactions"):
            engagement(self.ROWS, 2, np.ones(3))


class TestAlikeByWhatIsSaid:
    def test_rare_codes_join_more_than_common_ones(self):
        codes = np.array([[0, 5], [0, 6], [1, 5], [0, 7]])
        every = np.arange(4)
        found = listed(share_codes(codes, every, every, 3))
        common, rare = np.log(4 / 3), np.log(4 / 2)
        assert found == pytest.approx({
            (0, 2): rare, (0, 1): common, (0, 3): common, (2, 0): rare,
            (1, 0): common, (1, 3): common, (3, 0): common, (3, 1): common,
        })  # fmt: skip

    def test_a_code_of_everybody_joins_nobody(self):
        every = np.arange(3)
        assert share_codes(np.zeros((3, 1), dtype=int), every, every, 2).targets.size == 0

    def test_texts_are_near_by_cosine_whatever_their_length(self, monkeypatch):
        monkeypatch.setattr(coengagement, "BLOCK", 30)
        vectors = np.random.default_rng(0).normal(size=(20, 4)) * np.arange(1, 21)[:, None]
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        books, films = np.arange(0, 20, 2), np.arange(1, 20, 2)
        within = near_texts(vectors, books, books, 3)
        across = near_texts(vectors, books, films, 3)
        assert listed(within) == pytest.approx(
            by_hand(unit[books], unit[books], 3, 0, itself=False), abs=1e-6
        )
        assert listed(across) == pytest.approx(
            by_hand(unit[books], unit[films], 3, 0, itself=True), abs=1e-6
        )

    def test_a_vector_without_length_is_near_nobody(self):
        vectors = np.array([[0.0, 0], [1, 0], [2, 0]])
        assert list(listed(near_texts(vectors, np.arange(3), np.arange(3), 2))) == [(1, 2), (2, 1)]


class TestTheGraph:
    BOOKS_AND_FILMS = Domains(("books", "films"), np.array([0, 1, 0, 1, 1]))
    HAD = made([[0, 1, 2], [2, 4], [1, 3], [3, 0]])

    def graph(self, **more: object) -> HeteroGraph:
        return domain_graph(self.HAD, 5, self.BOOKS_AND_FILMS, **more)  # type: ignore[arg-type]

    def test_items_are_numbered_in_their_domain_and_keep_their_number(self):
        names = About(("ann", "bob", "cas", "dan"), ("a", "b", "c", "d", "e"), tuple("ABCDE"))
        graph = self.graph(about=names)
        assert dict(graph.sizes) == {"user": 4, "books": 2, "films": 3}
        assert graph.node_values("films", "item").tolist() == [1, 3, 4]
        assert graph.node_values("films", "id") == ("b", "d", "e")
        assert graph.node_values("books", "label") == ("A", "C")
        assert graph.relation(("user", "had", "films")).of(1).tolist() == [2]
        assert graph.relation(("books", "had_by", "user")).of(0).tolist() == [0, 3]

    def test_items_are_joined_within_and_across_domains(self):
        graph = self.graph(nearest=2)
        every = engagement(self.HAD, 5).transpose()
        whole = by_hand(dense(every), dense(every), 5, 0.5, itself=False)
        books, films = (graph.node_values(one, "item") for one in ("books", "films"))
        across = listed(graph.relation(("books", "engaged", "films")))
        assert across
        assert {(books[i], films[j]): s for (i, j), s in across.items()} == pytest.approx(
            {pair: s for pair, s in whole.items() if pair[0] in books and pair[1] in films}
        )
        assert listed(graph.relation(("user", "engaged", "user"))) == pytest.approx(
            by_hand(*[dense(engagement(self.HAD, 5))] * 2, 2, 0.5, itself=False)
        )

    def test_what_was_learnt_of_all_is_seen_only_after_all_of_it(self):
        graph = self.graph()
        latest = START + 2 * DAY
        assert (
            len(graph.before({"books": latest}).relation(("books", "engaged", "films")).targets)
            == 0
        )
        seen = graph.before({"books": latest + 1}).relation(("books", "engaged", "films"))
        assert len(seen.targets)

    def test_apart_no_edge_leads_from_a_domain_to_another(self):
        graph = self.graph(apart=True)
        ends = [{edge.source, edge.target} for edge in graph.schema.edges]
        assert {"user_books", "books"} in ends
        assert all(len({one.removeprefix("user_") for one in both}) == 1 for both in ends)
        twins = graph.relation(("user_books", "engaged", "user_books"))
        assert set(listed(twins)) == {(0, 1), (0, 3), (1, 0), (3, 0)}

    def test_kinds_of_alike_are_relations_of_their_own(self):
        codes, vectors = np.array([[0], [0], [1], [1], [0]]), np.eye(5)[:, :3]
        graph = self.graph(alike=("factors", "texts"), item_codes=codes, item_vectors=vectors)
        assert len(graph.schema.edges) == 2 + 4 + 4
        assert listed(graph.relation(("books", "factors", "films"))) == pytest.approx(
            {(0, 0): np.log(5 / 3), (0, 2): np.log(5 / 3), (1, 1): np.log(5 / 2)}
        )

    def test_what_is_held_out_moves_nothing(self):
        rng = np.random.default_rng(0)
        users = np.repeat(np.arange(12), 6)
        items = np.concatenate([rng.permutation(9)[:6] for _ in range(12)])
        times = START + DAY * np.tile(np.arange(6), 12)
        domains = Domains(("books", "films"), np.arange(9) % 2)
        vectors = rng.normal(size=(9, 3))

        def graph_of(items: np.ndarray, times: np.ndarray) -> HeteroGraph:
            columns = {"user": users, "item": items, "time": times, "weight": np.ones(72)}
            rows = pl.DataFrame(columns).cast(INTERACTION_SCHEMA)  # type: ignore[arg-type]
            ids = [pl.DataFrame({f"{s}_id": map(str, range(n))}) for s, n in SIDES]
            dataset = Dataset("small", *ids, rows)
            return domain_graph(
                leave_one_out(dataset).histories(dataset), 9, domains, half_life_days=2,
                alike=("engaged", "texts"), item_vectors=vectors,
            )  # fmt: skip

        held = np.arange(72) % 6 >= 4
        others = np.where(held, (items + 1) % 9, items)
        before, after = graph_of(items, times), graph_of(others, times + held * 50 * DAY)
        for key, relation in before.edges.items():
            for name, array in arrays_of(relation).items():
                np.testing.assert_array_equal(array, arrays_of(after.edges[key])[name])
        assert listed(graph_of((items + 1) % 9, times).edges["user", "had", "books"]) != listed(
            before.edges["user", "had", "books"]
        )

    @pytest.mark.parametrize(
        ("more", "error", "says"),
        [
            ({"alike": ("factors",)}, ConfigError, "alike by factors, and none are given"),
            ({"alike": ("texts",), "item_vectors": np.ones((3, 2))}, DataError, "texts of 3 items"),
        ],
    )
    def test_what_is_missing_is_said(self, more, error, says):
        with pytest.raises(error, match=says):
            self.graph(**more)

    def test_a_domain_is_not_called_like_users(self):
        with pytest.raises(ConfigError, match="cannot be called 'user'"):
            domain_graph(self.HAD, 5, Domains(("films", "user"), np.array([0, 1, 0, 1, 1])))
