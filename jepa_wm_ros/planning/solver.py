"""What every solver takes and gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution


class SolverError(JepaWmError):
    """A solver cannot be made or used."""


CostFunction = Callable[['Tensor'], 'Tensor']
"""Costs `(B, S)` of candidates `(B, S, H, A)`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a solver may think.

    Attributes:
        iterations: Most iterations.
        deadline: Time of `clock` [s] after which no further iteration starts, or None.
        clock: A monotonic clock [s].
    """

    iterations: int
    deadline: float | None = None
    clock: Callable[[], float] = time.perf_counter

    @property
    def exhausted(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.clock() >= self.deadline


@dataclass(slots=True)
class Solution:
    """What a solver found, with the evidence.

    Attributes:
        actions: `(B, H, A)`: the actions to execute.
        cost: `(B,)`: their cost, or that of the best candidate where the mean was not evaluated.
        best: Least cost of each iteration (mean over problems).
        elite_mean: Mean cost of the elites of each iteration.
        elite_std: Its standard deviation.
        deadline_hit: Whether time ran out before the iterations did.
        seeds: `(B, K, H, A)` candidates that the next plan should try again, or None.
    """

    actions: Tensor
    cost: Tensor
    best: list[float] = field(default_factory=list)
    elite_mean: list[float] = field(default_factory=list)
    elite_std: list[float] = field(default_factory=list)
    deadline_hit: bool = False
    seeds: Tensor | None = None

    def note(self, elite_costs: Tensor) -> None:
        """Write down an iteration by the costs `(B, K)` of its elites, the least one first."""
        self.best.append(float(elite_costs[:, 0].mean()))
        self.elite_mean.append(float(elite_costs.mean()))
        self.elite_std.append(float(elite_costs.std(correction=0)))


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
        best = candidates[torch.arange(len(index)), index]
        better = cost < self.cost
        return Incumbent(
            actions=torch.where(better[:, None, None], best, self.actions),
            cost=torch.where(better, cost, self.cost),
        )


class Solver(Protocol):
    """Finds cheap actions under a cost function."""

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: torch.Generator,
    ) -> Solution:
        """Return the best actions found; the first iteration always runs."""
        ...
