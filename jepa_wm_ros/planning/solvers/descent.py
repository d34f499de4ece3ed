"""What solvers that follow gradients share: the starts, the units of the search, the slope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solver import SolverError
from jepa_wm_ros.planning.solvers.sampling import judged

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.solver import Budget, CostFunction, Solution
    from jepa_wm_ros.planning.solvers.noise import Noise, Randomness, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent(ABC):
    """Goes downhill from many starts at once, in u = a / scale.

    So one step size fits metres, radians and the gripper. The first start is the mean of the
    distribution. Gradients that are not finite count as 0. The cost function is called with
    gradients enabled, whatever the caller's mode; it must be differentiable with respect to the
    candidates.

    Attributes:
        samples: Starts; each iteration costs them all a roll-out and its gradient.
        scale: `(A,)`, physical units.
        noise: Makes the starts differ.
    """

    samples: int
    scale: Tensor
    noise: Noise

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

    @abstractmethod
    def _descend(
        self,
        cost: CostFunction,
        distribution: ActionDistribution,
        budget: Budget,
        generator: Randomness,
    ) -> Solution:
        """Search with gradients enabled."""

    def _starts(self, distribution: ActionDistribution, generator: Randomness) -> Tensor:
        """Return where to start, `(B, S, H, A)` in physical units."""
        actions = distribution.place(self.noise(self._shape(distribution), generator))
        actions[:, 0] = distribution.clip(distribution.mean)
        return actions

    def _shape(self, distribution: ActionDistribution) -> Shape:
        batch, horizon, fields = distribution.mean.shape
        return batch, self.samples, horizon, fields

    def _movable(self, distribution: ActionDistribution) -> Tensor:
        """Return which numbers may change, to be broadcast to `(B, S, H, A)`."""
        return ~distribution.pinned[:, None] & (self.scale > 0)

    def _unit(self) -> Tensor:
        """Return what an action is divided by, `(A,)`, nowhere 0."""
        return torch.where(self.scale > 0, self.scale, 1.0)


def slope(cost: CostFunction, variable: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return costs `(B, S)` and their gradients `(B, S, H, A)` with respect to `variable`.

    Raises:
        SolverError: The cost does not depend on the candidates in a differentiable way.
    """
    costs = judged(cost, variable * scale)
    if not costs.requires_grad:
        raise SolverError('the cost function has no gradient: use a sampling solver such as cem')
    (gradient,) = torch.autograd.grad(costs[costs.isfinite()].sum(), variable)
    return costs.detach(), gradient
