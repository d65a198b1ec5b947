import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantize.codes import Branch, hierarchy
from quantize.diagnostics import collision_table, level_table
from quantize.terms import Mentions


def test_a_tree_by_hand():
    codes = np.array([[0, 1], [0, 1], [0, 2], [3, 1]])
    assert hierarchy(codes) == Branch(
        (),
        4,
        (
            Branch((0,), 3, (Branch((0, 1), 2), Branch((0, 2), 1))),
            Branch((3,), 1, (Branch((3, 1), 1),)),
        ),
    )
    assert hierarchy(codes, 1) == Branch((), 4, (Branch((0,), 3), Branch((3,), 1)))
    assert hierarchy(codes[:0]) == Branch((), 0)
    assert hierarchy(codes[:, :0]) == Branch((), 4)


@given(
    arrays(np.int32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(0, 4))
)
def test_every_entity_is_in_one_branch_a_level(rows):
    def sums(branch):
        if branch.children:
            assert sum(child.size for child in branch.children) == branch.size
            sizes = [child.size for child in branch.children]
            assert sizes == sorted(sizes, reverse=True)
        for child in branch.children:
            assert child.codes[:-1] == branch.codes
            sums(child)

    root = hierarchy(rows)
    assert root.size == len(rows)
    sums(root)


def test_mentions_are_whole_words_in_any_case():
    mentions = Mentions(["An Art-house film", None, "earth, party", "", "ART", "  art\nhouse"])
    assert mentions.of("art").tolist() == [False, False, False, False, True, True]
    assert mentions.of("art-house").tolist() == [True] + [False] * 5
    assert mentions.of("art house").tolist() == [False] * 5 + [True]
    assert not mentions.of("film earth").any(), "a term does not reach into the next text"
    assert not mentions.of("").any() and not Mentions([]).of("art").any()


def test_levels_in_a_table():
    figures = {"levels": 2, "k": 4, "active_ratio": [1.0, 0.5], "perplexity": [3.5, 1.5]}
    figures |= {"distinct": [4, 6], "error_left": [0.7, 0.4]}
    table = level_table(figures)
    assert table["used"].to_list() == [4, 2]
    assert np.allclose(table["kept"], [0.3, 0.6]) and np.allclose(table["gained"], [0.3, 0.3])


def test_collisions_by_hand():
    table = collision_table(list("abcd"), np.array([[0, 1], [2, 2], [0, 1], [2, 2]]))
    assert table.rows() == [("0-1", 2, ["a", "c"]), ("2-2", 2, ["b", "d"])]
    assert collision_table(["a", "b"], np.array([[0], [1]])).height == 0
