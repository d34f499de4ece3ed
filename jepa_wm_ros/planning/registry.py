"""Solvers by the names that `planning.solver` in a bundle and `--planner` use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jepa_wm_ros.planning.cem import cross_entropy_method
from jepa_wm_ros.planning.gradient import adam, gradient_descent
from jepa_wm_ros.planning.hybrid import hybrid
from jepa_wm_ros.planning.icem import improved_cross_entropy_method
from jepa_wm_ros.planning.mppi import path_integral
from jepa_wm_ros.planning.nevergrad import nevergrad_search
from jepa_wm_ros.planning.solver import Solver
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

if TYPE_CHECKING:
    from torch import Tensor

Maker = Callable[[PlanningSettings, 'Tensor'], Solver]
"""A solver from settings and half the range `(A,)` of each action field, physical units."""

MAKERS: dict[str, Maker] = {
    'cem': cross_entropy_method,
    'icem': improved_cross_entropy_method,
    'mppi': path_integral,
    'gd': gradient_descent,
    'adam': adam,
    'hybrid': hybrid,
    'nevergrad': nevergrad_search,
}
"""Every name in `worldmodel.planning_settings.SOLVERS` has its maker here."""


def make_solver(settings: PlanningSettings, lower: Tensor, upper: Tensor) -> Solver:
    """Return the solver that `settings.solver` names.

    Args:
        settings: Planning settings.
        lower: `(A,)` least value of each action field, physical units.
        upper: `(A,)` greatest value of each action field.

    Raises:
        SolverError: The solver needs a package that is not installed.
    """
    return MAKERS[settings.solver](settings, (upper - lower) / 2)
