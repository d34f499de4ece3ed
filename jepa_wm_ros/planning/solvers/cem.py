"""The cross-entropy method."""

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
class EliteFit:
    """Mean and deviation of the elites, blended with the old ones.

    mean' = m mean + (1 - m) mean_K(elites), std' = max(floor, s std + (1 - s) std_K(elites)).

    Attributes:
        mean_momentum: m, the part of the old mean that is kept; one for all or `(A,)`.
        std_momentum: s, the part of the old deviation that is kept; one for all or `(A,)`.
        std_floor: `(A,)` least deviation, physical units; pinned dimensions stay pinned.
        unbiased: Whether the elites' variance is divided by K - 1 instead of K; not with one
            elite.
    """

    mean_momentum: Tensor | float
    std_momentum: Tensor | float
    std_floor: Tensor
    unbiased: bool = False

    def __call__(
        self, old: ActionDistribution, elites: Tensor, costs: Tensor
    ) -> ActionDistribution:
        """Return the next distribution; all elites `(B, K, H, A)` count the same."""
        correction = int(self.unbiased and elites.shape[1] > 1)
        spread = elites.std(1, correction=correction)
        mean = self.mean_momentum * old.mean + (1 - self.mean_momentum) * elites.mean(1)
        std = self.std_momentum * old.std + (1 - self.std_momentum) * spread
        return old.moved(mean, torch.maximum(std, self.std_floor))


def elite_fit(rules: SearchRules) -> EliteFit:
    """Return the fit that the settings ask for."""
    return EliteFit(
        mean_momentum=rules.momentum,
        std_momentum=rules.std_momentum,
        std_floor=rules.std_floor,
        unbiased=rules.settings.unbiased_std,
    )


def cross_entropy_method(rules: SearchRules) -> SamplingSolver:
    """Return the cross-entropy method: draw, keep the elites, fit the distribution to them."""
    settings = rules.settings
    return SamplingSolver(
        samples=settings.samples,
        elites=settings.elites,
        noise=SharedNoise(correlation=settings.correlation),
        fit=elite_fit(rules),
        mean_candidate=settings.mean_candidate,
        result=settings.result,
        decay=rules.decay,
        least_std=rules.least_std,
    )
