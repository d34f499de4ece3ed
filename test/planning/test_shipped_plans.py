"""The shipped model's default plans, number for number: a change of the planner shows here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from jepa_wm_ros.paths import share
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.worldmodel.bundle import load_bundle
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS

RECORD = Path(__file__).parents[1] / 'data' / 'planning' / 'franka_cell_reach.json'
SEED = 0
STEPS = 3


@pytest.fixture(scope='module')
def model():
    return load_bundle(share('models', 'franka_cell_reach'))


def latents(model, seed: int) -> tuple[Latent, Latent]:
    """Encode two pictures of noise, the second one smoother, so that they lie apart."""
    generator = torch.Generator().manual_seed(seed)
    size = (model.contract.camera.height, model.contract.camera.width)
    noise = torch.rand(1, 2, 3, *size, generator=generator) * 2 - 1
    noise[:, 1] = torch.nn.functional.avg_pool2d(noise[:, 1], 9, 1, 4)
    with torch.inference_mode():
        both = model.encode(noise)
    return both.frame(0), both.frame(1)


def planned(model, settings=None, steps: int = STEPS) -> np.ndarray:
    """Plan, execute one action, plan again: `(steps, H, A)`."""
    policy = Policy(model, settings, seed=SEED)
    start, goal = latents(model, SEED)
    plans = []
    for _ in range(steps):
        plans.append(policy.plan(start, goal, deadline_s=1e9).actions)
        policy.executed(plans[-1][0])
    return np.stack(plans)


def machine() -> str:
    """Name what rounding depends on: the version of torch and the CPU."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
    return ' on '.join([f'torch {torch.__version__}', *names[:1]])


def test_default_plans_are_those_on_record(model) -> None:
    record = json.loads(RECORD.read_text())
    assert model.contract.fingerprint == record['fingerprint']
    expected = np.array([[[float.fromhex(x) for x in a] for a in p] for p in record['actions']])
    actual = planned(model)
    assert np.allclose(actual, expected, atol=1e-4)
    if machine() == record['machine']:
        assert np.array_equal(actual, expected)


@pytest.mark.parametrize('solver', [name for name in SOLVERS if name != 'cem'])
def test_every_solver_plans_with_the_shipped_model(model, solver) -> None:
    if solver == 'nevergrad':
        pytest.importorskip('nevergrad')
    settings = dataclasses.replace(
        model.contract.planning, solver=solver, samples=16, elites=4, iterations=3
    )
    start, goal = latents(model, SEED)
    plan = Policy(model, settings, seed=SEED).plan(start, goal, deadline_s=1e9)
    assert plan.finite
    assert plan.cost < plan.cost_noop
    assert (plan.actions[:, 3:] == 0).all()
