"""The CEM of two reference implementations, by settings alone, on their own noise and costs.

The recorded cases are kept without the weights of their predictors: the cost function checks that
it is asked about the recorded candidates, and answers with the recorded costs.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from bowls import FitSpy, GivenNoise, rules
from safetensors.torch import load_file

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.space import ActionSpace
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

PARITY = Path(__file__).parents[1] / 'data' / 'parity'
XYZ_GRIPPER = [0, 1, 2, 6]
ATOL = 1e-5


class Case:
    """One recorded search, seven action fields wide."""

    def __init__(self, name: str) -> None:
        self.tensors = load_file(PARITY / name / 'tensors.safetensors')
        self.config = json.loads((PARITY / name / 'case.json').read_text())['config']

    def widened(self, name: str) -> torch.Tensor:
        """A tensor with zeros for the rotations that the notebook does not search."""
        values = self.tensors[name]
        if values.shape[-1] == 7:
            return values
        wide = values.new_zeros(*values.shape[:-1], 7)
        wide[..., XYZ_GRIPPER] = values
        return wide

    def cost(self, samples: torch.Tensor):
        """Answer with what was recorded for `samples` `(J, N, H, A)`."""
        asked = 0

        def cost(candidates: torch.Tensor) -> torch.Tensor:
            nonlocal asked
            if candidates.shape[1] == 1:  # the final mean, which the references do not judge
                return torch.zeros(1, 1)
            assert torch.allclose(candidates[0], samples[asked], atol=ATOL)
            asked += 1
            return self.tensors['out/cost'][asked - 1][None]

        return cost

    def check(self, settings: PlanningSettings, bound: torch.Tensor, samples: torch.Tensor):
        """Search with the recorded noise and compare every iteration; return the solution."""
        solver = make_solver(rules(settings, -bound, bound))
        fit = FitSpy(solver.fit)
        solver = dataclasses.replace(solver, noise=GivenNoise(self.widened('in/noise')), fit=fit)
        shape = (1, settings.horizon, 7)
        start = ActionDistribution(
            mean=torch.zeros(shape),
            std=(torch.tensor(settings.initial_std) * bound).expand(shape),
            space=ActionSpace(lower=-bound, upper=bound),
        )
        solution = solver.solve(
            self.cost(samples), start, Budget(settings.iterations), torch.Generator()
        )
        for j, made in enumerate(fit.made):
            assert torch.allclose(made.mean[0], self.widened('out/mean')[j], atol=ATOL)
            assert torch.allclose(made.std[0], self.widened('out/std')[j], atol=ATOL)
        assert len(fit.made) == settings.iterations
        return solution


def test_the_planner_of_jepa_wms() -> None:
    case = Case('cem_jepawm')
    config = case.config
    bound = torch.zeros(7)
    for dims, norm in zip(config['max_norm_dims'], config['max_norms'], strict=True):
        bound[dims] = norm
    settings = PlanningSettings(
        samples=config['N'],
        elites=config['K'],
        iterations=config['J'],
        horizon=config['H'],
        initial_std=tuple((config['var_scale'] / bound).tolist()),
        momentum=config['momentum_mean'],
        std_floor=0.0,
        unbiased_std=True,
        correlation=0.0,
        result='mean',
    )
    samples = case.tensors['out/samples'].transpose(1, 2)
    solution = case.check(settings, bound, samples)
    assert torch.allclose(solution.actions[0], case.tensors['out/action'], atol=ATOL)
    best, elite_mean, _ = solution.trace()
    assert best == pytest.approx(case.tensors['out/min_cost'].tolist(), abs=1e-4)
    mean = case.tensors['out/elite_cost_mean'].tolist()
    assert elite_mean == pytest.approx(mean, abs=1e-4)


def test_the_planner_of_the_vjepa2_notebook() -> None:
    case = Case('cem_vjepa2')
    config = case.config
    bound = torch.tensor([config['maxnorm']] * 3 + [0.0] * 3 + [0.75])
    settings = PlanningSettings(
        samples=config['samples'],
        elites=config['topk'],
        iterations=config['cem_steps'],
        horizon=config['rollout'],
        initial_std=(1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0 / 0.75),
        momentum=config['momentum_mean'],
        std_momentum=config['momentum_std'],
        std_floor=0.0,
        unbiased_std=True,
        correlation=0.0,
        mean_candidate='never',
        result='mean',
    )
    solution = case.check(settings, bound, case.tensors['out/samples'])
    expected = case.tensors['out/action']
    assert torch.allclose(solution.actions[0, :, :6], expected[:, :6], atol=ATOL)
    gripper = solution.actions[0, :, 6]
    quiet = torch.where(gripper.abs() < 0.25, 0.0, gripper)  # the notebook's last line, not ours
    assert torch.allclose(quiet, expected[:, 6], atol=ATOL)
