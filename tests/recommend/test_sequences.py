from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from data.dataset import Histories
from recommend.judge.evaluate import append
from recommend.sequence.chunks import (
    NARROWEST,
    Block,
    Layout,
    batches,
    collate,
    last_chunks,
    training_chunks,
)

PAD = 1000
LENGTHS = st.lists(st.integers(0, 23), min_size=1, max_size=8)


def histories_of(*sequences):
    """Histories whose items are given, one second apart."""
    lengths = [len(sequence) for sequence in sequences]
    items = np.concatenate([np.array(s, dtype=np.int32) for s in sequences]).astype(np.int32)
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(len(items)))


def numbered(lengths):
    """Every interaction has an item of its own."""
    ends = np.cumsum(lengths)
    return histories_of(*(range(end - n, end) for end, n in zip(ends, lengths, strict=True)))


def epoch(past, width, seed, known=None, size=3, **about):
    chunks = training_chunks(past.lengths, width, np.random.default_rng(seed))
    layout = Layout(width, PAD, **about)
    blocks = batches(past, chunks, layout, past.lengths if known is None else known, size)
    return [part for block in blocks for part in block.parts]


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, width=st.integers(1, 7), seed=st.integers(0, 5))
def test_every_position_with_a_successor_is_trained_once(lengths, width, seed):
    past = numbered(lengths)
    trained = Counter()
    for batch in epoch(past, width, seed):
        assert batch.items.shape == batch.targets.shape == batch.edges.shape
        assert (batch.items < PAD).any(1).all(), "a row without items"
        for user, items, targets in zip(
            batch.users.tolist(), batch.items.tolist(), batch.targets.tolist(), strict=True
        ):
            inside = [item for item in items if item != PAD]
            assert items == inside + [PAD] * (len(items) - len(inside))
            assert set(inside) <= set(past.of(user).tolist())
            trained.update(zip(items, targets, strict=True))
    del trained[PAD, -1]
    pairs = [(a, a + 1) for u in range(len(past)) for a in past.of(u)[:-1].tolist()]
    assert trained == Counter(pairs)


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, width=st.integers(1, 7), limit=st.integers(0, 9), data=st.data())
def test_the_graph_shows_what_came_before_and_is_known(lengths, width, limit, data):
    past = numbered(lengths)
    known = np.array([data.draw(st.integers(0, n)) for n in lengths])
    for batch in epoch(past, width, 0, known, prior_limit=limit):
        for row, user in enumerate(batch.users.tolist()):
            history = past.of(user).tolist()
            start = history.index(batch.items[row, 0].item())
            visible = [
                item
                for place, item in enumerate(history)
                if place < known[user] and start - limit <= place < start
            ]
            assert batch.prior[batch.prior_row == row].tolist() == visible
            shown = [
                start + at < known[user] and start + at < len(history) - 1
                for at in range(batch.items.shape[1])
            ]
            inside = (batch.items[row] != PAD).tolist()
            assert batch.edges[row].tolist() == [
                a and b for a, b in zip(shown, inside, strict=True)
            ]


def test_rows_of_prior_items_are_in_order():
    past = numbered([9, 2, 8])
    for batch in epoch(past, 3, 1, size=4):
        assert batch.prior_row.tolist() == sorted(batch.prior_row.tolist())


def test_offsets_move_from_epoch_to_epoch():
    lengths = np.array([40, 5, 40])
    starts = set()
    for seed in range(30):
        chunks = training_chunks(lengths, 8, np.random.default_rng(seed))
        starts.update(int(s) % 8 for s in chunks.start[chunks.user == 0])
        short = chunks.user == 1
        assert (chunks.start[short], chunks.stop[short]) == (0, 4)
    assert starts == set(range(8))


def test_chunks_by_hand():
    class Shifted:
        def integers(self, low, high, size):
            return np.full(size, 2)

    chunks = training_chunks(np.array([8, 0, 1, 4]), 3, Shifted())
    assert chunks.user.tolist() == [0, 0, 0, 3]
    assert chunks.start.tolist() == [0, 1, 4, 0]
    assert chunks.stop.tolist() == [1, 4, 7, 3]


def test_a_recommendation_starts_from_the_last_items():
    past = numbered([6, 2, 0, 4])
    chunks = last_chunks(past.lengths, 4, np.array([3, 0, 1]))
    batch = collate(past, chunks, Layout(4, PAD), past.lengths)
    assert batch.users.tolist() == [3, 0, 1]
    assert batch.items.tolist() == [[8, 9, 10, 11], [2, 3, 4, 5], [6, 7, PAD, PAD]]
    assert batch.targets.tolist() == [[9, 10, 11, -1], [3, 4, 5, -1], [7, -1, -1, -1]]
    assert batch.prior.tolist() == [0, 1] and batch.prior_row.tolist() == [1, 1]


def test_held_out_items_are_read_but_are_no_edges():
    past = numbered([5, 5])
    chunks = last_chunks(past.lengths, 2, np.array([0, 1]))
    batch = collate(past, chunks, Layout(2, PAD), known=np.array([4, 2]))
    assert batch.items.tolist() == [[3, 4], [8, 9]]
    assert batch.edges.tolist() == [[True, False], [False, False]]
    assert batch.prior.tolist() == [0, 1, 2, 5, 6]


def test_a_user_without_history_has_an_empty_row():
    past = numbered([3, 0])
    chunks = last_chunks(past.lengths, 2, np.array([1]))
    batch = collate(past, chunks, Layout(2, PAD), past.lengths)
    assert batch.items.tolist() == [[PAD, PAD]] and not batch.edges.any()
    assert batch.targets.tolist() == [[-1, -1]] and batch.prior.numel() == 0


def test_append_puts_one_item_at_the_end_of_each():
    past = histories_of([1, 2], [], [3])
    grown = append(past, np.array([7, 8, 9], dtype=np.int32))
    assert [grown.of(user).tolist() for user in range(3)] == [[1, 2, 7], [8], [3, 9]]
    assert grown.items.dtype == np.int32 and past.items.tolist() == [1, 2, 3]
    times = grown.times[grown.offsets[:-1] + past.lengths]
    assert (times > past.times.max()).all()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_batches_hold_the_chunks_in_order(size):
    past = numbered([9, 1, 4])
    chunks = training_chunks(past.lengths, 3, np.random.default_rng(0))
    made = list(batches(past, chunks, Layout(3, PAD), past.lengths, size))
    users = [block.in_order([part.users for part in block.parts]) for block in made]
    assert torch.cat(users).tolist() == chunks.user.tolist()
    assert all(len(of) == size for of in users[:-1])


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, width=st.integers(1, 40))
def test_parts_are_the_rows_of_the_whole_batch_without_the_empty_columns(lengths, width):
    past, everybody = numbered([2, *lengths]), np.arange(1 + len(lengths))
    chunks, layout = last_chunks(past.lengths, width, everybody), Layout(width, PAD)
    whole = collate(past, chunks, layout, past.lengths)
    block = Block.of(past, chunks, layout, past.lengths)
    for name, empty in (("items", PAD), ("targets", -1), ("edges", False)):
        parts = [getattr(part, name) for part in block.parts]
        rows = [F.pad(part, (0, width - part.shape[1]), value=empty) for part in parts]
        assert torch.equal(block.in_order(rows), getattr(whole, name))
    priors = [
        part.prior[part.prior_row == r] for part in block.parts for r in range(len(part.users))
    ]
    priors = [priors[place] for place in block.places.argsort().tolist()]
    assert torch.equal(torch.cat(priors), whole.prior)
    for part in block.parts:
        filled = (part.items != PAD).sum(1)
        assert part.items.shape[1] == max(filled.max(), 1)
        assert 2 * filled.min() > filled.max() or filled.max() <= NARROWEST
