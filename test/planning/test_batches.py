"""Several problems at once are solved as each alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from bowls import FIELDS, HORIZON, rules, unit_box

from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.solvers.noise import normal
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS, PlanningSettings

TARGETS = torch.stack(
    [torch.full((HORIZON, FIELDS), value) for value in (0.7, -0.2, 3.0)]
) + 0.1 * torch.arange(FIELDS)


def bumpy(target: torch.Tensor):
    """A bowl with bumps, so that searches depend on chance."""

    def cost(actions: torch.Tensor) -> torch.Tensor:
        difference = actions - target[:, None]
        return (difference.square() + 0.1 * (20 * difference).sin()).sum((-2, -1))

    return cost


@pytest.mark.parametrize('name', SOLVERS)
def test_a_batch_is_solved_as_each_of_its_problems_alone(name) -> None:
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    settings = PlanningSettings(solver=name, samples=12, elites=4, iterations=4)
    solver = make_solver(rules(settings, -torch.ones(FIELDS), torch.ones(FIELDS)))

    def solve(targets: torch.Tensor, seeds: list[int]):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        start = unit_box(len(targets), 0.6)
        return solver.solve(bumpy(targets), start, Budget(4), generators)

    together = solve(TARGETS, [0, 1, 2])
    for b, target in enumerate(TARGETS):
        alone = solve(target[None], [b])
        assert torch.allclose(together.actions[b], alone.actions[0], atol=1e-5)
        assert torch.allclose(together.cost[b], alone.cost[0], atol=1e-5)
        assert together.trace(b)[0] == pytest.approx(alone.trace()[0], abs=1e-5)
    assert not torch.allclose(together.actions[0], together.actions[1])


def test_one_generator_serves_a_batch_too() -> None:
    one, many = torch.Generator().manual_seed(0), [torch.Generator().manual_seed(0)] * 2
    assert normal((2, 3, 4, 5), one).shape == normal((2, 3, 4, 5), many).shape == (2, 3, 4, 5)


def test_seeds_of_the_last_plan_are_tried_for_each_problem() -> None:
    settings = PlanningSettings(solver='icem', samples=8, elites=4, iterations=1, std_floor=0.0)
    solver = make_solver(rules(settings, -torch.ones(FIELDS), torch.ones(FIELDS)))
    start = dataclasses.replace(unit_box(3, 1e-3), seeds=TARGETS[:, None].clamp(-1, 1))
    solution = solver.solve(
        lambda a: (a - TARGETS[:, None].clamp(-1, 1)).square().sum((-2, -1)),
        start,
        Budget(1),
        torch.Generator().manual_seed(0),
    )
    assert torch.equal(solution.cost, torch.zeros(3))
