"""What every solver takes and gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solvers.noise import Randomness


class SolverError(JepaWmError):
    """A solver cannot be made or used."""


CostFunction = Callable[['Tensor'], 'Tensor']
"""Costs `(B, S)` of candidates `(B, S, H, A)`."""

LEAST_GAIN = 1e-4
"""A cost that falls by less than this part of itself is no gain."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a solver may think.

    Attributes:
        iterations: Most iterations.
        deadline: Time of `clock` [s] after which no further iteration starts, or None.
        clock: A monotonic clock [s]; on an accelerator one that waits for it.
        patience: Iterations without a cheaper plan after which the search ends; 0: never.
        interrupted: Asked before each iteration but the first whether nobody waits any more.
    """

    iterations: int
    deadline: float | None = None
    clock: Callable[[], float] = time.perf_counter
    patience: int = 0
    interrupted: Callable[[], bool] = bool

    @property
    def exhausted(self) -> bool:
        """Whether the deadline has passed, or nobody waits any more."""
        late = self.deadline is not None and self.clock() >= self.deadline
        return late or self.interrupted()

    def rounds(self, solution: Solution) -> Iterator[int]:
        """Count iterations until the budget is used up; the first one always runs.

        Why they ended is written into the solution.
        """
        for i in range(self.iterations):
            if i and self.exhausted:
                solution.stopped = 'deadline'
                return
            if self.patience and solution.iterations_without_gain() >= self.patience:
                solution.stopped = 'no_gain'
                return
            yield i


@dataclass(slots=True)
class Solution:
    """What a solver found, with the evidence.

    Attributes:
        actions: `(B, H, A)`: the actions to execute.
        cost: `(B,)`: their cost, or that of the best candidate where the mean was not evaluated.
        best: Least cost `(B,)` of each iteration.
        elite_mean: Mean cost `(B,)` of the elites of each iteration.
        elite_std: Its standard deviation `(B,)`.
        stopped: Why the search ended: `iterations` (all done), `deadline`, `converged` (no
            deviation left) or `no_gain`.
        seeds: `(B, K, H, A)` candidates that the next plan should try again, or None.
    """

    actions: Tensor
    cost: Tensor
    best: list[Tensor] = field(default_factory=list)
    elite_mean: list[Tensor] = field(default_factory=list)
    elite_std: list[Tensor] = field(default_factory=list)
    stopped: str = 'iterations'
    seeds: Tensor | None = None

    @property
    def deadline_hit(self) -> bool:
        """Whether time ran out before the iterations did."""
        return self.stopped == 'deadline'

    def note(self, elite_costs: Tensor) -> None:
        """Write down an iteration by the costs `(B, K)` of its elites, the least one first."""
        self.best.append(elite_costs[:, 0])
        self.elite_mean.append(elite_costs.mean(1))
        self.elite_std.append(elite_costs.std(1, correction=0))

    def trace(self, problem: int = 0) -> tuple[list[float], list[float], list[float]]:
        """Return `best`, `elite_mean` and `elite_std` of one problem as numbers."""
        if not self.best:
            return [], [], []
        rows = (self.best, self.elite_mean, self.elite_std)
        best, mean, std = torch.stack([torch.stack(row)[:, problem] for row in rows]).tolist()
        return best, mean, std

    def iterations_without_gain(self) -> int:
        """Return for how many iterations no problem's cost has fallen."""
        if len(self.best) < 2:
            return 0
        costs = torch.stack(self.best)
        before = costs.cummin(0).values
        gained = (costs[1:] < before[:-1] - LEAST_GAIN * before[:-1].abs()).any(1)
        since = gained.flip(0).int().argmax() if bool(gained.any()) else len(gained)
        return int(since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """The best actions `(B, H, A)` that a search has seen, and their cost `(B,)`."""

    actions: Tensor
    cost: Tensor

    @classmethod
    def start(cls, actions: Tensor) -> Incumbent:
        """Return `(B, H, A)` actions that anything with a finite cost is better than."""
        return cls(actions=actions, cost=actions.new_full(actions.shape[:1], float('inf')))

    def improved(self, candidates: Tensor, costs: Tensor) -> Incumbent:
        """Return the cheapest of this and of candidates `(B, S, H, A)` with costs `(B, S)`."""
        cost, index = costs.min(1)
        best = candidates[torch.arange(len(index), device=index.device), index]
        better = cost < self.cost
        return Incumbent(
            actions=torch.where(better[:, None, None], best, self.actions),
            cost=torch.where(better, cost, self.cost),
        )


class Solver(Protocol):
    """Finds cheap actions under a cost function, for B problems at once."""

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Return the best actions found; the first iteration always runs.

        Args:
            cost: Judges candidates.
            distribution: Where to begin, and what is allowed.
            budget: How long to think.
            generator: One for all problems, or one for each.
        """
        ...
