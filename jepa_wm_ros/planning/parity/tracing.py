"""Searches with recorded noise, of which every step is written down."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solver import CostFunction
    from jepa_wm_ros.planning.solvers.noise import Randomness, Shape
    from jepa_wm_ros.planning.solvers.sampling import Fit, SamplingSolver


class GivenNoise:
    """Noise `(J, H, N, A)` from a file, one iteration a call."""

    def __init__(self, noise: Tensor) -> None:
        """Give out iteration after iteration."""
        self._iterations = iter(noise.transpose(1, 2))

    def __call__(self, shape: Shape, generator: Randomness) -> Tensor:
        """Return the next noise `(1, N, H, A)`."""
        return next(self._iterations)[None].view(shape)


@dataclass(slots=True)
class RecordedCost:
    """A cost function that remembers what it was asked, and what it said.

    Attributes:
        cost: Is asked.
        candidates: `(S, H, A)` of each call, for the first problem.
        costs: `(S,)` of each call.
    """

    cost: CostFunction
    candidates: list[Tensor] = field(default_factory=list)
    costs: list[Tensor] = field(default_factory=list)

    def __call__(self, candidates: Tensor) -> Tensor:
        """Return the costs `(B, S)` of candidates `(B, S, H, A)`."""
        costs = self.cost(candidates)
        self.candidates.append(candidates[0].detach().clone())
        self.costs.append(costs[0].detach().clone())
        return costs


@dataclass(slots=True)
class RecordedFit:
    """A fit that remembers the distributions that it made.

    Attributes:
        fit: Makes them.
        made: All of them.
    """

    fit: Fit
    made: list[ActionDistribution] = field(default_factory=list)

    def __call__(
        self, old: ActionDistribution, elites: Tensor, costs: Tensor
    ) -> ActionDistribution:
        """Return the next distribution."""
        self.made.append(self.fit(old, elites, costs))
        return self.made[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A search by a sampling solver, J iterations long.

    Attributes:
        samples: `(J, N, H, A)` candidates.
        costs: `(J, N)`.
        elite_index: `(J, K)`, by rising cost.
        elite_costs: `(J, K)`.
        mean: `(J, H, A)` after each iteration.
        std: `(J, H, A)`.
    """

    samples: Tensor
    costs: Tensor
    elite_index: Tensor
    elite_costs: Tensor
    mean: Tensor
    std: Tensor


@torch.no_grad()
def trace(
    solver: SamplingSolver,
    cost: CostFunction,
    start: ActionDistribution,
    noise: Tensor,
) -> Trace:
    """Search with noise `(J, H, N, A)`, and write down every iteration."""
    recorded, fit = RecordedCost(cost), RecordedFit(solver.fit)
    solver = dataclasses.replace(solver, noise=GivenNoise(noise), fit=fit, result='best')
    solver.solve(recorded, start, Budget(len(noise)), torch.Generator())
    costs = torch.stack(recorded.costs)
    elites = costs.topk(solver.elites, dim=1, largest=False)
    return Trace(
        samples=torch.stack(recorded.candidates),
        costs=costs,
        elite_index=elites.indices,
        elite_costs=elites.values,
        mean=torch.stack([made.mean[0] for made in fit.made]),
        std=torch.stack([made.std[0] for made in fit.made]),
    )


def group_bounds(config: Mapping[str, Any], fields: int) -> Tensor:
    """Return the limits `(fields,)` of `max_norm_dims`; what is in no group has none."""
    bound = torch.full((fields,), float('inf'))
    norms = config.get('max_norms') or []
    groups = config.get('max_norm_dims') or [list(range(fields))]
    for dims, norm in zip(groups, norms, strict=bool(norms)):
        bound[dims] = norm
    return bound
