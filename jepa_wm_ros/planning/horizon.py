"""One cost from the costs along a horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def reduce_horizon(costs: Tensor, reduction: str, discount: float = 1.0) -> Tensor:
    """Return one cost `(...)` of those of H frames `(..., H)`.

    Args:
        costs: Cost of each frame.
        reduction: `last`, `sum`, `mean`, or `discounted`: sum of discount^h c_h, h from 0.
        discount: For `discounted`.
    """
    if reduction == 'last':
        return costs[..., -1]
    if reduction == 'mean':
        return costs.mean(-1)
    if reduction == 'discounted':
        steps = torch.arange(costs.shape[-1], device=costs.device, dtype=costs.dtype)
        costs = costs * discount**steps
    return costs.sum(-1)
