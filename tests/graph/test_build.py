import subprocess
import sys

import numpy as np
import pytest

from data.errors import DataError
from data.split import leave_one_out
from graph.build.latent import build_graph
from graph.latent import LatentGraph


def test_held_out_interactions_are_on_no_edge(make_dataset, make_codes):
    """Items 8 and 9 are canaries: they occur in validation and test only, at training times."""
    rows = [(user, item, item) for user in range(3) for item in range(4)]
    rows += [(user, 8 + part, 3) for user in range(3) for part in range(2)]
    dataset = make_dataset(rows, 3, 10)
    split = leave_one_out(dataset)
    assert set(split.targets(dataset, "valid")) | set(split.targets(dataset, "test")) == {8, 9}
    graph = build_graph(
        dataset, split, make_codes("u", [[0]] * 3, 2), make_codes("i", [[0]] * 10, 2)
    )
    assert not {8, 9} & set(graph.user_item.targets.tolist())
    assert graph.item_user.of(8).size == graph.item_user.of(9).size == 0
    assert len(graph.user_item.targets) == len(graph.item_user.targets) == 12


def test_both_directions_hold_the_same_edges_in_order_of_time(small):
    forth = zip(
        small.user_item.sources, small.user_item.targets, small.user_item.times, strict=True
    )
    back = zip(small.item_user.targets, small.item_user.sources, small.item_user.times, strict=True)
    assert sorted(forth) == sorted(back)
    for csr in (small.user_item, small.item_user):
        for source in range(len(csr)):
            times = csr.times[csr.offsets[source] : csr.offsets[source + 1]]
            assert (np.diff(times) >= 0).all()


def test_equal_times_keep_the_order_of_the_source(make_dataset, make_codes):
    rows = [(0, item, 5) for item in (3, 1, 2, 0, 4)]
    dataset = make_dataset(rows, 1, 5)
    graph = build_graph(
        dataset, leave_one_out(dataset), make_codes("u", [[0]], 1), make_codes("i", [[0]] * 5, 1)
    )
    assert graph.user_item.of(0).tolist() == [3, 1, 2]


def test_factor_nodes_are_numbered_level_by_level(make_dataset, make_codes):
    dataset = make_dataset([(0, i, i) for i in range(3)], 1, 3)
    users, items = make_codes("u", [[1, 0, 2]], 4), make_codes("i", [[0, 1]] * 3, 2)
    graph = build_graph(dataset, leave_one_out(dataset), users, items, ["x"] * 12)
    assert graph.factors("user").tolist() == [[1, 4, 10]]
    assert graph.size("user_factor") == 12 == len(graph.user_labels)
    assert graph.item_labels == ("",) * 4


def test_codes_of_another_data_set_are_refused(make_dataset, make_codes):
    dataset = make_dataset([(0, i, i) for i in range(3)], 1, 3)
    split, users = leave_one_out(dataset), make_codes("u", [[0]], 1)
    with pytest.raises(DataError, match="there are 2 and not 3"):
        build_graph(dataset, split, users, make_codes("i", [[0]] * 2, 1))
    with pytest.raises(DataError, match="row 0 is 'x0' and not 'i0'"):
        build_graph(dataset, split, users, make_codes("x", [[0]] * 3, 1))
    with pytest.raises(DataError, match="2 labels for 1 item factors"):
        build_graph(dataset, split, users, make_codes("i", [[0]] * 3, 1), (), ["a", "b"])


def test_a_fresh_process_loads_the_same_graph(small, tmp_path):
    small.save(tmp_path)
    again = LatentGraph.load(tmp_path)
    assert again.user_labels == small.user_labels
    assert again.user_k == small.user_k and again.n_items == small.n_items
    for name in ("offsets", "targets", "times"):
        for relation in ("user_item", "item_user"):
            stored = getattr(getattr(again, relation), name)
            np.testing.assert_array_equal(stored, getattr(getattr(small, relation), name))
    np.testing.assert_array_equal(again.item_codes, small.item_codes)
    code = (
        "import sys; from pathlib import Path; from graph.latent import LatentGraph;"
        "g = LatentGraph.load(Path(sys.argv[1])); print(g.user_item.targets.tolist())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(small.user_item.targets.tolist())
