"""Sampling finds the valley, gradients its bottom."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.cem import cross_entropy_method
from jepa_wm_ros.planning.gradient import refinement
from jepa_wm_ros.planning.solver import Budget

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solver import CostFunction, Solution, Solver
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings


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
        generator: torch.Generator,
    ) -> Solution:
        """Return the search's solution, refined where that is cheaper."""
        found = self.search.solve(cost, distribution, budget, generator)
        if budget.exhausted:
            found.deadline_hit = True
            return found
        start = dataclasses.replace(distribution, mean=found.actions, seeds=None)
        rest = Budget(self.steps, budget.deadline, budget.clock)
        refined = self.refine.solve(cost, start, rest, generator)
        better = refined.cost < found.cost
        found.actions = torch.where(better[:, None, None], refined.actions, found.actions)
        found.cost = torch.where(better, refined.cost, found.cost)
        found.best += refined.best
        found.elite_mean += refined.elite_mean
        found.elite_std += refined.elite_std
        found.deadline_hit = refined.deadline_hit
        return found


def hybrid(settings: PlanningSettings, half_range: Tensor) -> HybridSolver:
    """Return CEM, then `settings.refine_steps` steps of Adam on its result.

    Args:
        settings: Planning settings.
        half_range: `(A,)` half the range of each action field, physical units.
    """
    return HybridSolver(
        search=cross_entropy_method(settings, half_range),
        refine=refinement(settings, half_range),
        steps=settings.refine_steps,
    )
