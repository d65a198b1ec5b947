import numpy as np
import pytest
import torch

from quantize import residual
from quantize.residual import assign, quantise, search


def vectors(n, d=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


BOOKS = (
    torch.from_numpy(vectors(60).reshape(3, 20, 8)) * torch.tensor([1.0, 0.5, 0.2])[:, None, None]
)


def exact(matrix):
    return quantise(torch.from_numpy(matrix).double(), BOOKS.double()).codes.numpy()


@pytest.mark.parametrize("n", [0, 1, 32, 33, 1025, 9000])
def test_codes_are_those_of_float64(n):
    """Alone, in one block, and in several blocks of both sizes."""
    matrix = vectors(n, seed=1)
    found = assign(matrix, BOOKS, torch.Tensor.float, torch.Tensor.double)
    assert found.shape == (n, 3) and found.dtype == np.int32
    if n:
        np.testing.assert_array_equal(found, exact(matrix))


def test_a_quick_encoder_that_errs_within_the_tolerance_changes_nothing():
    """Vectors half way between two codes: only the exact encoder tells them apart."""
    matrix = vectors(2000, seed=2)
    pick = np.random.default_rng(3).integers(20, size=(2000, 2))
    first = BOOKS[0].numpy()
    matrix[::2] = (first[pick[::2, 0]] + first[pick[::2, 1]]) / 2
    generator = torch.Generator().manual_seed(0)

    def quick(block):
        return block + 1e-7 * torch.randn(block.shape, generator=generator)

    found = assign(matrix, BOOKS, quick, torch.Tensor.double)
    np.testing.assert_array_equal(found, exact(matrix))
    doubtful, close = search(quick(torch.from_numpy(matrix)), BOOKS)
    assert 0 < close.mean() < 0.5
    assert (doubtful[~close] == exact(matrix)[~close]).all()


def test_close_calls_are_told():
    books = torch.tensor([[[0.0, 1.0], [0.0, -1.0], [9.0, 0.0]]])
    x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 1e-6], [8.0, 1.0]])
    codes, close = search(x, books)
    assert close.tolist() == [True, False, True, False]
    assert codes[1].tolist() == [0] and codes[3].tolist() == [2]


def test_values_that_are_no_numbers_are_left_to_the_exact_search():
    _, close = search(torch.full((2, 8), torch.nan), BOOKS)
    assert close.all()


def test_only_close_calls_are_worked_out_again():
    asked = []

    def slow(block):
        asked.append(len(block))
        return block.double()

    assign(vectors(4000, seed=5), BOOKS, torch.Tensor.float, slow)
    assert sum(asked) < 40 and residual.TOLERANCE == 1e-5
