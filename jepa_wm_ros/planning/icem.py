"""The improved cross-entropy method (iCEM, arXiv 2008.06389)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.planning.cem import elite_fit
from jepa_wm_ros.planning.noise import ColouredNoise
from jepa_wm_ros.planning.sampling import SamplingSolver

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings


def improved_cross_entropy_method(
    settings: PlanningSettings, half_range: Tensor
) -> SamplingSolver:
    """Return CEM with coloured noise, kept and shifted elites, and fewer samples as it narrows.

    Args:
        settings: Planning settings.
        half_range: `(A,)` half the range of each action field, physical units.
    """
    return SamplingSolver(
        samples=settings.samples,
        elites=settings.elites,
        noise=ColouredNoise(exponent=settings.noise_exponent),
        fit=elite_fit(settings, half_range),
        mean_candidate=settings.mean_candidate,
        result=settings.result,
        kept=round(settings.kept_elites * settings.elites),
        decay=settings.sample_decay,
    )
