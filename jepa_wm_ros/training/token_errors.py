"""How far predicted tokens are from the true ones, in the four ways that JEPA-WM offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn.functional import cosine_similarity, l1_loss, mse_loss, smooth_l1_loss

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenErrors:
    """Errors of each token, averaged over its numbers: `(B, T, N)`.

    Attributes:
        l1: Absolute error.
        l2: Squared error.
        smooth_l1: Squared below 1, absolute above.
        cosine: Minus the cosine.
    """

    l1: Tensor
    l2: Tensor
    smooth_l1: Tensor
    cosine: Tensor


def token_errors(predicted: Tensor, target: Tensor) -> TokenErrors:
    """Compare tokens `(B, T, N, D)`."""
    return TokenErrors(
        l1=l1_loss(predicted, target, reduction='none').mean(-1),
        l2=mse_loss(predicted, target, reduction='none').mean(-1),
        smooth_l1=smooth_l1_loss(predicted, target, reduction='none').mean(-1),
        cosine=-cosine_similarity(predicted, target, dim=-1),
    )
