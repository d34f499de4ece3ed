"""Why searches end: iterations, deadline, convergence, no gain."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from bowls import FIELDS, HORIZON, quadratic, rules, unit_box

from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.solver import Budget, Solution
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS, PlanningSettings

COST = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))


def solve(name: str, budget: Budget, **changes) -> Solution:
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    settings = PlanningSettings(solver=name, samples=20, elites=4, iterations=50)
    settings = dataclasses.replace(settings, **changes)
    solver = make_solver(rules(settings, -torch.ones(FIELDS), torch.ones(FIELDS)))
    return solver.solve(COST, unit_box(), budget, torch.Generator().manual_seed(0))


@pytest.mark.parametrize('name', SOLVERS)
def test_a_deadline_gives_what_there_is(name) -> None:
    now = iter(range(1000))
    solution = solve(name, Budget(50, deadline=2.0, clock=lambda: float(next(now))))
    assert solution.stopped == 'deadline'
    assert 1 <= len(solution.best) <= 4
    assert bool(solution.actions.isfinite().all())


@pytest.mark.parametrize('name', ['cem', 'icem', 'mppi'])
def test_a_search_ends_when_its_deviation_is_gone(name) -> None:
    solution = solve(name, Budget(50), stop_std=0.05, std_floor=0.0, samples=60, elites=10)
    assert solution.stopped == 'converged'
    assert len(solution.best) < 30
    assert float(solution.cost) < 0.05
    assert solve(name, Budget(20), stop_std=0.05, std_floor=0.1).stopped == 'iterations'


@pytest.mark.parametrize('name', ['gd', 'lbfgs'])
def test_a_search_ends_without_a_gain(name) -> None:
    solution = solve(name, Budget(300, patience=3), samples=1)
    assert solution.stopped == 'no_gain'
    assert len(solution.best) < 200
    assert float(solution.cost) < 0.01


def test_gains_are_counted_by_the_best_cost_so_far() -> None:
    solution = Solution(actions=torch.zeros(1, 1, 1), cost=torch.zeros(1))
    counts = []
    for cost in (5.0, 4.0, 4.5, 4.0, 3.0, 3.0):
        solution.note(torch.tensor([[cost]]))
        counts.append(solution.iterations_without_gain())
    assert counts == [0, 0, 1, 2, 0, 1]
