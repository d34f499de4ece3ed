"""Limited-memory BFGS with bounds, for many starts at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import Incumbent, Solution
from jepa_wm_ros.planning.solvers.descent import Descent, slope
from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import judged

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.rules import SearchRules
    from jepa_wm_ros.planning.solver import Budget, CostFunction
    from jepa_wm_ros.planning.solvers.noise import Randomness

MEMORY = 8
"""Pairs of steps and changes of the gradient that make the curvature."""
QUASI_NEWTON_STEPS = (1.0, 0.5, 0.2, 0.05)
"""Parts of the quasi-Newton step that are tried."""
GRADIENT_STEPS = (1.0, 0.1, 0.01)
"""Steps along the gradient that are tried, in units of the reach."""
GROWTH, DECAY = 2.0, 0.1
"""What a success and a failure do to the reach."""
LEAST_CURVATURE = 1e-12
"""Steps over which the gradient rises less teach nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedMemorySolver(Descent):
    """Quasi-Newton descent from `samples` starts at once (Nocedal 1980), projected.

    In each iteration all trial steps of all starts are judged in one roll-out, and each start
    takes its cheapest one: fractions of the quasi-Newton step, with what pushes against a bound
    left out (Bertsekas 1982), and, so that balls and bad curvature cannot hold it up, steps along
    the plain gradient. Each trial is projected onto the allowed actions.

    Attributes:
        reach: Largest component of the first gradient step, as a part of `scale`.
    """

    reach: float

    def _descend(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        actions = self._starts(distribution, generator)
        movable, scale = self._movable(distribution), self._unit()
        bounds = distribution.space.lower / scale, distribution.space.upper / scale
        solution = Solution(actions=distribution.mean, cost=distribution.mean[:, 0, 0])
        curvature = _Curvature()
        reach = torch.full((*actions.shape[:2], 1, 1), self.reach).to(actions)
        here = actions / scale
        costs, gradient = _slope(cost, here, scale, movable)
        for _ in budget.rounds(solution):
            free = movable & ~_pushing(here, gradient, *bounds)
            trials = _trials(here, gradient, curvature.times(gradient, free, reach), reach)
            trials = distribution.clip(trials * scale) / scale
            with torch.no_grad():
                trial_costs = judged(cost, (trials * scale).flatten(1, 2)).view(trials.shape[:3])
            cheapest = Incumbent(actions=here.flatten(0, 1), cost=costs.flatten()).improved(
                trials.flatten(0, 1), trial_costs.flatten(0, 1)
            )
            better = (cheapest.cost.view_as(costs) < costs)[..., None, None]
            reach = torch.where(better, GROWTH * reach, DECAY * reach).clamp(max=self.reach)
            there = cheapest.actions.view_as(here)
            costs, slope_there = _slope(cost, there, scale, movable)
            curvature.add(there - here, slope_there - gradient)
            here, gradient = there, slope_there
            solution.note(costs.sort(1).values)
        best = Incumbent.start(distribution.mean).improved(
            distribution.clip(here.detach() * scale), costs
        )
        solution.actions, solution.cost = best.actions, best.cost
        return solution


class _Curvature:
    """Approximates the inverse Hessian of each start by its last steps."""

    def __init__(self) -> None:
        self._pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=MEMORY)

    def add(self, step: Tensor, change: Tensor) -> None:
        """Learn from a step `(B, S, H, A)` and the change of the gradient over it."""
        self._pairs.append((step, change))

    def times(self, gradient: Tensor, free: Tensor, reach: Tensor) -> Tensor:
        """Return the inverse Hessian times a gradient, in the free directions (two loops)."""
        rest = torch.where(free, gradient, 0.0)
        size = reach / _largest(rest)
        seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        for step, change in reversed(self._pairs):
            step, change = torch.where(free, step, 0.0), torch.where(free, change, 0.0)
            product = _dot(step, change)
            positive = product > LEAST_CURVATURE
            weight = torch.where(positive, 1 / product.clamp(min=LEAST_CURVATURE), 0.0)
            part = weight * _dot(step, rest)
            rest = rest - part * change
            if not seen:
                size = torch.where(positive, product / _dot(change, change), size)
            seen.append((step, change, weight, part))
        rest = size * rest
        for step, change, weight, part in reversed(seen):
            rest = rest + step * (part - weight * _dot(change, rest))
        return rest


def _trials(here: Tensor, gradient: Tensor, newton: Tensor, reach: Tensor) -> Tensor:
    """Return trial points `(B, S, K, H, A)`."""
    steepest = reach * gradient / _largest(gradient)
    steps = [part * newton for part in QUASI_NEWTON_STEPS]
    steps += [part * steepest for part in GRADIENT_STEPS]
    return here[:, :, None] - torch.stack(steps, 2)


def _pushing(here: Tensor, gradient: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Return what lies at a bound and would go beyond it."""
    return ((here <= lower) & (gradient > 0)) | ((here >= upper) & (gradient < 0))


def _slope(
    cost: CostFunction, here: Tensor, scale: Tensor, movable: Tensor
) -> tuple[Tensor, Tensor]:
    costs, gradient = slope(cost, here.detach().requires_grad_(), scale)
    return costs, torch.where(movable & gradient.isfinite(), gradient, 0.0)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the scalar products of `(..., H, A)`, kept as `(..., 1, 1)`."""
    return (a * b).sum((-2, -1), keepdim=True)


def _largest(x: Tensor) -> Tensor:
    """Return the largest size of `(..., H, A)`, kept as `(..., 1, 1)` and above 0."""
    return x.abs().amax((-2, -1), keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)


def limited_memory_bfgs(rules: SearchRules) -> LimitedMemorySolver:
    """Return L-BFGS from `samples` starts."""
    return LimitedMemorySolver(
        samples=rules.settings.samples,
        reach=rules.settings.learning_rate,
        scale=rules.space.scale,
        noise=SharedNoise(correlation=rules.settings.correlation),
    )
