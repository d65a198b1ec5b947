"""The batch size: chosen by measurement, on work that counts, and of no consequence to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from llm import pace
from llm.pace import MANY, SHARE, SIZES, USUAL, WORTH, Pace, fastest

QUEUE = [f"{length:04}" for length in range(MANY + 900, 100, -1)]


class Machine:
    """A clock that moves by what is encoded: some seconds a pass and a token."""

    def __init__(self, a_pass: float, a_token: Callable[[int], float], room: int = 10_000) -> None:
        self.now, self.a_pass, self.a_token, self.room = 0.0, a_pass, a_token, room
        self.made: list[str] = []

    def make(self, keys: Sequence[str], size: int) -> None:
        if size > self.room:
            raise torch.OutOfMemoryError
        self.made += keys
        self.now += self.a_pass * -(-len(keys) // size)
        self.now += self.a_token(size) * sum(map(int, keys))


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], tuple[Pace, list[str]]]:
    def choose(machine: Machine) -> tuple[Pace, list[str]]:
        monkeypatch.setattr(pace.time, "perf_counter", lambda: machine.now)
        return fastest(QUEUE, int, machine.make)

    return choose


def test_the_fastest_size_is_found(chosen: Callable[[Machine], tuple[Pace, list[str]]]) -> None:
    """Passes cost something, and beyond 64 pieces tokens cost more."""
    found, _ = chosen(Machine(1.0, lambda size: 1e-6 if size <= 64 else 1e-3))
    assert found == Pace(64, int(QUEUE[0]))


def test_what_is_hardly_faster_is_not_worth_its_memory(
    chosen: Callable[[Machine], tuple[Pace, list[str]]],
) -> None:
    """Tokens cost the same in any batch; the smallest within a few per cent is taken."""
    found, _ = chosen(Machine(1e-9, lambda _size: 1e-3))
    assert found.size == min(SIZES)
    gain = {8: 1.0, 16: 1 / (WORTH * 1.01)}
    found, _ = chosen(Machine(0.0, lambda size: 1e-3 * gain.get(size, min(gain.values()))))
    assert found.size == 16


def test_what_is_tried_is_kept_and_nothing_is_encoded_twice(
    chosen: Callable[[Machine], tuple[Pace, list[str]]],
) -> None:
    machine = Machine(1.0, lambda _size: 1e-3)
    _, left = chosen(machine)
    assert len(machine.made) == USUAL + SHARE * len(SIZES)
    assert sorted([*machine.made, *left], reverse=True) == QUEUE
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("room", [8, 100])
def test_a_size_that_there_is_no_memory_for_ends_the_search(
    room: int, chosen: Callable[[Machine], tuple[Pace, list[str]]]
) -> None:
    machine = Machine(1.0, lambda _size: 1e-6, room=room)
    found, left = chosen(machine)
    assert found.size == max(size for size in SIZES if size <= room)
    assert sorted([*machine.made, *left], reverse=True) == QUEUE


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    def broken(_keys: Sequence[str], _size: int) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fastest(QUEUE, int, broken)


def test_shorter_pieces_come_in_larger_numbers_up_to_a_bound() -> None:
    found = Pace(32, 128)
    assert [found.pieces(tokens) for tokens in (500, 128, 64, 32, 1, 0)] == [
        *(32, 32, 64, 128, SHARE, SHARE)
    ]
    assert Pace(512, 128).pieces(1) == 512
    assert [Pace(7).pieces(tokens) for tokens in (1, 999)] == [7, 7]
