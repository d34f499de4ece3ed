"""Problems whose solutions are known by other means, for every solver that can solve them."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch
from bowls import Spy, quadratic

from jepa_wm_ros.planning.balls import length
from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.rules import SearchRules
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.space import ActionSpace, Ball
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS, PlanningSettings

SEARCHES = {
    'cem': {'samples': 200, 'elites': 20, 'iterations': 40},
    'icem': {'samples': 200, 'elites': 20, 'iterations': 40, 'noise_exponent': 0.0},
    'mppi': {'samples': 200, 'elites': 20, 'iterations': 40},
    'gd': {'samples': 4, 'iterations': 200, 'learning_rate': 0.05},
    'adam': {'samples': 4, 'iterations': 200, 'learning_rate': 0.03},
    'lbfgs': {'samples': 4, 'iterations': 30},
    'hybrid': {'samples': 200, 'elites': 20, 'iterations': 30, 'learning_rate': 0.003},
    'nevergrad': {'samples': 20, 'iterations': 40},
}


def solve(name: str, cost, space: ActionSpace, horizon: int, **changes):
    if name == 'nevergrad':
        pytest.importorskip('nevergrad')
    values = SEARCHES[name] | {'std_floor': 1e-3, 'correlation': 0.0} | changes
    settings = PlanningSettings(solver=name, **values)
    rules = SearchRules(settings=settings, space=space, momentum=0.1, std_momentum=0.1)
    shape = (1, horizon, len(space.lower))
    start = ActionDistribution(
        mean=torch.zeros(shape), std=0.8 * space.half_range.expand(shape), space=space
    )
    budget = Budget(settings.iterations)
    return make_solver(rules).solve(cost, start, budget, torch.Generator().manual_seed(0))


def box(fields: int, bound: float = 1.0) -> ActionSpace:
    return ActionSpace(lower=torch.full((fields,), -bound), upper=torch.full((fields,), bound))


@pytest.mark.parametrize('name', SOLVERS)
def test_a_quadratic_with_its_optimum_inside_the_box(name) -> None:
    target = torch.tensor([[[0.3, -0.6], [0.1, 0.9]]])
    assert torch.allclose(solve(name, quadratic(target), box(2), 2).actions, target, atol=0.03)


@pytest.mark.parametrize('name', SOLVERS)
def test_a_quadratic_with_its_optimum_outside_the_box(name) -> None:
    target = torch.tensor([[[3.0, -0.6], [0.1, -2.0]]])
    expected = target.clamp(-1, 1)
    assert torch.allclose(solve(name, quadratic(target), box(2), 2).actions, expected, atol=0.03)


@pytest.mark.parametrize('name', [name for name in SOLVERS if name != 'adam'])
@pytest.mark.parametrize(('norm', 'expected'), [('l2', [0.3, 0.4]), ('l1', [0.15, 0.35])])
def test_a_quadratic_with_its_optimum_outside_a_ball(name, norm, expected) -> None:
    ball = Ball(index=torch.tensor([0, 1]), norm=norm, radius=0.5)
    space = dataclasses.replace(box(2), balls=(ball,))
    target = torch.tensor([[[0.6, 0.8]]])
    cost = Spy(quadratic(target))
    solution = solve(name, cost, space, 1)
    assert torch.allclose(solution.actions, torch.tensor([[expected]]), atol=0.03)
    assert all(bool((length(asked, norm) <= 0.5 + 1e-5).all()) for asked in cost.candidates)


@pytest.mark.parametrize('norm', ['l1', 'l2'])
def test_adam_gets_to_the_edge_of_a_ball_but_not_to_the_best_point_of_it(norm) -> None:
    ball = Ball(index=torch.tensor([0, 1]), norm=norm, radius=0.5)
    space = dataclasses.replace(box(2), balls=(ball,))
    solution = solve('adam', quadratic(torch.tensor([[[0.6, 0.8]]])), space, 1)
    assert float(length(solution.actions, norm)) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize('name', SOLVERS)
def test_limits_of_zero_are_limits(name) -> None:
    space = ActionSpace(lower=torch.tensor([-1.0, 0.0, 0.0]), upper=torch.tensor([0.0, 1.0, 0.0]))
    target = torch.full((1, 2, 3), 0.5)
    solution = solve(name, quadratic(target), space, 2)
    assert torch.allclose(solution.actions, torch.tensor([0.0, 0.5, 0.0]), atol=0.03)
    assert bool((solution.actions[..., 2] == 0).all())


HORIZON, STEP, EFFORT = 8, 0.5, 0.1
START = torch.tensor([1.0, 0.0], dtype=torch.float64)
MOVE = torch.tensor([[1.0, STEP], [0.0, 1.0]], dtype=torch.float64)
PUSH = torch.tensor([STEP**2 / 2, STEP], dtype=torch.float64)


def double_integrator(actions: torch.Tensor) -> torch.Tensor:
    """Position and velocity squared after each step, and the effort, of `(B, S, H, 1)`."""
    state = START.float().expand(*actions.shape[:2], 2)
    total = EFFORT * actions.square().sum((-2, -1))
    for h in range(HORIZON):
        state = state @ MOVE.float().T + actions[..., h, :] * PUSH.float()
        total = total + state.square().sum(-1)
    return total


def riccati() -> torch.Tensor:
    """The optimal actions without bounds, from the Riccati recursion."""
    value = torch.eye(2, dtype=torch.float64)
    gains = []
    for _ in range(HORIZON):
        gain = (PUSH @ value @ MOVE) / (EFFORT + PUSH @ value @ PUSH)
        closed = MOVE - PUSH[:, None] * gain
        value = torch.eye(2, dtype=torch.float64) + MOVE.T @ value @ closed
        gains.append(gain)
    state, actions = START, []
    for gain in reversed(gains):
        actions.append(-(gain @ state))
        state = MOVE @ state + PUSH * actions[-1]
    return torch.stack(actions)[None, :, None].float()


@functools.cache
def bounded_quadratic_programme(bound: float) -> torch.Tensor:
    """The optimal actions within bounds, by very many small projected steps."""
    actions = torch.zeros(1, 1, HORIZON, 1, requires_grad=True)
    for _ in range(1000):
        (gradient,) = torch.autograd.grad(double_integrator(actions).sum(), actions)
        with torch.no_grad():
            actions -= 0.01 * gradient
            actions.clamp_(-bound, bound)
    return actions.detach()[0]


@pytest.mark.parametrize('name', [name for name in SOLVERS if name != 'nevergrad'])
def test_a_double_integrator_is_driven_as_the_riccati_recursion_says(name) -> None:
    changes = {
        'gd': {'learning_rate': 0.003, 'iterations': 700, 'samples': 1},
        'icem': {'samples': 600},
    }.get(name, {})
    solution = solve(name, double_integrator, box(1, 3.0), HORIZON, **changes)
    expected = riccati()
    best = float(double_integrator(expected[:, None]))
    assert float(solution.cost) < best * 1.01
    assert torch.allclose(solution.actions, expected, atol=0.15)


@pytest.mark.parametrize('name', ['cem', 'lbfgs', 'hybrid'])
def test_a_double_integrator_within_bounds_is_the_quadratic_programmes(name) -> None:
    expected = bounded_quadratic_programme(0.4)
    assert float(expected.abs().max()) == pytest.approx(0.4)
    solution = solve(name, double_integrator, box(1, 0.4), HORIZON)
    assert float(solution.cost) < float(double_integrator(expected[:, None])) * 1.01
    assert torch.allclose(solution.actions, expected, atol=0.08)


def test_bounds_do_not_hold_up_a_quasi_newton_step() -> None:
    best = float(double_integrator(bounded_quadratic_programme(0.4)[:, None]))
    space = box(1, 0.4)
    solution = solve('lbfgs', double_integrator, space, HORIZON, iterations=20, samples=1)
    assert float(solution.cost) < best + 1e-3


def around_a_wall(actions: torch.Tensor) -> torch.Tensor:
    """Go from (0, 0) to (1, 0); a wall stands at 0.4 < x < 0.6, |y| < 0.3."""
    path = actions.cumsum(-2)
    inside = ((path[..., 0] - 0.5).abs() < 0.1) & (path[..., 1].abs() < 0.3)
    goal = torch.tensor([1.0, 0.0])
    return (path[..., -1, :] - goal).square().sum(-1) + 5.0 * inside.float().sum(-1)


@pytest.mark.parametrize('name', ['cem', 'icem', 'mppi', 'hybrid'])
def test_a_wall_is_gone_around(name) -> None:
    values = {'samples': 400, 'elites': 30, 'iterations': 30}
    solution = solve(name, around_a_wall, box(2, 0.18), 9, correlation=0.3, **values)
    path = solution.actions[0].cumsum(0)
    assert float(solution.cost) < 0.01
    assert float(path[:, 1].abs().max()) > 0.3 or not bool(((path[:, 0] - 0.5).abs() < 0.1).any())


def two_basins(actions: torch.Tensor) -> torch.Tensor:
    """For each number a shallow basin at -0.5, near the start, and a deep one at 0.6."""
    shallow, deep = (actions + 0.5).square(), 4 * (actions - 0.6).square() - 1.0
    return torch.minimum(shallow, deep).mean((-2, -1))


@pytest.mark.parametrize(
    ('name', 'deep'),
    [('gd', False), ('adam', False), ('lbfgs', False), ('cem', True), ('icem', True)],
)
def test_gradients_from_one_start_stick_in_the_nearer_basin(name, deep) -> None:
    values = {} if deep else {'samples': 1}
    solution = solve(name, lambda a: two_basins(a - 0.1), box(2), 2, **values)
    assert (float(solution.cost) < -0.9) is deep


@pytest.mark.parametrize('name', ['cem', 'icem', 'mppi', 'hybrid'])
def test_one_elite_is_safe(name) -> None:
    target = torch.full((1, 2, 2), 0.5)
    for unbiased in (False, True):
        solution = solve(name, quadratic(target), box(2), 2, elites=1, unbiased_std=unbiased)
        assert bool(solution.actions.isfinite().all())
        assert float(solution.cost) < 0.1
