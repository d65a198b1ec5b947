"""The linear layers of a model in whole numbers of eight bits, which processors add up faster."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from data.errors import BackendError

if TYPE_CHECKING:
    from torch import nn

LEAST = 0.99
"""Mean cosine to vectors by float32 that a sample of texts must reach."""


def quantise(model: nn.Module) -> None:
    """Puts `Int8Linear` in the place of every linear layer, in place.

    Raises:
        BackendError: torch has no such arithmetic for this processor.
    """
    from torch import nn

    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, _layer(child))
        else:
            quantise(child)


def _layer(linear: nn.Linear) -> nn.Module:
    """The same layer: y = s_x s_w (q_x - z) · q_w + b in whole numbers.

    Weights are rounded once, a scale s_w for every row; inputs as they come, a scale s_x and a zero
    z for all that are read at once, by eight bits where the processor adds products of them without
    overflow (VNNI, or one that is no x86), else by seven.
    """
    import torch
    from torch import nn

    weights = linear.weight.detach().float()
    scales = (weights.abs().amax(dim=1) / 127).clamp(min=1e-12).double()
    zeros = torch.zeros(len(scales), dtype=torch.long)
    bias = None if linear.bias is None else linear.bias.detach().float()
    x86 = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    seven = x86 and not torch.cpu._is_vnni_supported()
    try:
        with warnings.catch_warnings():  # of torch, that this may go: then the sentence below comes
            warnings.simplefilter("ignore", UserWarning)
            whole = torch.quantize_per_channel(weights, scales, zeros, 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(whole, bias)
    except (RuntimeError, AttributeError) as error:
        raise BackendError(
            f"This torch has no eight-bit arithmetic for this processor ({error}). Set "
            'encoder.dtype = "float32".'
        ) from error

    class Int8Linear(nn.Module):
        def forward(self, inputs: Any) -> Any:
            return torch.ops.quantized.linear_dynamic(inputs, packed, seven)

    return Int8Linear()
