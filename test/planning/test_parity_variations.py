"""Recorded searches with other settings than the recorded ones, against plain loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from jepa_wm_ros.planning.parity import cem
from jepa_wm_ros.planning.parity.objectives import run_dino_wm
from jepa_wm_ros.planning.parity.tracing import group_bounds
from jepa_wm_ros.worldmodel.parity import Case, read_case

PARITY = Path(__file__).parents[1] / 'data' / 'parity'


def notebook(case: Case, cost) -> tuple[torch.Tensor, torch.Tensor]:
    """The notebook's search, written as a loop: means and deviations `(J, H, 4)`."""
    config, noise = case.config, case.inputs['noise']
    mean = torch.zeros(config['rollout'], 4)
    std = torch.tensor([config['maxnorm']] * 3 + [1.0]).repeat(config['rollout'], 1)
    kept = torch.tensor([config['momentum_mean']] * 3 + [config['momentum_mean_gripper']])
    kept_std = torch.tensor([config['momentum_std']] * 3 + [config['momentum_std_gripper']])
    means, stds = [], []
    for j in range(config['cem_steps']):
        samples = noise[j].transpose(0, 1) * std + mean
        samples[..., :3] = samples[..., :3].clip(-config['maxnorm'], config['maxnorm'])
        samples[..., 3] = samples[..., 3].clip(-0.75, 0.75)
        for column, value in config['axis'].items():
            samples[..., int(column)] = value
        if config['close_gripper'] is not None:
            samples[:, config['close_gripper'] :, 3] = 1.0
        best = samples[cost(samples).argsort()[: config['topk']]]
        mean = best.mean(0) * (1 - kept) + mean * kept
        std = best.std(0) * (1 - kept_std) + std * kept_std
        means.append(mean)
        stds.append(std)
    return torch.stack(means), torch.stack(stds)


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'close_gripper': 1},
        {'axis': {'1': 0.0, '2': 0.03}},
        {'axis': {'0': 0.01}, 'close_gripper': 0, 'momentum_std': 0.0},
        {'momentum_mean_gripper': 0.9, 'momentum_std_gripper': 0.0, 'maxnorm': 0.075},
    ],
)
def test_the_notebook_with_other_settings(monkeypatch, changes) -> None:
    case = read_case(PARITY / 'cem_vjepa2')
    case = dataclasses.replace(case, config={**case.config, **changes})
    target = torch.tensor([0.02, -0.04, 0.03, 0.0, 0.0, 0.0, 0.4])

    def cost(candidates: torch.Tensor) -> torch.Tensor:
        return (candidates - target).abs().sum((-2, -1))

    monkeypatch.setattr(cem, '_cost', lambda *args: cost)
    found = cem.run_vjepa2(case)
    mean, std = notebook(case, lambda samples: cost(cem._widened(samples)))
    assert torch.allclose(found['mean'], mean, atol=1e-6)
    assert torch.allclose(found['std'], std, atol=1e-6)


@pytest.mark.parametrize('objective', ['L1', 'L2', 'repr_sim'])
@pytest.mark.parametrize('every', [False, True])
def test_jepa_wms_with_other_objectives_and_sizes(objective, every) -> None:
    case = read_case(PARITY / 'cem_jepawm')
    inputs = dict(case.inputs)
    inputs['noise'] = inputs['noise'][:2, :2, :10]
    config = {**case.config, 'H': 2, 'N': 10, 'K': 3, 'J': 2, 'num_act_stepped': 1}
    config |= {'objective': objective, 'sum_all_diffs': every, 'max_norms': None}
    found = cem.run_jepa_wm(dataclasses.replace(case, inputs=inputs, config=config))
    assert found['cost'].shape == (2, 10)
    assert found['action'].shape == (1, 7)
    assert torch.equal(found['min_cost'], found['cost'].gather(1, found['elite_idx'])[:, 0])
    if objective == 'repr_sim':
        assert bool((found['cost'].abs() <= (3 if every else 1)).all())


def test_dimensions_in_no_group_have_no_bound() -> None:
    bound = group_bounds({'max_norms': [0.1, 0.0], 'max_norm_dims': [[0], [2]]}, 4)
    assert bound.tolist() == [pytest.approx(0.1), float('inf'), 0.0, float('inf')]


def test_the_objective_over_all_frames_weighs_late_ones_more() -> None:
    case = read_case(PARITY / 'dinowm_original_misc')
    inputs = dict(case.inputs)
    inputs['pred_visual'] = inputs['goal_visual'].expand(-1, 3, -1, -1).clone()
    late = inputs['pred_visual'].clone()
    inputs['pred_visual'][:, 0] += 1.0
    late[:, 2] += 1.0
    case = dataclasses.replace(case, inputs=inputs, outputs=('objective_all_alpha0',))
    early_cost = run_dino_wm(case)['objective_all_alpha0']
    late_cost = run_dino_wm(dataclasses.replace(case, inputs={**inputs, 'pred_visual': late}))
    assert torch.allclose(late_cost['objective_all_alpha0'], 4 * early_cost)
    assert torch.allclose(early_cost, torch.full_like(early_cost, 1 / 7 / 3))
