import polars as pl
import pytest

from data.dataset import INTERACTION_SCHEMA, Dataset
from data.errors import DataError
from data.split import leave_one_out
from graph.build.latent import build_graph
from graph.explore.flat import flatten
from graph.explore.names import index_names, name_nodes
from graph.explore.overview import count_neighbours, neighbour_table

TITLES = ["Alien", "Aliens", "The Alien Factor", "Léon", " ", "Résumé of Aliens", "Heat"]


@pytest.fixture(scope="module")
def library(make_codes):
    rows = [(0, item, item) for item in range(7)] + [(1, item, item) for item in (6, 2, 3, 1, 0)]
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    dataset = Dataset(
        "films",
        pl.DataFrame({"user_id": ["u0", "Léon"], "job": ["farmer", None]}),
        pl.DataFrame(
            {
                "item_id": [f"i{n}" for n in range(7)],
                "title": TITLES,
                "genres": [["Horror"], ["Horror", "War"], None, [], [], [], ["Crime"]],
                "description": ["never searched"] * 7,
            }
        ),
        pl.DataFrame([(*row, 1.0) for row in rows], schema=INTERACTION_SCHEMA, orient="row"),
    )
    users = make_codes("u", [[0], [1]], 2)
    users = type(users)(("u0", "Léon"), users.codes, users.codebooks)
    items = make_codes("i", [[0, 0], [0, 1], [1, 1], [1, 1], [0, 0], [0, 1], [1, 0]], 2)
    graph = build_graph(
        dataset,
        leave_one_out(dataset),
        users,
        items,
        user_labels=["calm", ""],
        item_labels=["alien, space", "", "heat of the night", ""],
    )
    flat = flatten(graph.hetero)
    names = name_nodes(
        graph.hetero, dataset, {"item_factor": [["monster"], [], ["police", "night"], []]}
    )
    return graph, flat, names, index_names(names, flat)


def titles(library, query, **more):
    _, _, names, finder = library
    return [names.title(node) for node in finder.find(query, **more)]


def test_the_best_come_first(library):
    assert titles(library, "alien") == [
        "Alien",
        "Aliens",
        "alien, space",
        "The Alien Factor",
        "Résumé of Aliens",
    ]
    assert titles(library, "ALIEN", limit=2) == ["Alien", "Aliens"]
    assert titles(library, "alien", types=("item_factor",)) == ["alien, space"]


def test_accents_capitals_and_the_order_of_words_do_not_matter(library):
    assert titles(library, "leon") == ["User Léon", "Léon"]
    assert titles(library, "resume") == ["Résumé of Aliens"]
    assert titles(library, "factor alien  THE") == ["The Alien Factor"]


def test_ids_terms_and_attributes_are_found(library):
    assert titles(library, "i6") == ["Heat"]
    assert titles(library, "monster") == ["alien, space"]
    assert titles(library, "police night") == ["heat of the night"]
    assert titles(library, "farmer") == ["User u0"]
    assert titles(library, "war") == ["Aliens"]
    assert titles(library, "never searched") == []


@pytest.mark.parametrize("query", ["", "   ", "no such thing", "(", "\\", "%", "*", "\x00"])
def test_queries_that_mean_nothing_find_nothing(library, query):
    assert titles(library, query) == []


def test_what_has_no_name_goes_by_its_id_or_number(library):
    _, _, names, _ = library
    assert names.title(("item", 4)) == "i4"
    assert names.title(("item_factor", 1)) == "Item factor 0-1"
    assert names.title(("user_factor", 1)) == "User factor 0-1"
    assert names.title(("item_factor", 3)) == "Item factor 1-1"


def test_ids_lead_back_to_their_nodes(library):
    graph, _, names, _ = library
    for kind in ("user", "item", "user_factor", "item_factor"):
        for number in range(graph.size(kind)):
            assert names.node(kind, names.id((kind, number))) == (kind, number)


@pytest.mark.parametrize(
    ("kind", "external"),
    [
        ("item_factor", "2-0"),
        ("item_factor", "0-2"),
        ("item_factor", "x"),
        ("film", "1-1"),
        ("user", "u9"),
        ("item_factor", "-1-0"),
        ("item_factor", "²-0"),
    ],
)
def test_ids_of_nothing_get_a_sentence(library, kind, external):
    with pytest.raises(DataError, match="no "):
        library[2].node(kind, external)


def test_details_of_a_node_by_hand(library):
    graph, flat, names, _ = library
    assert count_neighbours(flat, ("user", 0)) == {"item": 5, "user_factor": 1}
    assert count_neighbours(flat, ("item_factor", 2)) == {"item": 3}
    table = neighbour_table(flat, names, ("user", 0), each=2)
    latest = graph.user_item.of(0)[::-1][:2].tolist()
    assert table["number"].to_list() == [*latest, 0]
    assert table["name"].to_list() == [*(names.title(("item", n)) for n in latest), "calm"]
    assert table["neighbours"].to_list()[-1] == 1
    assert neighbour_table(flat, names, ("user_factor", 1))["id"].to_list() == ["Léon"]
