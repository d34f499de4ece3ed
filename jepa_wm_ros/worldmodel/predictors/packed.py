"""Layers for running on a CPU, with weights in the order in which oneDNN multiplies them.

They are the operators that `torch.compile` puts in the place of linear layers. Against the
ordinary ones they save the reordering in each call, take GELU along while a result is still in
the cache, and give the same numbers up to rounding. They have no gradient: where one is asked for,
as by gradient solvers, the ordinary operators do the work.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from jepa_wm_ros.worldmodel.predictors.attention import newest

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.attention import Projection
    from jepa_wm_ros.worldmodel.predictors.blocks import Mlp

OPERATORS = ('_linear_pointwise', '_reorder_linear_weight')


def can_pack(device: torch.device, dtype: torch.dtype = torch.float32) -> bool:
    """Return whether this build of PyTorch has the operators, and device and processor take them.

    Processors without AVX-512 or AVX-NE-CONVERT do not take bfloat16.
    """
    there = torch.backends.mkldnn.is_available()
    if device.type != 'cpu' or not there:
        return False
    return all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS) and _packs(dtype)


@cache
def _packs(dtype: torch.dtype) -> bool:
    """Try it: no flag of the processor says so on all builds."""
    try:
        torch.ops.mkldnn._reorder_linear_weight(torch.zeros(8, 8, dtype=dtype), None)
    except RuntimeError:
        return False
    return True


class PackedLinear(nn.Module):
    """A linear layer with constant weights, and GELU after it where asked."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, gelu: bool = False
    ) -> None:
        """Pack the weights.

        Args:
            weight: `(outputs, inputs)`.
            bias: `(outputs,)` or None.
            dtype: Type of the product and of the result.
            gelu: Whether GELU (erf form) follows.
        """
        super().__init__()
        self.dtype = dtype
        self.outputs = weight.shape[0]
        self._weight = weight.detach()
        self._bias = None if bias is None else bias.detach().to(dtype)
        # No buffer: an opaque tensor can neither be moved nor saved.
        self._packed = torch.ops.mkldnn._reorder_linear_weight(self._weight.to(dtype), None)
        self._after: tuple[str, list[float], str] = (
            ('gelu', [], 'none') if gelu else ('none', [], '')
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., outputs)` of the type of the product."""
        x = x.to(self.dtype)
        if torch.is_grad_enabled() and x.requires_grad:
            plain = linear(x, self._weight.to(self.dtype), self._bias)
            return gelu(plain) if self._after[0] == 'gelu' else plain
        result: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self._packed, self._bias, *self._after
        )
        return result


class PackedProjection(nn.Module):
    """A `Projection`: queries by one matrix, keys and values by another."""

    def __init__(self, layer: Projection, dtype: torch.dtype) -> None:
        """Pack the two."""
        super().__init__()
        inner = layer.out_features // 3
        self.queries, self.others = (
            PackedLinear(
                layer.weight[chosen], None if layer.bias is None else layer.bias[chosen], dtype
            )
            for chosen in (slice(inner), slice(inner, None))
        )

    def forward(self, x: Tensor, asked: int) -> tuple[Tensor, Tensor]:
        """See `Projection`."""
        if not asked:
            return x.new_empty(len(x), 0, x.shape[2], self.queries.outputs), self.others(x)
        return self.queries(newest(x, asked)), self.others(x)


class PackedMlp(nn.Module):
    """An `Mlp` in two calls."""

    def __init__(self, mlp: Mlp, dtype: torch.dtype) -> None:
        """Pack both layers."""
        super().__init__()
        self.inward = PackedLinear(mlp.inward.weight, mlp.inward.bias, dtype, gelu=True)
        self.outward = PackedLinear(mlp.outward.weight, mlp.outward.bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., D)` to `(..., D)`."""
        result: Tensor = self.outward(self.inward(x))
        return result
