"""Nevergrad's gradient-free optimisers, asked and told in batches (optional package nevergrad)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from jepa_wm_ros.planning.solver import Incumbent, Solution, SolverError
from jepa_wm_ros.planning.solvers.sampling import judged

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.rules import SearchRules
    from jepa_wm_ros.planning.solver import Budget, CostFunction
    from jepa_wm_ros.planning.solvers.noise import Randomness

WORST = 1e6
"""Told for a cost that is not a number (or the worst, if that is more): infinity breaks some."""
WIDEST = 0.6
"""Largest initial deviation, as a part of half the range: bounds must be 3 of them apart."""
UNSAFE = 'MetaModel'
"""What NGOpt may choose for small budgets; its regression overflows on long horizons."""
FALLBACK = 'DiagonalCMA'


@dataclass(frozen=True, slots=True, kw_only=True)
class NevergradSolver:
    """Asks an optimiser for all candidates of an iteration, judges them at once, and tells it.

    It works in u = (a - centre) / half range, within -1 .. 1, on the dimensions that are not
    pinned, with one optimiser for each problem. The mean is the first candidate. The budget that
    Nevergrad is told about is iterations x samples.

    Attributes:
        library: The package nevergrad.
        optimizer: Name in Nevergrad's registry.
        samples: Candidates in each iteration.
        result: `mean` takes Nevergrad's recommendation, `best` the best candidate ever seen,
            `cheapest` the cheaper of both.
    """

    library: Any
    optimizer: str
    samples: int
    result: str

    def solve(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Return what `result` asks for; the first iteration always runs."""
        box = _FreeBox(distribution)
        if not box.free.any():
            actions = distribution.clip(distribution.mean)
            return Solution(actions=actions, cost=judged(cost, actions[:, None])[:, 0])
        optimizers = [
            self._optimizer(box, b, budget.iterations, generator)
            for b in range(len(distribution.mean))
        ]
        best = Incumbent.start(distribution.mean)
        solution = Solution(actions=best.actions, cost=best.cost)
        for _ in budget.rounds(solution):
            asked = [[each.ask() for _ in range(self.samples)] for each in optimizers]
            candidates = box.actions([[point.value for point in row] for row in asked])
            costs = judged(cost, candidates)
            for each, row, values in zip(optimizers, asked, _tellable(costs), strict=True):
                for point, value in zip(row, values, strict=True):
                    each.tell(point, value)
            best = best.improved(candidates, costs)
            solution.note(costs.sort(1).values)
        if self.result != 'best':
            points = box.actions([[each.provide_recommendation().value] for each in optimizers])
            costs = judged(cost, points)
            advice = Incumbent(actions=points[:, 0], cost=costs[:, 0])
            best = advice if self.result == 'mean' else best.improved(points, costs)
        solution.actions, solution.cost = best.actions, best.cost
        return solution

    def _optimizer(
        self, box: _FreeBox, problem: int, iterations: int, generator: Randomness
    ) -> Any:
        start = box.start(problem)
        array = self.library.p.Array(init=start)
        array.set_mutation(sigma=box.sigma(problem)).set_bounds(-1.0, 1.0)
        own = generator if isinstance(generator, torch.Generator) else generator[problem]
        seed = int(torch.randint(2**31, (), generator=own))
        array.random_state = np.random.RandomState(seed)
        options = {
            'parametrization': array,
            'budget': iterations * self.samples,
            'num_workers': self.samples,
        }
        registry = self.library.optimizers.registry
        optimizer = registry[self.optimizer](**options)
        if getattr(getattr(optimizer, 'optim', None), 'name', '') == UNSAFE:
            optimizer = registry[FALLBACK](**options)
        optimizer.suggest(start)
        return optimizer


def _tellable(costs: Tensor) -> list[list[float]]:
    """Return costs with a number, worse than all others, for those that are none."""
    finite = costs.isfinite()
    worst = torch.where(finite, costs, 0.0).max().clamp(min=WORST)
    rows: list[list[float]] = torch.where(finite, costs, worst).tolist()
    return rows


class _FreeBox:
    """The dimensions that may move, as numbers within -1 .. 1."""

    def __init__(self, distribution: ActionDistribution) -> None:
        self._distribution = distribution
        space = distribution.space
        wide = space.upper > space.lower
        self.free = wide & (~distribution.pinned).flatten(0, 1).any(0)
        self._centre = ((space.upper + space.lower) / 2)[self.free]
        self._half = space.half_range[self.free]

    def start(self, problem: int) -> NDArray[np.float64]:
        """The mean `(H, F)` of one problem."""
        mean = self._distribution.clip(self._distribution.mean)[problem][:, self.free]
        return ((mean - self._centre) / self._half).double().clamp(-1, 1).cpu().numpy()

    def sigma(self, problem: int) -> NDArray[np.float64]:
        """The initial deviations `(H, F)` of one problem."""
        std = self._distribution.std[problem][:, self.free] / self._half
        return std.double().clamp(1e-3, WIDEST).cpu().numpy()

    def actions(self, points: list[list[NDArray[np.float64]]]) -> Tensor:
        """Actions `(B, S, H, A)` for B rows of S points `(H, F)`."""
        mean = self._distribution.mean[:, None]
        values = torch.from_numpy(np.array(points)).to(mean)
        actions = mean.expand(-1, values.shape[1], -1, -1).clone()
        actions[..., self.free] = self._centre + self._half * values
        actions = torch.where(self._distribution.pinned[:, None], mean, actions)
        return self._distribution.clip(actions)


def nevergrad_search(rules: SearchRules) -> NevergradSolver:
    """Return the Nevergrad optimiser that `nevergrad_optimizer` names.

    Raises:
        SolverError: The package nevergrad is not installed.
    """
    try:
        import nevergrad
    except ImportError as error:
        raise SolverError(
            'planning.solver nevergrad needs the package nevergrad: '
            'pip install nevergrad, or choose another solver such as cem'
        ) from error
    return NevergradSolver(
        library=nevergrad,
        optimizer=rules.settings.nevergrad_optimizer,
        samples=rules.settings.samples,
        result=rules.settings.result,
    )
