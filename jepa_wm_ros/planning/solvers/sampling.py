"""The loop that all sampling solvers share: draw, judge, keep the elites, fit, repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from jepa_wm_ros.planning.solver import Incumbent, Solution

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solver import Budget, CostFunction
    from jepa_wm_ros.planning.solvers.noise import Noise, Randomness


class Fit(Protocol):
    """Makes the next distribution from the elites."""

    def __call__(
        self, old: ActionDistribution, elites: Tensor, costs: Tensor
    ) -> ActionDistribution:
        """Return the distribution for the next iteration.

        Args:
            old: The distribution that the candidates were drawn from.
            elites: `(B, K, H, A)`, the cheapest one first.
            costs: `(B, K)`, rising.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSolver:
    """Draws candidates around a mean that moves to where they are cheap.

    Candidates whose cost is not finite count as the worst.

    Attributes:
        samples: Candidates in the first iteration.
        elites: Best candidates that make the next distribution; 1 is allowed.
        noise: What makes the candidates differ.
        fit: Makes the next distribution from the elites.
        mean_candidate: `always` makes the mean the first candidate of each iteration, so that a
            good warm start is never lost to chance; `last` only that of the last; `never`.
        result: `mean` of the last elites, `best` candidate ever seen, or the `cheapest` of both.
        kept: Elites that stay candidates in the next iteration, and in the next plan.
        decay: Each iteration draws this factor fewer candidates, at least twice the elites.
        least_std: `(A,)`, physical units: the search ends when no deviation exceeds it; None
            uses all iterations.
    """

    samples: int
    elites: int
    noise: Noise
    fit: Fit
    mean_candidate: str = 'always'
    result: str = 'cheapest'
    kept: int = 0
    decay: float = 1.0
    least_std: Tensor | None = None

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Return what `result` asks for; the first iteration always runs."""
        best = Incumbent.start(distribution.mean)
        solution = Solution(actions=best.actions, cost=best.cost)
        kept: tuple[Tensor, Tensor] | None = None
        for i in budget.rounds(solution):
            if i and self._converged(distribution):
                solution.stopped = 'converged'
                break
            candidates = self._draw(distribution, i, i + 1 == budget.iterations, generator)
            costs = judged(cost, candidates)
            if kept is not None:
                candidates = torch.cat([candidates, kept[0]], 1)
                costs = torch.cat([costs, kept[1]], 1)
            elites, elite_costs = cheapest(candidates, costs, self.elites)
            best = best.improved(elites, elite_costs)
            distribution = self.fit(distribution, elites, elite_costs)
            solution.note(elite_costs)
            if self.kept:
                kept = elites[:, : self.kept], elite_costs[:, : self.kept]
        solution.seeds = None if kept is None else kept[0]
        result = self._result(cost, distribution.space.settle(distribution.mean), best)
        solution.actions, solution.cost = result.actions, result.cost
        return solution

    def _draw(
        self, distribution: ActionDistribution, i: int, last: bool, generator: Randomness
    ) -> Tensor:
        count = min(self.samples, max(round(self.samples * self.decay**-i), 2 * self.elites))
        batch, horizon, fields = distribution.mean.shape
        candidates = distribution.place(self.noise((batch, count, horizon, fields), generator))
        if self.mean_candidate == 'always' or (self.mean_candidate == 'last' and last):
            candidates[:, 0] = distribution.clip(distribution.mean)
        if i == 0 and distribution.seeds is not None:
            candidates = torch.cat([candidates, distribution.clip(distribution.seeds)], 1)
        return candidates

    def _converged(self, distribution: ActionDistribution) -> bool:
        return self.least_std is not None and bool((distribution.std <= self.least_std).all())

    def _result(self, cost: CostFunction, mean: Tensor, best: Incumbent) -> Incumbent:
        if self.result == 'best':
            return best
        fitted = Incumbent(actions=mean, cost=judged(cost, mean[:, None])[:, 0])
        if self.result == 'mean':
            return fitted
        return fitted.improved(best.actions[:, None], best.cost[:, None])


def judged(cost: CostFunction, candidates: Tensor) -> Tensor:
    """Return the costs `(B, S)` of candidates `(B, S, H, A)`, infinite where not a number."""
    costs = cost(candidates)
    return torch.where(costs.isfinite(), costs, float('inf'))


def cheapest(candidates: Tensor, costs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` cheapest candidates `(B, K, H, A)` with their costs, rising."""
    values, index = costs.topk(count, dim=1, largest=False)
    index = index[..., None, None].expand(-1, -1, *candidates.shape[2:])
    return candidates.gather(1, index), values
