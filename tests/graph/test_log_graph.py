"""The graph of a log, by hand: who asked for what, what it led to, and what is alike."""

import numpy as np
import polars as pl
import pytest

from data.behaviours import asked
from data.columns import ITEM_ID, USER_ID
from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from data.log import Log, log_of, rows_of
from data.split import leave_one_out
from graph.build.alike import alike, jaccard, signatures
from graph.build.log import (
    ASKS,
    HAD,
    ITEM_LIKE,
    LED_TO,
    QUERY_LIKE,
    THEN,
    factor_log,
    item_words,
    log_graph,
)
from graph.values import Lists
from quantize.codes import Codes


def dataset_of(rows, n_items, titles=None, log=None, n_users=None):
    """Interactions of (user, item, time), in order."""
    table = [(*row, 1.0) for row in sorted(rows, key=lambda row: (row[0], row[2]))]
    n_users = n_users or max(row[0] for row in rows) + 1
    items = pl.DataFrame({ITEM_ID: [f"i{k}" for k in range(n_items)]})
    if titles:
        items = items.with_columns(pl.Series("title", titles))
    return Dataset(
        "by hand",
        pl.DataFrame({USER_ID: [f"u{k}" for k in range(n_users)]}),
        items,
        pl.DataFrame(table, schema=INTERACTION_SCHEMA, orient="row"),
        log=log,
    )


def log_by_hand(rows, texts):
    """A log of (ask, user, query, item, time)."""
    table = pl.DataFrame(
        rows,
        schema={
            "ask": pl.Int32,
            "user": pl.Int32,
            "query": pl.Int32,
            "item": pl.Int32,
            "time": pl.Int64,
        },
        orient="row",
    )
    return Log(table, pl.DataFrame({"query_id": texts, "text": texts}))


def edges_of(graph, key):
    """{(source, target): (weight, time)}."""
    one = graph.relation(key)
    times = [None] * len(one.targets) if one.times is None else one.times.tolist()
    return {
        (int(a), int(b)): (round(float(w), 6), t)
        for a, b, w, t in zip(one.sources, one.targets, one.weights, times, strict=True)
    }


def test_an_ask_of_three_clicks_is_an_edge_of_the_user_three_of_the_query_two_of_the_session():
    log = log_by_hand([(0, 0, 0, 2, 10), (0, 0, 0, 0, 11), (0, 0, 0, 1, 12)], ["comedy"])
    dataset = dataset_of([(0, 2, 10), (0, 0, 11), (0, 1, 12)], 3)
    graph = log_graph(dataset, histories(dataset.interactions, 1), log)
    assert edges_of(graph, ASKS) == {(0, 0): (1.0, 12)}
    assert edges_of(graph, LED_TO) == {(0, 2): (1.0, 10), (0, 0): (1.0, 11), (0, 1): (1.0, 12)}
    assert edges_of(graph, THEN) == {(2, 0): (1.0, 11), (0, 1): (1.0, 12)}
    assert set(edges_of(graph, HAD)) == {(0, 0), (0, 1), (0, 2)}


def test_edges_count_what_repeats_and_stand_at_its_latest_time():
    log = log_by_hand(
        [
            *((0, 0, 0, 0, 10), (0, 0, 0, 1, 11)),
            *((1, 0, 0, 0, 90), (1, 0, 0, 1, 91)),
            *((2, 1, 1, 1, 50), (3, 1, 0, 0, 60)),
        ],
        ["a", "b"],
    )
    dataset = dataset_of([(0, 0, 10), (0, 1, 11), (1, 1, 50), (1, 0, 60)], 2)
    graph = log_graph(dataset, histories(dataset.interactions, 2), log)
    assert edges_of(graph, ASKS) == {(0, 0): (2.0, 91), (1, 1): (1.0, 50), (1, 0): (1.0, 60)}
    assert edges_of(graph, LED_TO) == {(0, 0): (3.0, 90), (0, 1): (2.0, 91), (1, 1): (1.0, 50)}
    # the last item of one ask and the first of the next are no session
    assert edges_of(graph, THEN) == {(0, 1): (2.0, 91)}
    assert edges_of(graph, ("item", "found_by", "query"))[0, 0] == (3.0, 90)


def test_minhash_is_within_three_over_root_p_of_the_exact_jaccard():
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in range(60)]
    terms = Lists.of(
        [tuple(rng.choice(words, rng.integers(1, 40), replace=False)) for _ in range(80)]
    )
    for permutations in (64, 256):
        made = signatures(terms, permutations)
        one, other = np.triu_indices(80, 1)
        sets = [set(terms[row]) for row in range(80)]
        exact = np.array(
            [
                len(sets[a] & sets[b]) / len(sets[a] | sets[b])
                for a, b in zip(one, other, strict=True)
            ]
        )
        errors = np.abs(jaccard(made[one], made[other]) - exact)
        # three deviations of a share: 99.7 % of pairs, and none far beyond
        assert (
            errors <= 3 * np.sqrt(np.maximum(exact * (1 - exact), 0.02) / permutations)
        ).mean() > 0.99
        assert errors.max() <= 3 / np.sqrt(permutations)
        assert (jaccard(made, made) == 1).all()


def test_a_signature_is_that_of_datasketch():
    from datasketch import MinHash

    made = signatures(Lists.of([("war", "love"), ("war",)]), 32)
    own = MinHash(num_perm=32)
    own.update_batch([b"love", b"war"])
    assert np.array_equal(made[0], own.hashvalues)


def test_an_isolated_item_with_words_gets_edges_and_one_without_none():
    titles = ["War and Love", "Love Story", "War Story", None]
    log = log_by_hand([(0, 0, 0, 0, 10)], ["love and war"])
    dataset = dataset_of([(0, 0, 10)], 4, titles)
    graph = log_graph(dataset, histories(dataset.interactions, 1), log, permutations=256)
    near = edges_of(graph, QUERY_LIKE)
    assert near[0, 0] == (1.0, None)
    assert abs(near[0, 1][0] - 1 / 4) < 0.15 and abs(near[0, 2][0] - 1 / 4) < 0.15
    assert {b for _, b in edges_of(graph, ITEM_LIKE)} == {0, 1, 2}
    for key in (QUERY_LIKE, ITEM_LIKE, LED_TO, HAD):
        assert 3 not in graph.relation(key).targets


def test_what_is_alike_equals_brute_force_over_the_same_signatures():
    rng = np.random.default_rng(1)
    words = [f"w{k}" for k in range(12)]
    queries, items = (
        Lists.of([tuple(rng.choice(words, rng.integers(1, 5), replace=False)) for _ in range(n)])
        for n in (15, 25)
    )
    found, among = alike(queries, items, nearest=3, least=0.5, permutations=128)
    ours, theirs = signatures(queries, 128), signatures(items, 128)
    share = (ours[:, None] == theirs[None]).mean(axis=2)
    share[share < 0.5] = 0
    wanted = set()
    for q in range(15):
        order = sorted(range(25), key=lambda i: (-share[q, i], i))
        wanted |= {(q, i) for i in order[:3] if share[q, i] > 0}
    for i in range(25):
        order = sorted(range(15), key=lambda q: (-share[q, i], q))
        wanted |= {(q, i) for q in order[:3] if share[q, i] > 0}
    got = {
        (int(a), int(b)): float(w)
        for a, b, w in zip(found.sources, found.targets, found.weights, strict=True)
    }
    assert len(wanted) > 10 and set(got) == wanted
    assert all(abs(weight - share[pair]) < 1e-6 for pair, weight in got.items())
    assert not (among.sources == among.targets).any() and (among.degrees <= 3).all()


def test_few_words_are_compared_exactly_and_many_by_minhash(monkeypatch):
    queries, items = Lists.of([("a", "b")]), Lists.of([("a", "b", "c"), ("b",), ("x",), ()])
    found, among = alike(queries, items, least=0.3)
    assert found.targets.tolist() == [0, 1]
    assert found.weights.tolist() == pytest.approx([2 / 3, 1 / 2])
    assert (among.sources.tolist(), among.targets.tolist()) == ([0, 1], [1, 0])
    assert among.weights.tolist() == pytest.approx([1 / 3, 1 / 3])
    estimated = alike(queries, items, least=0.3, permutations=128)
    monkeypatch.setattr("graph.build.alike.EXACT", 0)
    many = alike(queries, items, least=0.3)
    for one, other in zip(estimated, many, strict=True):
        assert np.array_equal(one.weights, other.weights)
    assert many[0].weights.tolist() != found.weights.tolist()


def test_asks_go_on_while_a_user_takes_more_for_the_same_query_within_half_an_hour():
    clock = 1_000_000_000
    rows = rows_of(
        np.array([0, 0, 0, 0, 1, 0]),
        np.array([5, 6, 5, 5, 5, 5]),
        np.array([1, 1, 2, 3, 4, 1]),
        clock + np.array([0, 1, 100, 5000, 2, 101]),
    )
    assert rows.select("ask", "user", "query", "item").rows() == [
        (0, 0, 5, 1),
        (0, 0, 5, 2),
        (1, 0, 6, 1),
        (2, 0, 5, 3),
        (3, 1, 5, 4),
    ]


def test_where_there_is_no_clock_an_ask_goes_on_until_another():
    rows = rows_of(np.zeros(4, int), np.array([7, 7, 8, 7]), np.arange(4), np.arange(4))
    assert rows["ask"].to_list() == [0, 0, 1, 2]


def test_a_log_is_of_the_users_and_items_that_are_there_and_folds_its_queries():
    given = pl.DataFrame(
        {
            USER_ID: ["b", "a", "a", "c", "a"],
            ITEM_ID: ["y", "x", "z", "x", "y"],
            "query": ["Sci-Fi ", "sci-fi", "lost", "lost", "  SCI-FI"],
            "time": [3, 1, 1, 1, 2],
        }
    )
    log = log_of(given, pl.DataFrame({USER_ID: ["a", "b"]}), pl.DataFrame({ITEM_ID: ["x", "y"]}))
    assert log.queries["query_id"].to_list() == ["sci-fi"]
    assert log.rows.rows() == [(0, 0, 0, 0, 1), (0, 0, 0, 1, 2), (1, 1, 0, 1, 3)]


def test_factors_in_the_role_of_queries_are_codes_of_training_items():
    dataset = dataset_of([(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 2, 1)], 4)
    past = histories(dataset.interactions, 2)
    codes = Codes(
        ids=dataset.item_ids.external,
        codes=np.array([[0, 1], [0, 0], [1, 1], [1, 0]]),
        codebooks=np.zeros((2, 2, 1)),
    )
    log = factor_log(past, codes, 0, ("funny", "sad"))
    graph = log_graph(dataset, past, log, queries_of=codes.codes[:, 0])
    assert edges_of(graph, ASKS) == {(0, 0): (1.0, 2), (0, 1): (1.0, 3), (1, 1): (1.0, 1)}
    assert set(edges_of(graph, LED_TO)) == {(0, 0), (0, 1), (1, 2), (1, 3)}  # 3 was never had
    assert edges_of(graph, THEN) == {(0, 1): (1.0, 2)}
    assert graph.node_values("query", "label") == ("funny", "sad")


@pytest.mark.parametrize("seed", range(3))
def test_nothing_held_out_is_on_an_edge_nor_moves_one(seed):
    """The canary: other held-out interactions and asks, the same graph."""
    rng = np.random.default_rng(seed)

    def world(last):
        rows, given = [], []
        for user in range(6):
            taken = np.random.default_rng([seed, user]).permutation(20)[:6]
            if last:
                spare = np.setdiff1d(np.arange(20), taken[:4])
                taken = np.concatenate((taken[:4], rng.choice(spare, 2, replace=False)))
            for step, item in enumerate(taken.tolist()):
                at = 1_000_000_000 + 100 * step
                rows.append((user, item, at))
                word = f"q{rng.integers(9)}" if last and step >= 4 else f"q{item % 5}"
                given.append((f"u{user}", f"i{item}", word, at))
            given.append((f"u{user}", f"i{taken[0]}", "afterwards" if last else "q0", at + 1))
        table = pl.DataFrame(
            given,
            schema={USER_ID: pl.String, ITEM_ID: pl.String, "query": pl.String, "time": pl.Int64},
            orient="row",
        )
        bare = dataset_of(rows, 20)
        # all words are queries in both, so that they have the same numbers
        words = [f"q{k}" for k in range(9)] + ["afterwards"]
        filled = pl.concat(
            [
                table,
                pl.DataFrame(
                    {
                        USER_ID: ["u0"] * 10,
                        ITEM_ID: ["i0"] * 10,
                        "query": words,
                        "time": [2_000_000_000] * 10,
                    },
                    schema=table.schema,
                ),
            ]
        )
        log = log_of(filled, bare.users, bare.items)
        return dataset_of(rows, 20, log=log)

    graphs = []
    for last in (False, True):
        dataset = world(last)
        past = leave_one_out(dataset).histories(dataset)
        seen = asked(dataset, past)
        assert seen.rows.height == 24
        graphs.append(log_graph(dataset, past, seen))
    for key in (ASKS, LED_TO, THEN, HAD, QUERY_LIKE, ITEM_LIKE):
        assert edges_of(graphs[0], key) == edges_of(graphs[1], key)


def test_lists_with_a_gap_are_read_without_it():
    """As a Parquet file may have them: what is not there is no word."""
    items = pl.DataFrame(
        {"item_id": ["x", "y"], "genres": [["War", None], None], "n": [[1, None], []]}
    )
    users = pl.DataFrame({"user_id": ["a"]})
    rows = pl.DataFrame(schema=INTERACTION_SCHEMA)
    data = Dataset("gap", users, items, rows)
    words = item_words(data)
    assert (words[0], words[1]) == (("war",), ())
    log = Log(
        rows_of(*(np.zeros(1, dtype=np.int64) for _ in range(4))),
        pl.DataFrame({"query_id": ["q"], "text": ["q"]}),
    )
    graph = log_graph(data, histories(rows, 1), log)
    said = graph.attributes["item"]
    assert said["genres"][0] == ("War",) and said["n"][0] == ("1",)
