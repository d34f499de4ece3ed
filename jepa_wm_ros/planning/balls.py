"""The nearest point within a box and a ball around 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

HALVINGS = 30
"""Each halves the interval of the multiplier: 30 of them reach float32."""


def length(x: Tensor, norm: str) -> Tensor:
    """Return the lengths `(...)` of `(..., G)`: Euclidean for `l2`, sum of sizes for `l1`."""
    return x.abs().sum(-1) if norm == 'l1' else x.square().sum(-1).sqrt()


def onto_box_and_ball(x: Tensor, lower: Tensor, upper: Tensor, norm: str, radius: float) -> Tensor:
    """Return the points nearest to `x` in the box, no longer than `radius`.

    The optimality conditions leave one multiplier t >= 0: the solution is the clipped
    x / (1 + t) for `l2` and the clipped sign(x) max(|x| - t, 0) for `l1`, with the least t for
    which it is short enough. Its length falls with t, so that t is found by halving.

    Args:
        x: `(..., G)`.
        lower: `(G,)`, at most 0.
        upper: `(G,)`, at least 0.
        norm: `l1` or `l2`.
        radius: At least 0.
    """

    def shrunk(t: Tensor) -> Tensor:
        t = t[..., None]
        y = x.sign() * (x.abs() - t).clamp(min=0) if norm == 'l1' else x / (1 + t)
        return torch.minimum(torch.maximum(y, lower), upper)

    if radius == 0:
        return torch.zeros_like(x)
    least = torch.zeros_like(x[..., 0])
    inside = shrunk(least)
    outside = length(inside, norm) > radius
    if not bool(outside.any()):
        return inside
    most = length(x, norm) if norm == 'l1' else length(x, norm) / radius
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        long = length(shrunk(middle), norm) > radius
        least, most = torch.where(long, middle, least), torch.where(long, most, middle)
    return torch.where(outside[..., None], shrunk(most), inside)
