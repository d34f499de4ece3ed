"""Solvers by the names that `planning.solver` in a bundle and `--planner` use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jepa_wm_ros.planning.solvers.cem import cross_entropy_method
from jepa_wm_ros.planning.solvers.gradient import adam, gradient_descent
from jepa_wm_ros.planning.solvers.hybrid import hybrid
from jepa_wm_ros.planning.solvers.icem import improved_cross_entropy_method
from jepa_wm_ros.planning.solvers.lbfgs import limited_memory_bfgs
from jepa_wm_ros.planning.solvers.mppi import path_integral
from jepa_wm_ros.planning.solvers.nevergrad import nevergrad_search

if TYPE_CHECKING:
    from jepa_wm_ros.planning.rules import SearchRules
    from jepa_wm_ros.planning.solver import Solver

Maker = Callable[['SearchRules'], 'Solver']
"""A solver from the rules that settings and actions make."""

MAKERS: dict[str, Maker] = {
    'cem': cross_entropy_method,
    'icem': improved_cross_entropy_method,
    'mppi': path_integral,
    'gd': gradient_descent,
    'adam': adam,
    'lbfgs': limited_memory_bfgs,
    'hybrid': hybrid,
    'nevergrad': nevergrad_search,
}
"""Every name in `worldmodel.planning_settings.SOLVERS` has its maker here."""


def make_solver(rules: SearchRules) -> Solver:
    """Return the solver that the settings name.

    Raises:
        SolverError: The solver needs a package that is not installed.
    """
    return MAKERS[rules.settings.solver](rules)
