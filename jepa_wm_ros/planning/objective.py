"""Objectives: predicted latents and a goal -> one cost for each candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent


class ObjectiveError(JepaWmError):
    """Latents that cannot be compared."""


class Objective(Protocol):
    """Judges candidates by their predicted latents."""

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        ...

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return the distances `(B,)` of observed latents `(B, N, D)` from goals `(B, N, D)`."""
        ...


def l1(difference: Tensor) -> Tensor:
    """Mean absolute difference over the last two dimensions."""
    return difference.abs().mean((-2, -1))


def l2(difference: Tensor) -> Tensor:
    """Mean squared difference over the last two dimensions."""
    return difference.square().mean((-2, -1))


DISTANCES: dict[str, Callable[[Tensor], Tensor]] = {'l1': l1, 'l2': l2}
"""Distances that depend on the difference alone, by the name that settings use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalDistance:
    """Latent distance to the goal, taken along the horizon.

    Attributes:
        distance_name: `l1`, `l2` (squared), `cosine` (1 - cosine of each token, averaged) or
            `flat_cosine` (1 - cosine of all tokens as one vector).
        reduction: `last` looks at the last frame; `sum` and `mean` at all of them, which makes
            an early approach cheaper than a late one.
        proprio_weight: Weight of the proprioceptive distance, where both sides have one: `l1` for
            `l1`, else `l2`.
    """

    distance_name: str = 'l2'
    reduction: str = 'sum'
    proprio_weight: float = 0.0

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        costs = self._compare(predicted, goal.map(lambda part: part[:, None, None]))
        if self.reduction == 'last':
            return costs[..., -1]
        return costs.sum(-1) if self.reduction == 'sum' else costs.mean(-1)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return the distances `(B,)` of observed latents `(B, N, D)` from goals `(B, N, D)`."""
        return self._compare(latent, goal)

    def _compare(self, latent: Latent, goal: Latent) -> Tensor:
        if latent.tokens.shape[-2:] != goal.tokens.shape[-2:]:
            raise ObjectiveError(
                'latent and goal come from different models: tokens '
                f'{tuple(latent.tokens.shape[-2:])} against {tuple(goal.tokens.shape[-2:])}'
            )
        if self.distance_name == 'cosine':
            cosine = torch.nn.functional.cosine_similarity(latent.tokens, goal.tokens, dim=-1)
            cost = 1.0 - cosine.mean(-1)
        elif self.distance_name == 'flat_cosine':
            flat = latent.tokens.flatten(-2), goal.tokens.flatten(-2)
            cost = 1.0 - torch.nn.functional.cosine_similarity(*flat, dim=-1)
        else:
            cost = DISTANCES[self.distance_name](latent.tokens - goal.tokens)
        if self.proprio_weight and latent.proprio is not None and goal.proprio is not None:
            difference = (latent.proprio - goal.proprio)[..., None, :]
            cost = cost + self.proprio_weight * DISTANCES.get(self.distance_name, l2)(difference)
        return cost


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedSum:
    """An objective that is the weighted sum of others.

    Attributes:
        parts: Pairs of weight and objective.
    """

    parts: tuple[tuple[float, Objective], ...]

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        costs = [weight * part(predicted, goal) for weight, part in self.parts]
        return torch.stack(costs).sum(0)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return the distances `(B,)` of observed latents `(B, N, D)` from goals `(B, N, D)`."""
        distances = [weight * part.distance(latent, goal) for weight, part in self.parts]
        return torch.stack(distances).sum(0)


def action_penalty(actions: Tensor, half_range: Tensor) -> Tensor:
    """Return what moving costs: mean over the steps of |a / half range|^2, `(B, S)`.

    Args:
        actions: `(B, S, H, A)`, physical units.
        half_range: `(A,)` half the range of each field; a field with 0 does not count.
    """
    free = half_range > 0
    return (actions[..., free] / half_range[free]).square().sum(-1).mean(-1)
