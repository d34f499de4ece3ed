"""The improved cross-entropy method (iCEM, arXiv 2008.06389)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.planning.solvers.cem import elite_fit
from jepa_wm_ros.planning.solvers.noise import ColouredNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver

if TYPE_CHECKING:
    from jepa_wm_ros.planning.rules import SearchRules


def improved_cross_entropy_method(rules: SearchRules) -> SamplingSolver:
    """Return CEM with coloured noise, kept and shifted elites, and fewer samples as it narrows."""
    settings = rules.settings
    return SamplingSolver(
        samples=settings.samples,
        elites=settings.elites,
        noise=ColouredNoise(exponent=settings.noise_exponent),
        fit=elite_fit(rules),
        mean_candidate=settings.mean_candidate,
        result=settings.result,
        kept=round(settings.kept_elites * settings.elites),
        decay=rules.decay,
        least_std=rules.least_std,
    )
