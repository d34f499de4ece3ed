"""The planners of the reference implementations, number for number, with their noise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from bowls import FitSpy, GivenNoise, Spy
from safetensors.torch import load_file

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.solvers.cem import EliteFit
from jepa_wm_ros.planning.solvers.mppi import WeightedFit
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver, cheapest
from jepa_wm_ros.planning.space import ActionSpace

PARITY = Path(__file__).parents[1] / 'data' / 'parity' / 'sampling_planners'
CONFIG = json.loads((PARITY / 'case.json').read_text())['config']
ATOL = 1e-4


@pytest.fixture(scope='module')
def case() -> dict[str, torch.Tensor]:
    return load_file(PARITY / 'tensors.safetensors')


def toy_cost(case):
    """The toy world: the last latent is z + sum of actions @ M, and its squared error the cost."""

    def cost(actions: torch.Tensor) -> torch.Tensor:
        last = case['in/z_init'] + (actions @ case['in/M']).sum(-2)
        return (last - case['in/goal'][0]).square().mean(-1)

    return Spy(cost)


def unbounded(std: float) -> ActionDistribution:
    shape = (1, CONFIG['H'], CONFIG['A'])
    bound = torch.full((CONFIG['A'],), float('inf'))
    return ActionDistribution(
        mean=torch.zeros(shape),
        std=torch.full(shape, std),
        space=ActionSpace(lower=-bound, upper=bound),
    )


def sampled(case, fit, noise: str, std: float, mean_candidate: str):
    """Run a sampling solver as the reference does; return its cost function and its fits."""
    spy, cost = FitSpy(fit), toy_cost(case)
    solver = SamplingSolver(
        samples=CONFIG['N'],
        elites=CONFIG['K'],
        noise=GivenNoise(case[noise]),
        fit=spy,
        mean_candidate=mean_candidate,
        result='mean',
    )
    solution = solver.solve(cost, unbounded(std), Budget(CONFIG['J']), torch.Generator())
    return cost, spy, solution


def test_mppi(case) -> None:
    fit = WeightedFit(
        temperature=1 / CONFIG['temperature'],  # the reference multiplies by it
        absolute=True,
        mean_momentum=0.0,
        std_momentum=0.0,
        std_floor=torch.zeros(CONFIG['A']),
    )
    cost, spy, _ = sampled(case, fit, 'in/mppi_noise', CONFIG['max_std'], 'never')
    for j in range(CONFIG['J']):
        assert torch.allclose(cost.costs[j][0], case['out/mppi_cost'][j], atol=ATOL)
        elites = cost.costs[j].topk(CONFIG['K'], largest=False)
        assert torch.equal(elites.indices[0], case['out/mppi_elite_idx'][j])
        weights = fit.weights(elites.values)[0]
        assert torch.allclose(weights, case['out/mppi_score'][j], atol=ATOL)
        assert torch.allclose(spy.made[j].mean[0], case['out/mppi_mean'][j], atol=ATOL)
        assert torch.allclose(spy.made[j].std[0], case['out/mppi_std'][j], atol=ATOL)
    last = cheapest(cost.candidates[CONFIG['J'] - 1], cost.costs[CONFIG['J'] - 1], CONFIG['K'])[0]
    chosen = last[0, case['out/mppi_chosen_elite'][0]]  # the reference draws one elite of the last
    assert torch.allclose(chosen[: CONFIG['m']], case['out/mppi_action_eval'], atol=ATOL)


def test_cem_without_bounds(case) -> None:
    fit = EliteFit(
        mean_momentum=0.0, std_momentum=0.0, std_floor=torch.zeros(CONFIG['A']), unbiased=True
    )
    _, spy, solution = sampled(case, fit, 'in/cem_noise', 1.0, 'always')
    for j in range(CONFIG['J']):
        assert torch.allclose(spy.made[j].mean[0], case['out/cem_mean'][j], atol=ATOL)
        assert torch.allclose(spy.made[j].std[0], case['out/cem_std'][j], atol=ATOL)
    assert torch.allclose(solution.actions[0, : CONFIG['m']], case['out/cem_action'], atol=ATOL)
