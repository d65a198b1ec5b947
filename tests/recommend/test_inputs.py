import numpy as np
import pytest
from small_worlds import (
    ADDED,
    checkerboard,
    codes_of,
    config_of,
    graph_of,
    inputs_of,
    phrases_of,
)

from data.errors import ConfigError
from data.split import leave_one_out
from graph.build.latent import build_graph
from recommend.sequence.inputs import GraphTables, Inputs, gather_inputs
from recommend.sources import Sources


@pytest.fixture(scope="module")
def world():
    dataset = checkerboard()
    return dataset, graph_of(dataset)


def with_levels(*levels):
    return config_of(enhancer="autograph").model_copy(
        update={
            "enhancer": config_of(enhancer="autograph").enhancer.model_copy(
                update={"levels": levels}
            )
        }
    )


@pytest.mark.parametrize("levels", [(0, 2), (7,), (-1,), ()])
def test_levels_that_the_graph_lacks_get_a_sentence(world, levels):
    message = r"model\.enhancer\.levels is \[.*\], and both sides of the graph have levels 0 to 1"
    with pytest.raises(ConfigError, match=message):
        gather_inputs(world[0], Sources(world[1]), with_levels(*levels))


def test_levels_that_only_one_side_has_get_a_sentence(world):
    dataset = world[0]
    users = codes_of("u", [[0, 1, 1]] * dataset.n_users, 2)
    items = codes_of("i", [[0]] * dataset.n_items, 1)
    graph = build_graph(dataset, leave_one_out(dataset), users, items)
    with pytest.raises(ConfigError, match="levels"):
        gather_inputs(dataset, Sources(graph), with_levels(0, 1))


def test_an_enhancer_without_a_graph_gets_a_sentence(world):
    with pytest.raises(ConfigError, match="'autograph' needs a graph"):
        gather_inputs(world[0], Sources(), config_of(enhancer="autograph"))


def test_a_plain_network_leaves_the_graph_alone(world):
    inputs = gather_inputs(world[0], Sources(world[1]), config_of())
    assert inputs.graph is None
    assert (inputs.n_users, inputs.n_items) == (24, 12)


def test_chosen_levels_have_their_own_factors(world):
    _, graph = world
    both = GraphTables.of(graph, (0, 1))
    np.testing.assert_array_equal(both.user_factors, graph.factors("user"))
    np.testing.assert_array_equal(both.item_factors, graph.factors("item"))
    assert both.n_factors.tolist() == [6, 4]
    second = GraphTables.of(graph, (1,))
    np.testing.assert_array_equal(second.user_factors, graph.user_codes[:, 1:])
    assert second.n_factors.tolist() == [3, 2]
    turned = GraphTables.of(graph, (1, 0))
    np.testing.assert_array_equal(turned.item_factors[:, 0], graph.item_codes[:, 1])
    np.testing.assert_array_equal(turned.item_factors[:, 1], graph.item_codes[:, 0] + 2)


def test_edges_are_the_users_of_every_item(world):
    dataset, graph = world
    tables = GraphTables.of(graph, (0,))
    past = leave_one_out(dataset).histories(dataset)
    for item in range(dataset.n_items):
        had = [user for user in range(dataset.n_users) for i in past.of(user) if i == item]
        found = tables.users[tables.offsets[item] : tables.offsets[item + 1]]
        assert sorted(found.tolist()) == had


@pytest.mark.parametrize("enhancer", ADDED)
def test_arrays_give_the_inputs_again(world, enhancer):
    inputs = inputs_of(*world, config_of(enhancer=enhancer))
    arrays = inputs.arrays()
    again = Inputs.of_arrays(arrays)
    needs = config_of(enhancer=enhancer).enhancer.needs
    assert (again.graph is not None) == ("graph" in needs)
    assert (again.vectors is not None) == ("item_vectors" in needs)
    assert (again.embeddings is not None) == ("item_embeddings" in needs)
    named = {"taken" if name == "histories" else name for name in needs}
    matrices = {f"{side}_{kind}" for side in ("user", "item") for kind in ("vectors", "embeddings")}
    assert set(again.relations) == named - {"graph", *matrices}
    assert again.arrays().keys() == arrays.keys()
    for name, array in again.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype
    assert (again.n_users, again.n_items) == (inputs.n_users, inputs.n_items)


def test_a_model_kept_under_an_earlier_name_of_the_number_of_targets_opens(world):
    inputs = inputs_of(world[0], None, config_of(enhancer="ccgnn"))
    arrays = inputs.arrays()
    arrays["phrases.size"] = arrays.pop("phrases.n_targets").reshape(1)
    arrays["phrases.targets"] = arrays["phrases.targets"].astype(np.int64)
    found = Inputs.of_arrays(arrays).relations["phrases"]
    assert found.n_targets == inputs.relations["phrases"].n_targets
    np.testing.assert_array_equal(found.targets, inputs.relations["phrases"].targets)
    np.testing.assert_array_equal(found.weights, inputs.relations["phrases"].weights)


def test_a_relation_of_any_name_reaches_whoever_needs_it(world):
    dataset, relation = world[0], phrases_of(world[0].n_items)
    given = {"graph": world[1], "bought together": relation}
    sources = Sources.of(given)
    assert sources.graph is world[1] and sources.part("bought together") is relation
    assert sources.part("phrases") is None and sources.part("pairs") is None
    wanting = config_of(enhancer="uist").enhancer
    other = type("OtherConfig", (type(wanting),), {"needs": ("bought together",)})
    config = config_of().model_copy(update={"enhancer": other()})
    inputs = gather_inputs(dataset, sources, config)
    again = Inputs.of_arrays(inputs.arrays()).relations
    np.testing.assert_array_equal(again["bought together"].targets, relation.targets)
    with pytest.raises(ConfigError, match="needs the relation 'bought together'"):
        gather_inputs(dataset, Sources(), config)
