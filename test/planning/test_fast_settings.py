"""Fast ways of running a model choose nearly the same elites, and plan nearly the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.parity import cem
from jepa_wm_ros.planning.parity.tracing import trace
from jepa_wm_ros.planning.space import ActionSpace
from jepa_wm_ros.worldmodel.execution import run_as
from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.parity import read_case
from jepa_wm_ros.worldmodel.parity.frames import frame_model, patches
from jepa_wm_ros.worldmodel.parity.jepa_wm import predictor_settings
from jepa_wm_ros.worldmodel.parity.vjepa2_ac import token_settings
from jepa_wm_ros.worldmodel.published.jepa_wm import KEYS as JEPA_WM_KEYS
from jepa_wm_ros.worldmodel.published.vjepa2_ac import KEYS as VJEPA2_KEYS

PARITY = Path(__file__).parents[1] / 'data' / 'parity'
CANDIDATES, ELITES, ITERATIONS, HORIZON = 100, 10, 3, 3
SPREAD = torch.ones(7)


def jepa_wm():
    case = read_case(PARITY / 'cem_jepawm')
    shaped = cem._shaped(case, case.inputs['z_init'], 7)
    model = frame_model(shaped, predictor_settings(case.config), JEPA_WM_KEYS)
    return model, Latent(patches(case.inputs['z_init'])), 'L2'


def vjepa2():
    case = read_case(PARITY / 'cem_vjepa2')
    inputs, grid = case.inputs, case.config['grid']
    z = inputs['z_context'].unflatten(2, (1, grid, grid))
    shaped = cem._shaped(case, z, 7, window=HORIZON, proprio=inputs['pose'])
    settings = token_settings(case, HORIZON, states=True)
    model = frame_model(shaped, settings, VJEPA2_KEYS, normalise=True)
    context = model.encode_given(inputs['z_context'], inputs['pose'])
    return model, context, 'L1'


@pytest.mark.parametrize('build', [jepa_wm, vjepa2])
@pytest.mark.parametrize(
    'execution',
    [
        ExecutionSettings(dtype='bf16'),
        ExecutionSettings(dtype='bf16', packed=False),
        ExecutionSettings(),
        ExecutionSettings(memory_bytes=2**19),
    ],
    ids=['bf16', 'bf16 not packed', 'packed', 'little memory'],
)
def test_elites_and_plans_are_nearly_the_same(build, execution) -> None:
    model, context, objective = build()
    generator = torch.Generator().manual_seed(3)
    way = SPREAD * (2 * torch.rand(1, 1, HORIZON, 7, generator=generator) - 1)
    with torch.no_grad():
        goal = model.rollout(context, torch.zeros(1, 0, 7), way).map(lambda part: part[:, 0, -1])
    noise = torch.randn(ITERATIONS, HORIZON, CANDIDATES, 7, generator=generator)
    start = ActionDistribution(
        mean=torch.zeros(1, HORIZON, 7),
        std=SPREAD.expand(1, HORIZON, 7),
        space=ActionSpace(lower=-SPREAD, upper=SPREAD),
    )

    cost, fast_cost = (
        cem._cost(one, context, goal, {'objective': objective})
        for one in (model, run_as(model, execution))
    )
    exact = trace(cem._solver(CANDIDATES, ELITES, 0.0, 0.0, True), cost, start, noise)
    for j in range(ITERATIONS):
        with torch.no_grad():
            costs = fast_cost(exact.samples[j][None])[0]
        elites = costs.topk(ELITES, largest=False).indices
        assert len(set(elites.tolist()) & set(exact.elite_index[j].tolist())) >= 9
    shift = (exact.samples[-1][elites].mean(0) - exact.mean[-1]) / SPREAD
    assert float(shift.square().mean().sqrt()) < 0.1
    if execution.dtype == 'fp32':
        assert torch.allclose(costs, exact.costs[-1], rtol=1e-4)
    else:
        assert not torch.equal(costs, exact.costs[-1])
