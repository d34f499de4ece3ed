"""Gradient solvers: the reference's numbers, real Adam, bounds, and what they cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from bowls import FIELDS, HORIZON, GivenNoise, Spy, quadratic, unit_box
from safetensors.torch import load_file

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.solver import Budget, SolverError
from jepa_wm_ros.planning.solvers.cem import EliteFit
from jepa_wm_ros.planning.solvers.gradient import GradientSolver
from jepa_wm_ros.planning.solvers.hybrid import HybridSolver
from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver
from jepa_wm_ros.planning.space import ActionSpace

PARITY = Path(__file__).parents[1] / 'data' / 'parity' / 'sampling_planners'
WHITE = SharedNoise(correlation=0.0)


def descent(step: str = 'adam', **changes) -> GradientSolver:
    values = {
        'samples': 1,
        'learning_rate': 0.1,
        'scale': torch.ones(FIELDS),
        'noise': WHITE,
        'gradient_noise': 0.0,
        'step_noise': WHITE,
    }
    return GradientSolver(step=step, **(values | changes))


def search() -> SamplingSolver:
    fit = EliteFit(mean_momentum=0.1, std_momentum=0.1, std_floor=torch.full((FIELDS,), 0.05))
    return SamplingSolver(samples=64, elites=8, noise=WHITE, fit=fit)


def solve(solver, cost, iterations: int = 60, start: ActionDistribution | None = None):
    generator = torch.Generator().manual_seed(0)
    return solver.solve(cost, start or unit_box(), Budget(iterations), generator)


class LooseStart(ActionDistribution):
    """The reference clips each update, but not the start."""

    def clip(self, actions: torch.Tensor) -> torch.Tensor:
        untouched = torch.equal(actions.flatten(), self.mean.flatten())
        return actions if untouched else ActionDistribution.clip(self, actions)


@pytest.mark.parametrize(
    ('step', 'rate', 'recorded'),
    [('gd', 'lr', 'gd'), ('gd', 'lr', 'adam_upstream'), ('adam', 'adam_lr', 'adam_true')],
)
def test_the_numbers_of_the_reference(step: str, rate: str, recorded: str) -> None:
    case = load_file(PARITY / 'tensors.safetensors')
    config = json.loads((PARITY / 'case.json').read_text())['config']
    bound = torch.zeros(config['A'])
    for dims, norm in zip(config['max_norm_dims'], config['max_norms'], strict=True):
        bound[dims] = norm

    def cost(actions: torch.Tensor) -> torch.Tensor:
        last = case['in/z_init'] + (actions @ case['in/M']).sum(-2)
        return (last - case['in/goal'][0]).square().mean(-1)

    initial = config['gd_var_scale'] * case['in/gd_init_noise']
    spy = Spy(cost)
    solver = descent(
        step,
        learning_rate=config[rate],
        scale=torch.ones(config['A']),
        gradient_noise=config['action_noise'],
        step_noise=GivenNoise(case['in/gd_noise'].transpose(1, 2)),
    )
    start = LooseStart(
        mean=initial, std=torch.ones_like(initial), space=ActionSpace(lower=-bound, upper=bound)
    )
    solve(solver, spy, config['iters'], start)
    for i in range(config['iters']):
        assert torch.allclose(spy.costs[i][0, 0], case[f'out/{recorded}_losses'][i], atol=1e-4)
        actions = spy.candidates[i + 1][0, 0]
        assert torch.allclose(actions, case[f'out/{recorded}_actions'][i], atol=1e-4)


def test_the_hybrid_is_never_worse_than_its_search_and_mostly_better() -> None:
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.37))
    both = HybridSolver(search=search(), refine=descent(learning_rate=0.01), steps=10)
    found, refined = (solve(s, cost, iterations=4) for s in (search(), both))
    assert float(refined.cost) < 0.5 * float(found.cost)
    assert len(refined.best) == 14
    wild = HybridSolver(search=search(), refine=descent('gd', learning_rate=50.0), steps=3)
    assert torch.equal(solve(wild, cost, iterations=4).actions, found.actions)


def test_after_the_deadline_the_hybrid_does_not_refine() -> None:
    now = iter(range(100))
    both = HybridSolver(search=search(), refine=descent(), steps=10)
    solution = both.solve(
        quadratic(torch.zeros(1, HORIZON, FIELDS)),
        unit_box(),
        Budget(4, deadline=3.0, clock=lambda: float(next(now))),
        torch.Generator().manual_seed(0),
    )
    assert solution.deadline_hit
    assert len(solution.best) == 4


def test_what_is_pinned_stays_and_what_is_not_a_number_does_no_harm() -> None:
    start = unit_box()
    start.std[..., 1] = 0.0

    def cost(actions: torch.Tensor) -> torch.Tensor:
        values = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))(actions)
        return torch.where(actions[..., 0, 0] < -0.5, torch.nan, values)

    actions = solve(descent(samples=30), cost, start=start).actions
    assert bool((actions[..., 1] == 0).all())
    assert torch.allclose(actions[..., 0], torch.tensor(0.5), atol=0.02)


def test_it_differentiates_although_its_caller_does_not() -> None:
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    with torch.inference_mode():
        start = unit_box()
        inside = solve(descent(), cost, start=start)
    assert torch.equal(inside.actions, solve(descent(), cost).actions)
    assert not inside.actions.requires_grad


def test_a_cost_without_a_gradient_is_refused() -> None:
    with pytest.raises(SolverError, match='no gradient'):
        solve(descent(), lambda actions: actions.detach().sum((-2, -1)))
