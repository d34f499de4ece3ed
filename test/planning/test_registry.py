"""Solvers by name: every name that a bundle may say makes a solver that plans."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from bowls import rules

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.registry import MAKERS, make_solver
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.space import ActionSpace
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS


def test_each_name_of_the_contract_has_its_maker() -> None:
    assert tuple(MAKERS) == SOLVERS


@pytest.mark.parametrize('name', SOLVERS)
def test_each_solver_finds_the_bottom_of_a_bowl_within_the_bounds(name, small_contract) -> None:
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    settings = dataclasses.replace(
        small_contract.planning,
        solver=name,
        samples=25 if name == 'nevergrad' else 100,  # it asks for one candidate at a time
        elites=10,
        correlation=0.0,
    )
    lower = torch.tensor([-1.0, -0.2, 0.0])
    upper = torch.tensor([1.0, 0.2, 0.0])
    target = torch.tensor([[[0.3, 5.0, 5.0], [-0.4, -0.1, 5.0]]])
    start = ActionDistribution(
        mean=torch.zeros(1, 2, 3),
        std=0.8 * ((upper - lower) / 2).expand(1, 2, 3),
        space=ActionSpace(lower=lower, upper=upper),
    )

    def solve(seed: int):
        return make_solver(rules(settings, lower, upper)).solve(
            lambda actions: (actions - target[:, None]).square().sum((-2, -1)),
            start,
            Budget(30),
            torch.Generator().manual_seed(seed),
        )

    solution = solve(0)
    expected = torch.tensor([[[0.3, 0.2, 0.0], [-0.4, -0.1, 0.0]]])
    assert torch.allclose(solution.actions, expected, atol=0.03)
    assert torch.equal(solve(0).actions, solution.actions)
    assert solution.actions.dtype == torch.float32
    assert 1 <= len(solution.best) == len(solution.elite_mean) == len(solution.elite_std)
