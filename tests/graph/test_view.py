import pytest
from hypothesis import given
from hypothesis import strategies as st
from whole import SCHEMA

from data.errors import ConfigError
from graph.explore.view import MOST_LETTERS, Filters, View, read_view, view_text

nodes = st.tuples(st.sampled_from(SCHEMA.types), st.integers(0, 10**8))
chosen = st.lists(nodes, max_size=4).map(tuple)
filters = st.builds(
    Filters,
    types=st.sets(st.sampled_from(SCHEMA.types)).map(
        lambda kinds: tuple(kind for kind in SCHEMA.types if kind in kinds)
    ),
    relations=st.sets(st.sampled_from(SCHEMA.links)).map(
        lambda names: tuple(name for name in SCHEMA.links if name in names)
    ),
    levels=st.none() | st.lists(st.integers(0, 9), max_size=3).map(tuple),
    degree=st.tuples(st.integers(0, 999), st.none() | st.integers(0, 999)),
)
views = st.builds(
    View,
    starts=chosen,
    expansions=st.lists(
        nodes.flatmap(lambda n: st.tuples(st.just(n), st.sampled_from(SCHEMA.neighbours(n[0])))),
        max_size=3,
    ).map(tuple),
    dismissed=chosen,
    ends=st.none() | st.tuples(nodes, nodes),
    filters=filters,
    hops=st.integers(1, 3),
    each=st.integers(1, 1000),
    cap=st.integers(1, 1000),
)


@given(views)
def test_a_view_comes_back_from_its_text(view):
    text = view_text(view, SCHEMA)
    assert read_view(text, SCHEMA) == view
    assert all(letter.isalnum() or letter in "._-" for letter in text)


def test_the_plain_view_needs_no_words():
    assert view_text(View(), SCHEMA) == "" and read_view("", SCHEMA) == View()


@pytest.mark.parametrize(
    "text", ["x5", "su", "suu", "sx4", "h", "hx", "c²", "g", "g5", "p1", "pu1", "eu1", "r7", "s1u"]
)
def test_other_texts_get_a_sentence(text):
    with pytest.raises(ConfigError, match="which says nothing"):
        read_view(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("h4", "hops is 4; choose 1 to 3"),
        ("c1001", "cap is 1001; choose 1 to 1000"),
        ("n0", "each is 0"),
        ("eI3u", "item_factor has no neighbours of type user, only item"),
        ("s" + "u1." * MOST_LETTERS, "8000 are read"),
    ],
)
def test_what_is_out_of_range_gets_a_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_view(text, SCHEMA)


def test_what_a_person_does_step_by_step():
    a, b, c = ("user", 1), ("item", 2), ("item_factor", 3)
    view = View(hops=2).start(a).expand(b, "user").expand(b, "user").join(a, c)
    assert view.starts == (a,) and view.expansions == ((b, "user"),) * 2 and view.ends == (a, c)
    assert not view.overview and View().overview
    gone = view.dismiss(b)
    assert gone.expansions == () and gone.dismissed == (b,) and gone.ends == (a, c)
    assert view.dismiss(a).ends is None and view.dismiss(a).starts == ()
    assert gone.add(b).dismissed == () and gone.add(b, a).starts == (a, b)
    assert gone.join(b, c).dismissed == ()
    assert view.start(c) == View(starts=(c,), hops=2)
