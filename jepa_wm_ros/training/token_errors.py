"""How far predicted tokens are from the true ones, in the four ways that JEPA-WM offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn.functional import cosine_similarity, l1_loss, mse_loss, smooth_l1_loss

from jepa_wm_ros.worldmodel.checks import require

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWeights:
    """Weights of the errors in a loss; JEPA-WM and DINO-WM train with `l2`, V-JEPA 2-AC `l1`."""

    l1: float = 0.0
    l2: float = 1.0
    smooth_l1: float = 0.0
    cosine: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a loss without anything in it."""
        weights = (self.l1, self.l2, self.smooth_l1, self.cosine)
        require(min(weights) >= 0, 'weights of errors must be at least 0')
        require(any(weights), 'one of the weights l1, l2, smooth_l1, cosine must be above 0')

    def of(self, errors: TokenErrors) -> Tensor:
        """Return the weighted sum, `(B, T, N)`."""
        total = errors.l2.new_zeros(())
        for name in ('l1', 'l2', 'smooth_l1', 'cosine'):
            if weight := getattr(self, name):
                total = total + weight * getattr(errors, name)
        return total


def token_errors(predicted: Tensor, target: Tensor) -> TokenErrors:
    """Compare tokens `(B, T, N, D)`."""
    return TokenErrors(
        l1=l1_loss(predicted, target, reduction='none').mean(-1),
        l2=mse_loss(predicted, target, reduction='none').mean(-1),
        smooth_l1=smooth_l1_loss(predicted, target, reduction='none').mean(-1),
        cosine=-cosine_similarity(predicted, target, dim=-1),
    )
