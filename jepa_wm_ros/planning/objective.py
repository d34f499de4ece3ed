"""Objectives: predicted latents and a goal -> one cost for each candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.planning.distances import DISTANCES, l2
from jepa_wm_ros.planning.horizon import reduce_horizon
from jepa_wm_ros.planning.region import mask_tokens, region_tokens

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalDistance:
    """Latent distance to the goal, taken along the horizon, in at least float32.

    Attributes:
        distance_name: A name of `DISTANCES`.
        reduction: `last` looks at the last frame; `sum`, `mean` and `discounted` at all of them,
            which makes an early approach cheaper than a late one.
        discount: Weight of a frame compared with the one before it, for `discounted`.
        proprio_weight: Weight of the proprioceptive distance, where both sides have one: `l1` for
            `l1`, else `l2`.
        region: Left, top, right and bottom of the part of the picture that counts, as fractions;
            empty for all of it.
        mask: Rows of 0 and 1: the patches that count; empty for all.
        aspect: Width over height of the picture.
    """

    distance_name: str = 'l2'
    reduction: str = 'sum'
    discount: float = 1.0
    proprio_weight: float = 0.0
    region: tuple[float, ...] = ()
    mask: tuple[str, ...] = ()
    aspect: float = 1.0

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        if self.reduction == 'last':
            predicted = predicted.map(lambda part: part[:, :, -1:])
        costs = self.frames(predicted, goal.map(lambda part: part[:, None, None]))
        return reduce_horizon(costs, self.reduction, self.discount)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return the distances `(B,)` of observed latents `(B, N, D)` from goals `(B, N, D)`."""
        return self.frames(latent, goal)

    def frames(self, latent: Latent, goal: Latent) -> Tensor:
        """Return distances `(...)` of latents `(..., N, D)` from goals that broadcast to them."""
        tokens, wanted = self._counted(latent.tokens), self._counted(goal.tokens)
        if tokens.shape[-2:] != wanted.shape[-2:]:
            raise ObjectiveError(
                'latent and goal come from different models: tokens '
                f'{tuple(latent.tokens.shape[-2:])} against {tuple(goal.tokens.shape[-2:])}'
            )
        cost = DISTANCES[self.distance_name](tokens, wanted)
        if self.proprio_weight and latent.proprio is not None and goal.proprio is not None:
            distance = DISTANCES['l1'] if self.distance_name == 'l1' else l2
            parts = _exact(latent.proprio)[..., None, :], _exact(goal.proprio)[..., None, :]
            cost = cost + self.proprio_weight * distance(*parts)
        return cost

    def _counted(self, tokens: Tensor) -> Tensor:
        """Return the tokens that count."""
        if self.region:
            index = region_tokens(self.region, tokens.shape[-2], self.aspect)
        elif self.mask:
            index = mask_tokens(self.mask, tokens.shape[-2])
        else:
            return _exact(tokens)
        return _exact(tokens.index_select(-2, index.to(tokens.device)))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestGoal:
    """An objective for a set of goals: that of the goal that is cheapest to reach.

    Attributes:
        objective: Judges one goal.
    """

    objective: Objective

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` for goals `(B, N, D)`, or for sets of G of them `(B, G, N, D)`."""
        if goal.tokens.dim() == 3:
            return self.objective(predicted, goal)
        costs = [self.objective(predicted, each) for each in _each(goal)]
        return torch.stack(costs).amin(0)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return the distances `(B,)` of observed latents `(B, N, D)` from the nearest goals."""
        if goal.tokens.dim() == 3:
            return self.objective.distance(latent, goal)
        distances = [self.objective.distance(latent, each) for each in _each(goal)]
        return torch.stack(distances).amin(0)


def goal_set(goals: list[Latent]) -> Latent:
    """Return goals `(B, N, D)` as one set `(B, G, N, D)`, any of which will do."""
    proprio = [goal.proprio for goal in goals if goal.proprio is not None]
    return type(goals[0])(
        torch.stack([goal.tokens for goal in goals], 1),
        torch.stack(proprio, 1) if len(proprio) == len(goals) else None,
    )


def action_penalty(actions: Tensor, half_range: Tensor) -> Tensor:
    """Return what moving costs: mean over the steps of |a / half range|^2, `(B, S)`.

    Args:
        actions: `(B, S, H, A)`, physical units.
        half_range: `(A,)` half the range of each field; a field with 0 does not count.
    """
    free = half_range > 0
    return (actions[..., free] / half_range[free]).square().sum(-1).mean(-1)


def _each(goal: Latent) -> list[Latent]:
    return [goal.frame(g) for g in range(goal.tokens.shape[1])]


def _exact(part: Tensor) -> Tensor:
    """Return numbers of half precision as float32: sums of small differences need it."""
    return part if part.dtype in (torch.float32, torch.float64) else part.float()
