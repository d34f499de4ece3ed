"""Gradient solvers: every candidate goes downhill from where it was drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import Incumbent, Solution, SolverError
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
class GradientSolver:
    """Descends from `samples` starts at once; each step is projected onto the bounds.

    It works in u = a / scale, so that one step size fits metres, radians and the gripper:
    u' = clip(u - learning_rate * direction + gradient_noise * e), where the direction is
    dJ/du (`gd`) or what Adam makes of it (`adam`, torch.optim.Adam). The first start is the mean
    of the distribution. Gradients that are not finite count as 0.

    The cost function is called with gradients enabled, whatever the caller's mode. It must be
    differentiable with respect to the candidates.

    Attributes:
        step: `gd` or `adam`.
        samples: Starts; each iteration costs them all a roll-out and its gradient.
        learning_rate: Size of a step, as a part of `scale`.
        scale: `(A,)`, physical units.
        noise: Makes the starts differ.
        gradient_noise: Standard deviation of what is added after each step, as a part of `scale`.
        step_noise: Draws it.
    """

    step: str
    samples: int
    learning_rate: float
    scale: Tensor
    noise: Noise
    gradient_noise: float
    step_noise: Noise

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Return the cheapest actions seen; the first iteration always runs."""
        with torch.inference_mode(False), torch.enable_grad():
            return self._descend(cost, distribution, budget, generator)

    def _descend(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        shape = (distribution.mean.shape[0], self.samples, *distribution.mean.shape[1:])
        actions = distribution.place(self.noise(shape, generator))
        actions[:, 0] = distribution.clip(distribution.mean)
        free = ~distribution.pinned[:, None] & (self.scale > 0)
        scale = torch.where(self.scale > 0, self.scale, 1.0)
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
                    noise = self.step_noise(shape, generator).to(variable)
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


def slope(cost: CostFunction, variable: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return costs `(B, S)` and their gradients `(B, S, H, A)` with respect to `variable`."""
    costs = judged(cost, variable * scale)
    if not costs.requires_grad:
        raise SolverError('the cost function has no gradient: use a sampling solver such as cem')
    (gradient,) = torch.autograd.grad(costs[costs.isfinite()].sum(), variable)
    return costs.detach(), gradient


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
