"""Nevergrad's optimisers behind our protocol."""

from __future__ import annotations

import dataclasses
import sys
import warnings

import pytest
import torch
from bowls import FIELDS, HORIZON, Spy, quadratic, rules, unit_box

from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.solver import Budget, SolverError
from jepa_wm_ros.planning.solvers.nevergrad import WORST, _tellable
from jepa_wm_ros.worldmodel.planning_settings import NEVERGRAD_OPTIMIZERS, PlanningSettings

BOUND = torch.ones(FIELDS)
SETTINGS = PlanningSettings(solver='nevergrad', samples=20, elites=4)


@pytest.fixture
def library():
    return pytest.importorskip('nevergrad')


def solve(cost, iterations: int = 5, start=None, seed: int = 0, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    solver = make_solver(rules(settings, -BOUND, BOUND))
    generator = torch.Generator().manual_seed(seed)
    return solver.solve(cost, start or unit_box(std=0.5), Budget(iterations), generator)


@pytest.mark.usefixtures('library')
@pytest.mark.parametrize('name', NEVERGRAD_OPTIMIZERS)
def test_every_optimiser_improves_on_the_start_within_the_bounds_without_a_warning(name) -> None:
    spy = Spy(quadratic(torch.full((1, HORIZON, FIELDS), 0.7)))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        solution = solve(spy, nevergrad_optimizer=name)
    assert float(solution.cost) < float(spy.costs[0][0, 0])
    assert float(torch.cat(spy.candidates, 1).abs().max()) <= 1.0
    assert bool((spy.candidates[0][:, 0] == 0).all()), 'the mean is the first candidate'


@pytest.mark.usefixtures('library')
def test_costs_that_are_not_numbers_are_the_worst() -> None:
    def cost(actions: torch.Tensor) -> torch.Tensor:
        values = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))(actions)
        return torch.where(actions[..., 0, 0] > 0.2, torch.nan, values)

    solution = solve(cost, iterations=8)
    assert float(solution.cost) < 0.5
    assert float(solution.actions[0, 0, 0]) <= 0.2


@pytest.mark.usefixtures('library')
def test_problems_in_a_batch_are_solved_each_for_itself_and_pinned_numbers_stay() -> None:
    start = unit_box(batch=2, std=0.5)
    start.std[..., 1] = 0.0
    target = torch.stack([torch.full((HORIZON, FIELDS), 0.7), torch.full((HORIZON, FIELDS), -0.2)])
    actions = solve(quadratic(target), iterations=15, start=start).actions
    assert torch.allclose(actions[..., 0], target[..., 0], atol=0.1)
    assert bool((actions[..., 1] == 0).all())


@pytest.mark.usefixtures('library')
def test_where_everything_is_pinned_there_is_nothing_to_search() -> None:
    solution = solve(quadratic(torch.full((1, HORIZON, FIELDS), 0.5)), start=unit_box(std=0.0))
    assert bool((solution.actions == 0).all())
    assert float(solution.cost) == pytest.approx(HORIZON * FIELDS * 0.25)


def test_ngopt_does_not_get_the_meta_model(library) -> None:
    solver = make_solver(
        rules(dataclasses.replace(SETTINGS, nevergrad_optimizer='NGOpt'), -BOUND, BOUND)
    )
    made = []
    registry = {
        name: lambda name=name, **options: (
            made.append(name) or library.optimizers.registry[name](**options)
        )
        for name in ('NGOpt', 'DiagonalCMA')
    }
    optimizers = type('Optimizers', (), {'registry': registry})
    fake = type('Library', (), {'p': library.p, 'optimizers': optimizers})
    solver = dataclasses.replace(solver, library=fake, samples=16)
    start = dataclasses.replace(
        unit_box(std=0.5), mean=torch.zeros(1, 9, FIELDS), std=torch.full((1, 9, FIELDS), 0.5)
    )
    cost = quadratic(torch.zeros(1, 9, FIELDS))
    solver.solve(cost, start, Budget(4), torch.Generator().manual_seed(0))
    assert made == ['NGOpt', 'DiagonalCMA']


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'nevergrad', None)
    with pytest.raises(SolverError, match='pip install nevergrad'):
        make_solver(rules(SETTINGS, -BOUND, BOUND))


def test_what_is_told_is_finite_and_what_is_no_number_the_worst() -> None:
    costs = torch.tensor([[1.0, torch.nan, 3.0], [torch.inf, 5e6, 2.0]])
    told = torch.tensor(_tellable(costs))
    assert bool(told.isfinite().all())
    assert told[0, 1] == told[1, 0] == 5e6
    assert torch.equal(told[costs.isfinite()], costs[costs.isfinite()])
    assert _tellable(torch.tensor([[torch.nan, 1.0]])) == [[WORST, 1.0]]
