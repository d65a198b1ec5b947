"""ZOOMER's regions of interest: what is chosen, what no ask may see, and what attention adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import dataset_of, enliven, graph_of, sources_of, world_of

from data.behaviours import asked
from data.dataset import Dataset, Histories
from data.errors import ConfigError
from data.log import Log, rows_of
from data.split import leave_one_out
from graph.build.log import log_graph
from graph.sample.focal import Focal, top_relevant
from graph.sample.rows import Reach, Rows
from graph.sample.sampler import Sampler
from recommend.protocols import Focuses, World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.network import ZoomerNetwork
from recommend.zoom.past import Past
from recommend.zoom.recommender import Zoomer
from recommend.zoom.roi import Asks, given

NAME = ZoomerConfig().name
TRAINING = TrainConfig(batch_size=64)
DAY = 86_400
START = 1_600_000_000
N_USERS, N_ITEMS = 20, 16


def shuffled(clock: bool) -> Dataset:
    """Nobody has an item twice; everybody's k-th interaction is in the k-th hour of a day."""
    rng = np.random.default_rng(0)
    ages = {"age": [20 + user % 3 for user in range(N_USERS)]}
    about = {
        "title": [
            f"{('odd', 'calm', 'long')[item % 3]} film {item % 5}" for item in range(N_ITEMS)
        ],
        "genres": [[("war", "love")[item % 2]] for item in range(N_ITEMS)],
    }
    taken = [rng.permutation(N_ITEMS)[:8] for _ in range(N_USERS)]
    made = dataset_of(taken, N_ITEMS, ages, about)
    if not clock:
        return made
    drawn = rng.permutation(made.interactions.height)
    times = START + DAY * pl.col("time").cast(pl.Int64) + pl.Series(drawn)
    return replace(made, interactions=made.interactions.with_columns(time=times))


def with_log(dataset: Dataset) -> Dataset:
    """Everything was asked for with one of five words, that its item has little to do with."""
    table = dataset.interactions
    users, items, times = (
        table[name].to_numpy().astype(np.int64) for name in ("user", "item", "time")
    )
    queries = (users * 3 + items * 2) % 5
    about = pl.DataFrame({"query_id": list("abcde"), "text": ["red", "blue", "red hat", "", "tie"]})
    return replace(dataset, log=Log(rows_of(users, queries, items, times), about))


def config_of(**own: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "backbone": {"name": NAME, "neighbours": 3, "positions": None, **own},
            "enhancer": {"name": PLAIN},
            "width": 6,
            "embedding_dropout": 0,
        }
    )


def zoomer_of(dataset: Dataset, histories: Histories | None = None, **own: object) -> Zoomer:
    """An untrained one, always of the same weights."""
    torch.manual_seed(0)
    world = world_of(dataset, TRAINING, graph_of(dataset))
    if histories is not None:
        world = replace(
            world, histories=histories, sources=replace(world.sources, histories=histories)
        )
    made = Zoomer.of(config_of(**own), world)
    torch.manual_seed(1)
    enliven(made.network)
    made.network.eval()
    return made


def steps_of(made: Zoomer, dataset: Dataset, seed: int = 0) -> list:
    world = world_of(dataset, TRAINING, graph_of(dataset))
    return list(made.batches(world, np.random.default_rng(seed))[1])


def training(dataset: Dataset) -> Histories:
    return leave_one_out(dataset).histories(dataset)


class TestRegions:
    @pytest.mark.parametrize("by", ["tanimoto", "cosine"])
    def test_a_query_draws_them_by_focal_over_the_graph_of_the_log(self, by):
        dataset = with_log(shuffled(False))
        made, past = zoomer_of(dataset, queries="log", relevance=by), training(dataset)
        assert isinstance(made, Focuses) and made.relevance == by
        vectors = {kind: made.alone(kind) for kind in ("user", "query", "item")}
        graph = log_graph(dataset, past, asked(dataset, past))
        for user, query in ((0, 1), (3, 2), (7, 0)):
            focal = Focal(vectors, (vectors["user"][user] + vectors["query"][query])[None], by)
            sampler = Sampler(graph, "user -had-> item:3 focal", strategies={"focal": focal})
            region = made.region(user, query)
            heard = region.sources[region.targets == 0]  # by the user
            items = [region.numbers[at] for at in heard if region.kinds[at] == "item"]
            assert len(items) == 3
            assert set(sampler.draw(np.array([user]))[0].nodes) == set(items)

    @pytest.mark.parametrize("by", ["tanimoto", "cosine"])
    def test_they_are_what_the_engine_chooses(self, by):
        made = zoomer_of(shuffled(True), relevance=by)
        rng, network = np.random.default_rng(0), made.network
        tables = {
            kind: network.vectors(kind, torch.arange(n)).detach().double()
            for kind, n in network.sizes.items()
        }
        users, queries = rng.integers(0, N_USERS, 30), rng.integers(0, made.n_queries, 30)
        limits = START + DAY * rng.integers(0, 8, 30)
        asks = Asks(*map(torch.from_numpy, (users, queries)), None, torch.from_numpy(limits))
        focus = tables["user"][users] + tables["query"][queries]
        found = network.regions(asks, focus, lambda kind, nodes: tables[kind][nodes])
        for ego, nodes in (("user", users), ("query", queries)):
            for kind, near in found[ego].items():
                if kind == "user":
                    continue
                relation = made.past.next_to[ego, kind]
                rows = Rows.of(Reach(relation), nodes, None if relation.times is None else limits)
                of, places, worth = top_relevant(
                    rows, 3, tables[kind].numpy(), focus.numpy(), by=by
                )
                for row in range(30):
                    real = near.numbers[row, 0] >= 0
                    assert near.numbers[row, 0][real].tolist() == [
                        int(one) for one in relation.targets[places[of == row]]
                    ]
                    np.testing.assert_allclose(near.relevance[row, 0][real], worth[of == row])

    def test_another_focus_has_another_region_and_the_same_the_same(self):
        made = zoomer_of(shuffled(True))
        one, again = (made.neighbours(np.full(2, 4), np.arange(2)) for _ in range(2))
        heard = one["user"]["item"].numbers[:, 0]
        assert len({tuple(row) for row in heard.tolist()}) > 1
        assert torch.equal(heard, again["user"]["item"].numbers[:, 0])

    def test_no_more_than_its_reach_is_looked_at(self):
        """The latest are: of eight items in training six, those of the first two days are left."""
        made, past = zoomer_of(shuffled(True), reach=2), training(shuffled(True))
        near = made.neighbours(np.arange(N_USERS), np.zeros(N_USERS, int))["user"]["item"].numbers
        for user in range(N_USERS):
            assert set(near[user, 0].tolist()) <= {*past.of(user)[-2:].tolist(), -1}

    def test_a_user_is_not_met_on_the_way(self):
        made = zoomer_of(shuffled(False), hops=2)
        roi = made.neighbours(np.arange(N_USERS), np.zeros(N_USERS, int))
        own = torch.arange(N_USERS)[:, None, None]
        assert not (roi["query"]["user"].numbers == own).any()
        assert not (roi["user"]["item"].beyond["user"].numbers == own).any()
        assert (roi["user"]["item"].beyond["user"].numbers >= 0).any()


class TestLeaks:
    def test_what_was_asked_before_an_item_was_had_foretells_it_to_nobody(self):
        """Whoever tags a film before rating it: of what is held out no such tag is known."""
        dataset = with_log(shuffled(True))
        assert dataset.log is not None
        early = dataset.log.rows.with_columns(pl.col("time") - DAY // 2)
        before = replace(dataset, log=replace(dataset.log, rows=early))
        want, found = (zoomer_of(one, queries="log").arrays() for one in (dataset, before))
        assert want.keys() == found.keys()
        for name, array in want.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)

    def test_items_taken_one_after_another_are_next_to_each_other_from_the_first_time(self):
        dataset = dataset_of([[0, 1, 2, 3], [0, 1, 3, 2]], 4)
        times = START + pl.col("user").cast(pl.Int64) * 30 * DAY + 10 * pl.col("time")
        dataset = replace(dataset, interactions=dataset.interactions.with_columns(time=times))
        table = dataset.interactions
        users, items, moments = (
            table[name].to_numpy().astype(np.int64) for name in ("user", "item", "time")
        )
        about = pl.DataFrame({"query_id": ["q"], "text": ["red"]})
        log = Log(rows_of(users, np.zeros_like(users), items, moments), about)
        made = zoomer_of(replace(dataset, log=log), queries="log", hops=2)
        then = made.past.next_to["item", "item"]
        assert then.of(0).tolist() == [1] and then.moments[0] == START + 10

    @pytest.mark.parametrize(("queries", "asked"), [("factors", "latest"), ("log", "both")])
    def test_with_dates_nothing_of_the_moment_or_later_is_seen(self, queries, asked):
        """A network of what was before each moment gives the same vectors as that of everything."""
        dataset = with_log(shuffled(True))
        own = {"queries": queries, "asked": asked, "hops": 2}
        made = zoomer_of(dataset, **own)
        (step,) = steps_of(made, dataset)
        vectors, past = made.network(step.asks).detach(), training(dataset)
        changed = 0
        for row in range(0, len(step.items), 29):
            time = int(step.asks.limits[row])
            kept = past.times < time
            counts = np.concatenate([[0], np.cumsum(kept)])
            before = Histories(counts[past.offsets], past.items[kept], past.times[kept])
            cut = zoomer_of(dataset, before, **own)
            cut.network.load_state_dict(made.network.state_dict())
            some = step.asks.some(slice(row, row + 1))
            torch.testing.assert_close(cut.network(some)[0], vectors[row])
            later = cut.network(some._replace(limits=None))[0]
            changed += not torch.allclose(later, made.network(some._replace(limits=None))[0])
        assert changed > 2, "the canary does not sing: what is later changes nothing"

    @pytest.mark.parametrize("queries", ["factors", "log"])
    def test_without_dates_no_edge_that_was_made_tells_of_the_target(self, queries):
        dataset = with_log(shuffled(False))
        made = zoomer_of(dataset, queries=queries, hops=2)
        (step,) = steps_of(made, dataset)
        assert step.asks.limits is None

        def met(asks: Asks) -> bool:
            roi = made.network.region(asks)
            heard = [roi["user"]["item"], roi["query"]["user"].beyond["item"]]
            heard += [roi["user"]["item"].beyond["item"]]
            heard += [roi["query"]["item"]] if queries == "log" else []
            return any(bool((one.numbers == step.items[:, None, None]).any()) for one in heard)

        assert not met(step.asks)
        assert met(step.asks._replace(hidden=None)), "the canary does not sing"

    def test_a_history_is_seen_up_to_its_position(self):
        dataset = shuffled(False)
        made, past = zoomer_of(dataset), training(dataset)
        (step,) = steps_of(made, dataset)
        for row, user in enumerate(step.asks.users.tolist()):
            own = past.of(user).tolist()
            at = own.index(int(step.items[row]))
            assert step.asks.past[row].tolist()[:at] == own[:at][::-1]
            assert set(step.asks.past[row].tolist()[at:]) <= {-1}

    def test_a_list_asks_for_what_the_latest_item_means(self):
        dataset = shuffled(False)
        made, past = zoomer_of(dataset, asked="latest"), training(dataset)
        codes = graph_of(dataset).item_codes[:, 0]
        users = np.arange(N_USERS)
        asked = made.query_after(past, users)
        assert asked.tolist() == [int(codes[past.of(user)[-1]]) for user in users]
        (step,) = steps_of(made, dataset)
        before = step.asks.past[:, 0].numpy()
        assert step.asks.queries.tolist() == codes[before].tolist()
        own = zoomer_of(dataset, asked="own")
        (step,) = steps_of(own, dataset)
        assert step.asks.queries.tolist() == codes[step.items.numpy()].tolist()

    def test_of_a_log_it_is_the_last_query_of_training_before(self):
        dataset = with_log(shuffled(True))
        made, past = zoomer_of(dataset, queries="log", asked="latest"), training(dataset)
        users = np.arange(N_USERS)
        wanted = [(user * 3 + int(past.of(user)[-1]) * 2) % 5 for user in users]
        assert made.query_after(past, users).tolist() == wanted
        (step,) = steps_of(made, dataset)
        before = step.asks.past[:, 0].numpy()
        assert (
            step.asks.queries.tolist() == ((step.asks.users.numpy() * 3 + before * 2) % 5).tolist()
        )
        own = zoomer_of(dataset, queries="log", asked="own")
        (step,) = steps_of(own, dataset)
        wanted = (step.asks.users.numpy() * 3 + step.items.numpy() * 2) % 5
        assert step.asks.queries.tolist() == wanted.tolist()

    @pytest.mark.parametrize("clock", [True, False])
    def test_in_training_no_query_is_seen_that_was_asked_for_later(self, clock):
        """Whether or not times tell, a user has asked for what its items before were taken for."""
        dataset = with_log(shuffled(clock))
        made = zoomer_of(dataset, queries="log", asked="latest", neighbours=9)
        (step,) = steps_of(made, dataset)
        users, before = step.asks.users.numpy()[:, None], step.asks.past.numpy()
        queries = np.where(before >= 0, (users * 3 + before * 2) % 5, -1)
        assert step.asks.queries.tolist() == queries[:, 0].tolist()
        heard = made.network.region(step.asks)["user"]["query"].numbers[:, 0].tolist()
        wanted = [set(row.tolist()) - {-1} for row in queries]
        assert [set(row) - {-1} for row in heard] == wanted
        target = (users[:, 0] * 3 + step.items.numpy() * 2) % 5
        assert any(one not in row for one, row in zip(target.tolist(), heard, strict=True))

    def test_an_item_is_asked_for_by_what_it_was_taken_for_first(self):
        dataset = shuffled(True)
        users, items, times = (
            dataset.interactions[name].to_numpy().astype(np.int64)
            for name in ("user", "item", "time")
        )
        asks = np.repeat([0, 1], len(users)), np.tile(items, 2), np.r_[times, times + 60]
        rows = rows_of(np.tile(users, 2), *asks)
        about = pl.DataFrame({"query_id": ["a", "b"], "text": ["a", "b"]})
        made = zoomer_of(replace(dataset, log=Log(rows, about)), queries="log", asked="own")
        past = training(dataset)
        first = past.items[past.offsets[:-1]].astype(np.int64)
        everybody = np.arange(N_USERS)
        assert not made.past.query_of(everybody, first, np.full(N_USERS, -1)).any()

    def test_held_out_asks_are_no_edges(self):
        dataset = with_log(shuffled(True))
        made, past = zoomer_of(dataset, queries="log"), training(dataset)
        assert made.past.asks.targets.shape == past.items.shape
        had = made.past.had
        assert all(set(had.of(user)) == set(past.of(user)) for user in range(N_USERS))


class TestAttention:
    def test_each_switch_changes_what_is_computed(self):
        dataset = shuffled(True)
        users, queries = np.arange(N_USERS), np.arange(N_USERS) % 2
        whole = zoomer_of(dataset)
        vectors = {"full": whole.asking(users, queries)}
        for name, off in {
            "GCN": ("feature", "edge", "semantic"),
            "FE": ("semantic",),
            "FS": ("edge",),
            "ES": ("feature",),
        }.items():
            other = zoomer_of(dataset, **dict.fromkeys(off, False))
            other.network.load_state_dict(whole.network.state_dict())
            vectors[name] = other.asking(users, queries)
        names = list(vectors)
        for at, one in enumerate(names):
            for two in names[at + 1 :]:
                assert np.abs(vectors[one] - vectors[two]).max() > 1e-4, f"{one} is {two}"

    @pytest.mark.parametrize("hops", [1, 2])
    def test_edge_attention_alone_is_the_model_without_the_other_levels(self, hops):
        dataset = shuffled(True)
        whole = zoomer_of(dataset, hops=hops)
        bypassed = zoomer_of(dataset, hops=hops, feature=False, semantic=False)
        bypassed.network.load_state_dict(whole.network.state_dict())
        users, queries = np.arange(N_USERS), np.arange(N_USERS) % 2
        before = whole.asking(users, queries)
        alone = whole.asking(users, queries, attention=("edge",))
        np.testing.assert_array_equal(alone, bypassed.asking(users, queries))
        assert np.abs(alone - before).max() > 1e-3
        np.testing.assert_array_equal(whole.asking(users, queries), before)
        with pytest.raises(ValueError, match="levels feature, edge and semantic, not 'node'"):
            whole.asking(users, queries, attention=("node",))

    def test_what_is_given_is_not_chosen_again(self, monkeypatch):
        made = zoomer_of(shuffled(True), hops=2)
        users, queries = np.arange(N_USERS), np.arange(N_USERS) % 2
        region, before = made.neighbours(users, queries), made.asking(users, queries)

        def refuse(*_: object) -> None:
            raise AssertionError("neighbours are chosen")

        monkeypatch.setattr(made.network.regions, "forward", refuse)
        np.testing.assert_array_equal(made.asking(users, queries, neighbours=region), before)
        kept = {
            "user": {"item": given([made.last("user", user, "item") for user in users])},
            "query": {"item": given([made.last("query", query, "item", 2) for query in queries])},
        }
        assert kept["query"]["item"].numbers.shape == (N_USERS, 1, 2)
        assert made.asking(users, queries, neighbours=kept).shape == before.shape
        with pytest.raises(AssertionError):
            made.asking(users, queries)


class TestPictures:
    @pytest.mark.parametrize("hops", [1, 2])
    def test_a_region_says_what_was_heard(self, hops):
        made = zoomer_of(shuffled(True), hops=hops)
        region = made.region(3, 1)
        assert region.kinds[:2] == ("user", "query") and region.numbers[:2].tolist() == [3, 1]
        assert len(region.kinds) == len(region.numbers) == len(region.sources) + 2
        assert sorted(region.sources.tolist()) == list(range(2, len(region.kinds)))
        roi = made.neighbours(np.array([3]), np.array([1]))
        for place, ego in enumerate(("user", "query")):
            for kind, near in roi[ego].items():
                mine = [
                    edge
                    for edge in np.flatnonzero(region.targets == place)
                    if region.kinds[region.sources[edge]] == kind
                ]
                numbers = region.numbers[region.sources[mine]]
                assert numbers.tolist() == near.numbers[near.real].tolist()
                assert region.weights[mine].sum() == pytest.approx(1 if len(mine) else 0)
        deep = region.targets > 1
        assert deep.any() == (hops == 2)
        for target in np.unique(region.targets[deep]):
            assert region.kinds[target] in ("user", "query", "item")
            for kind in {region.kinds[one] for one in region.sources[region.targets == target]}:
                own = [
                    edge
                    for edge in np.flatnonzero(region.targets == target)
                    if region.kinds[region.sources[edge]] == kind
                ]
                assert region.weights[own].sum() == pytest.approx(1, abs=1e-5)
                near = made.past.next_to[region.kinds[target], kind].of(int(region.numbers[target]))
                assert set(region.numbers[region.sources[own]]) <= set(near.tolist())

    @pytest.mark.parametrize("ego", ["user", "query"])
    def test_weights_around_one_ego_move_with_the_other(self, ego):
        made = zoomer_of(shuffled(True))
        rows = made.coupling(ego, 1, np.arange(2), np.arange(5))
        assert rows.shape == (2, 5)
        np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-6)
        assert np.abs(rows[0] - rows[1]).max() > 1e-4


class TestTriples:
    def network(self) -> tuple[ZoomerNetwork, Past]:
        dataset = with_log(shuffled(True))
        made = zoomer_of(dataset, queries="log")
        return made.network, made.past

    def test_a_network_is_built_of_a_graph_alone(self):
        from graph.build.log import log_graph

        dataset = with_log(shuffled(True))
        graph = log_graph(dataset, training(dataset), dataset.log)
        torch.manual_seed(0)
        network = ZoomerNetwork.of_graph(ZoomerConfig(neighbours=3), 6, graph).eval()
        users, queries, items = (torch.from_numpy(np.arange(6) % n) for n in (4, 5, 6))
        scores = network.scores(users, queries)
        assert scores.shape == (6, N_ITEMS)
        logits = network.logits(users, queries, items)
        torch.testing.assert_close(logits, scores.gather(1, items[:, None])[:, 0])
        assert logits.abs().max() <= network.own.sharpness

    def test_what_is_hidden_is_not_seen(self):
        from graph.build.log import log_graph

        dataset = with_log(shuffled(False))
        past = training(dataset)
        graph = log_graph(dataset, past, dataset.log)
        network = ZoomerNetwork.of_graph(ZoomerConfig(neighbours=20, reach=50), 6, graph).eval()
        user, item = torch.tensor([2]), torch.tensor([int(past.of(2)[0])])
        query = (user * 3 + item * 2) % 5
        for hidden in (None, item):
            roi = network.region(Asks(user, query, hidden=hidden))
            seen = [bool((roi[ego]["item"].numbers == item).any()) for ego in ("user", "query")]
            seen.append(bool((roi["user"]["query"].numbers == query).any()))
            assert seen == [hidden is None] * 3


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"queries": "log"}, "says nothing of what users asked for"),
        ({"level": 5}, "model.backbone.level is 5, and items have 2 levels"),
    ],
)
def test_what_is_not_there_is_named(own, message):
    with pytest.raises(ConfigError, match=message):
        zoomer_of(shuffled(True), **own)


def test_without_codes_there_are_no_factors():
    dataset = shuffled(True)
    world = World(dataset, training(dataset), sources_of(dataset, None), TRAINING)
    with pytest.raises(ConfigError, match="there are no factors"):
        Zoomer.of(config_of(), world)


def test_a_log_of_nothing_in_training_is_said():
    dataset = with_log(shuffled(True))
    assert dataset.log is not None
    empty = replace(dataset, log=dataset.log.only(pl.lit(False)))
    with pytest.raises(ConfigError, match="no training interaction"):
        zoomer_of(empty, queries="log")


def test_an_attribute_that_is_called_terms_is_none_of_the_words():
    dataset = shuffled(True)
    terms = pl.Series("terms", [12 + 12 * (item % 2) for item in range(N_ITEMS)])
    lent = replace(dataset, items=dataset.items.with_columns(terms))
    assert [*zoomer_of(dataset).past.features.bags["item"]] == ["genres", "terms"]
    found = zoomer_of(lent).past.features.bags["item"]
    assert [*found] == ["genres", "attr_terms", "terms"]
    assert found["attr_terms"].n_categories[0] == 2
