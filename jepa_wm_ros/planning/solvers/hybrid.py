"""Sampling finds the valley, gradients its bottom."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solvers.cem import cross_entropy_method
from jepa_wm_ros.planning.solvers.gradient import refinement

if TYPE_CHECKING:
    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.rules import SearchRules
    from jepa_wm_ros.planning.solver import Budget, CostFunction, Solution, Solver
    from jepa_wm_ros.planning.solvers.noise import Randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridSolver:
    """A search, then a few steps of another solver from what it found, if they make it cheaper.

    Attributes:
        search: Gets the budget's iterations.
        refine: Starts at the search's result.
        steps: Iterations of `refine`; it shares the deadline, and does nothing after it.
    """

    search: Solver
    refine: Solver
    steps: int

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Return the search's solution, refined where that is cheaper."""
        found = self.search.solve(cost, distribution, budget, generator)
        if budget.exhausted:
            found.stopped = 'deadline'
            return found
        start = dataclasses.replace(distribution, mean=found.actions, seeds=None)
        rest = dataclasses.replace(budget, iterations=self.steps)
        refined = self.refine.solve(cost, start, rest, generator)
        better = refined.cost < found.cost
        found.actions = torch.where(better[:, None, None], refined.actions, found.actions)
        found.cost = torch.where(better, refined.cost, found.cost)
        found.best += refined.best
        found.elite_mean += refined.elite_mean
        found.elite_std += refined.elite_std
        found.stopped = refined.stopped
        return found


def hybrid(rules: SearchRules) -> HybridSolver:
    """Return CEM, then `refine_steps` steps of Adam on its result."""
    return HybridSolver(
        search=cross_entropy_method(rules),
        refine=refinement(rules),
        steps=rules.settings.refine_steps,
    )
