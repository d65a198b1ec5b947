from data.split import leave_one_out
from graph.build.latent import build_graph
from graph.explore.overview import statistics


def test_statistics_by_hand(make_dataset, make_codes):
    dataset = make_dataset([(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 3)], 1, 4)
    graph = build_graph(
        dataset, leave_one_out(dataset), make_codes("u", [[0]], 2), make_codes("i", [[0]] * 4, 2)
    )
    figures = statistics(graph.hetero)
    assert figures["nodes"] == {"user": 1, "item": 4, "user_factor": 2, "item_factor": 2}
    assert figures["edges"] == {
        "user - item": 2,
        "user - user_factor, level 0": 1,
        "item - item_factor, level 0": 4,
    }
    assert figures["isolated"] == {"user": 0, "item": 2, "user_factor": 1, "item_factor": 1}
    assert figures["degrees"]["item - user"]["mean"] == 0.5
