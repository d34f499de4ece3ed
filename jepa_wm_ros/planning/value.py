"""Learned values: how much a latent is worth, beside or instead of its distance to a goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.planning.horizon import reduce_horizon

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent


class Judge(Protocol):
    """Says how much latents are worth: a reward, or a value that sums up future rewards.

    A head of kind `reward` does (`worldmodel/heads/reward.py`).
    """

    def value(self, latent: Latent, goal: Latent) -> Tensor:
        """Return values `(...)`, more is better, of latents `(..., N, D)` for goals like them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedValue:
    """An objective: minus the value of the predicted latents.

    Attributes:
        judge: Says how much a latent is worth.
        reduction: How the values along the horizon become one: `last` for a value, `sum` or
            `discounted` for a reward.
        discount: For `discounted`.
    """

    judge: Judge
    reduction: str = 'last'
    discount: float = 1.0

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        if self.reduction == 'last':
            predicted = predicted.map(lambda part: part[:, :, -1:])
        values = self.judge.value(predicted, goal.map(lambda part: part[:, None, None]))
        return -reduce_horizon(values, self.reduction, self.discount)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return minus the values `(B,)` of observed latents `(B, N, D)`."""
        return -self.judge.value(latent, goal)
