"""Gradient solvers: every candidate goes downhill from where it was drawn."""

from __future__ import annotations

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
    from jepa_wm_ros.planning.solvers.noise import Noise, Randomness

ADAM_BETAS = (0.9, 0.995)
"""Decay of Adam's averages: the second is shorter than usual, because searches are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientSolver(Descent):
    """Descends from `samples` starts at once; each step is projected onto the bounds.

    u' = clip(u - learning_rate * direction + gradient_noise * e), where the direction is
    dJ/du (`gd`) or what Adam makes of it (`adam`, torch.optim.Adam).

    Attributes:
        step: `gd` or `adam`.
        learning_rate: Size of a step, as a part of `scale`.
        gradient_noise: Standard deviation of what is added after each step, as a part of `scale`.
        step_noise: Draws it.
    """

    step: str
    learning_rate: float
    gradient_noise: float
    step_noise: Noise

    def _descend(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        actions = self._starts(distribution, generator)
        free, scale = self._movable(distribution), self._unit()
        variable = (actions / scale).requires_grad_()
        optimizer = self._optimizer(variable)
        best = Incumbent.start(distribution.mean)
        solution = Solution(actions=best.actions, cost=best.cost)
        for _ in budget.rounds(solution):
            costs, gradient = slope(cost, variable, scale)
            best = best.improved(actions, costs)
            solution.note(costs.sort(1).values)
            variable.grad = torch.where(free & gradient.isfinite(), gradient, 0.0)
            optimizer.step()
            with torch.no_grad():
                if self.gradient_noise:
                    noise = self.step_noise(self._shape(distribution), generator).to(variable)
                    variable += torch.where(free, self.gradient_noise * noise, 0.0)
                actions = distribution.clip(variable * scale)
                variable.copy_(actions / scale)
        with torch.no_grad():
            best = best.improved(actions, judged(cost, actions))
        solution.actions, solution.cost = best.actions, best.cost
        return solution

    def _optimizer(self, variable: Tensor) -> torch.optim.Optimizer:
        if self.step == 'adam':
            return torch.optim.Adam([variable], lr=self.learning_rate, betas=ADAM_BETAS)
        return torch.optim.SGD([variable], lr=self.learning_rate)


def gradient_descent(rules: SearchRules) -> GradientSolver:
    """Return plain gradient descent from `samples` starts."""
    return _solver('gd', rules.settings.samples, rules)


def adam(rules: SearchRules) -> GradientSolver:
    """Return Adam (torch.optim.Adam) from `samples` starts."""
    return _solver('adam', rules.settings.samples, rules)


def refinement(rules: SearchRules) -> GradientSolver:
    """Return Adam from one start, for plans that are good already."""
    return _solver('adam', 1, rules)


def _solver(step: str, samples: int, rules: SearchRules) -> GradientSolver:
    settings = rules.settings
    return GradientSolver(
        step=step,
        samples=samples,
        learning_rate=settings.learning_rate,
        scale=rules.space.scale,
        noise=SharedNoise(correlation=settings.correlation),
        gradient_noise=settings.gradient_noise,
        step_noise=SharedNoise(correlation=0.0),
    )
