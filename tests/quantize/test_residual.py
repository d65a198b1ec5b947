import numpy as np
import torch

from quantize.codes import Codes, decode
from quantize.residual import nearest, quantise

BOOKS = torch.tensor(
    [[[4.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [-0.5, 0.0]]]
)


def test_recursion_by_hand():
    """(3, 1) is nearest to (4, 0), leaves (-1, 1), takes (0, 1), leaves (-1, 0), takes (-.5, 0)."""
    codes, residuals = quantise(torch.tensor([[3.0, 1.0]]), BOOKS)
    assert codes.tolist() == [[0, 1, 1]]
    assert residuals[:, 0].tolist() == [[3, 1], [-1, 1], [-1, 0], [-0.5, 0]]


def test_selected_vectors_and_the_last_residual_add_up_to_the_input():
    generator = torch.Generator().manual_seed(1)
    x, books = torch.randn(50, 8, generator=generator), torch.randn(4, 9, 8, generator=generator)
    codes, residuals = quantise(x, books)
    quantised = decode(codes.numpy(), books.numpy())
    np.testing.assert_allclose(quantised, (x - residuals[-1]).numpy(), atol=1e-5)


def test_each_code_is_the_nearest_by_plain_distances():
    generator = torch.Generator().manual_seed(2)
    x, books = torch.randn(70, 5, generator=generator), torch.randn(3, 11, 5, generator=generator)
    codes, residuals = quantise(x, books)
    for level in range(3):
        plain = ((residuals[level][:, None] - books[level][None]) ** 2).sum(-1).argmin(-1)
        assert torch.equal(plain, codes[:, level])


def test_blocks_give_what_one_block_gives(monkeypatch):
    x, centres = torch.randn(100, 3), torch.randn(7, 3)
    whole = nearest(x, centres)
    monkeypatch.setattr("quantize.residual._CELLS", 7 * 13)
    assert torch.equal(nearest(x, centres), whole)


def test_codes_save_and_load(tmp_path):
    codes = Codes(("007", "b"), np.array([[0, 1, 1], [1, 0, 0]], np.int32), BOOKS.numpy(), {"k": 2})
    codes.save(tmp_path)
    again = Codes.load(tmp_path)
    assert again.ids == ("007", "b") and again.statistics == {"k": 2}
    assert again.codes.dtype == np.int32 and again.codes.tolist() == codes.codes.tolist()
    np.testing.assert_array_equal(again.decode(), [[3.5, 1.0], [1.5, 4.5]])
    np.testing.assert_array_equal(again.decode(levels=1), [[4, 0], [0, 4]])
