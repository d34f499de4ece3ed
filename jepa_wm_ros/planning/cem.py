"""The cross-entropy method."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import Solution

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solver import Budget, CostFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossEntropyMethod:
    """Draw candidates, keep the elites, fit the distribution to them, repeat.

    The first candidate of each iteration is the mean itself, so that a good warm start is never
    lost to chance. Candidates whose cost is not finite count as the worst.

    Attributes:
        samples: Candidates in each iteration.
        elites: Best candidates that make the next distribution; 1 is allowed.
        momentum: Part of the old mean and deviation that is kept.
        correlation: See `ActionDistribution.sample`.
        std_floor: `(A,)` least deviation, physical units; pinned dimensions stay pinned.
    """

    samples: int
    elites: int
    momentum: float
    correlation: float
    std_floor: Tensor

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: torch.Generator,
    ) -> Solution:
        """Return the mean of the last elites, or the best candidate where that is cheaper."""
        pinned = distribution.std == 0
        best_actions = distribution.mean
        best_cost = torch.full(distribution.mean.shape[:1], float('inf'))
        solution = Solution(actions=best_actions, cost=best_cost)
        for i in range(budget.iterations):
            if i and budget.exhausted:
                solution.deadline_hit = True
                break
            candidates = distribution.sample(self.samples, self.correlation, generator)
            candidates[:, 0] = distribution.clip(distribution.mean)
            costs = torch.nan_to_num(cost(candidates), nan=float('inf'))
            elite_costs, index = costs.topk(self.elites, dim=1, largest=False)
            elites = candidates.gather(
                1, index[..., None, None].expand(-1, -1, *candidates.shape[2:])
            )
            better = elite_costs[:, 0] < best_cost
            best_cost = torch.where(better, elite_costs[:, 0], best_cost)
            best_actions = torch.where(better[:, None, None], elites[:, 0], best_actions)
            distribution = self._fit(distribution, elites, pinned)
            solution.best.append(float(elite_costs[:, 0].mean()))
            solution.elite_mean.append(float(elite_costs.mean()))
            solution.elite_std.append(float(elite_costs.std(correction=0)))
        mean = distribution.clip(distribution.mean)
        mean_cost = torch.nan_to_num(cost(mean[:, None])[:, 0], nan=float('inf'))
        use_mean = mean_cost <= best_cost
        solution.actions = torch.where(use_mean[:, None, None], mean, best_actions)
        solution.cost = torch.minimum(mean_cost, best_cost)
        return solution

    def _fit(self, old: ActionDistribution, elites: Tensor, pinned: Tensor) -> ActionDistribution:
        keep = self.momentum
        mean = keep * old.mean + (1 - keep) * elites.mean(1)
        std = keep * old.std + (1 - keep) * elites.std(1, correction=0)
        std = torch.where(pinned, 0.0, torch.maximum(std, self.std_floor))
        return dataclasses.replace(old, mean=torch.where(pinned, old.mean, mean), std=std)
