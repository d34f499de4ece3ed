"""Model-predictive path integral control (MPPI, arXiv 1509.01149), over the elites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.distribution import ActionDistribution
    from jepa_wm_ros.planning.rules import SearchRules


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedFit:
    """Mean and deviation of the elites, weighted by how cheap they are.

    w_k = exp(-(J_k - min J) / T) / sum; mean' = m mean + (1 - m) sum w_k a_k;
    std' = max(floor, s std + (1 - s) sqrt(sum w_k (a_k - sum w a)^2)).

    Attributes:
        temperature: T, in units of cost when `absolute`, else in units of the elites' mean cost
            above the best one, which needs no tuning as the goal comes nearer.
        absolute: See `temperature`.
        mean_momentum: m, the part of the old mean that is kept; one for all or `(A,)`.
        std_momentum: s, the part of the old deviation that is kept; one for all or `(A,)`.
        std_floor: `(A,)` least deviation, physical units; pinned dimensions stay pinned.
    """

    temperature: float
    absolute: bool
    mean_momentum: Tensor | float
    std_momentum: Tensor | float
    std_floor: Tensor

    def __call__(
        self, old: ActionDistribution, elites: Tensor, costs: Tensor
    ) -> ActionDistribution:
        """Return the next distribution from elites `(B, K, H, A)` and costs `(B, K)`."""
        weights = self.weights(costs)[..., None, None]
        centre = (weights * elites).sum(1)
        spread = (weights * (elites - centre[:, None]).square()).sum(1).sqrt()
        mean = self.mean_momentum * old.mean + (1 - self.mean_momentum) * centre
        std = self.std_momentum * old.std + (1 - self.std_momentum) * spread
        return old.moved(mean, torch.maximum(std, self.std_floor))

    def weights(self, costs: Tensor) -> Tensor:
        """Return weights `(B, K)` that sum to 1; equal ones where no cost is finite."""
        finite = costs.isfinite()
        excess = torch.where(finite, costs - costs.min(1, keepdim=True).values, 0.0)
        if not self.absolute:
            mean = excess.sum(1, keepdim=True) / finite.sum(1, keepdim=True).clamp(min=1)
            excess = excess / mean.clamp(min=torch.finfo(mean.dtype).tiny)
        worthless = ~finite & finite.any(1, keepdim=True)
        return (-excess / self.temperature).masked_fill(worthless, -torch.inf).softmax(1)


def path_integral(rules: SearchRules) -> SamplingSolver:
    """Return MPPI: as CEM, but cheaper elites count for more.

    `elites` equal to `samples` weighs all candidates.
    """
    settings = rules.settings
    return SamplingSolver(
        samples=settings.samples,
        elites=settings.elites,
        noise=SharedNoise(correlation=settings.correlation),
        fit=WeightedFit(
            temperature=settings.temperature,
            absolute=settings.absolute_temperature,
            mean_momentum=rules.momentum,
            std_momentum=rules.std_momentum,
            std_floor=rules.std_floor,
        ),
        mean_candidate=settings.mean_candidate,
        result=settings.result,
        decay=rules.decay,
        least_std=rules.least_std,
    )
