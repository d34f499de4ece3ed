"""What the presets say about planning is something the planner can do with their models."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from small import SCALED, small_preset

from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.observation import encode_picture
from jepa_wm_ros.worldmodel.published.presets import load_preset


def observed(model, seed: int):
    """A latent `(1, N, D)` of a random picture, or of random slots."""
    contract = model.contract
    if contract.family == 'cjepa':
        slots = torch.randn(1, 1, 4, 128, generator=torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            return model.encode_given(
                slots, torch.tensor(contract.proprio.mean)[None, None]
            ).frame(0)
    random = np.random.default_rng(seed)
    size = (contract.camera.height, contract.camera.width, 3)
    picture = random.integers(0, 256, size, dtype=np.uint8)
    state = np.array(contract.proprio.mean) if contract.proprio.fields else None
    return encode_picture(model, picture, state)


@pytest.mark.parametrize('name', [*SCALED, 'cjepa_pusht'])
def test_a_plan_is_made_within_the_bounds(name: str, tmp_path: Path) -> None:
    preset = load_preset(name) if name == 'cjepa_pusht' else small_preset(name, tmp_path)
    torch.manual_seed(0)
    model = build(preset.contract).eval().requires_grad_(False)
    settings = dataclasses.replace(
        preset.contract.planning, samples=6, elites=3, iterations=2, horizon=2, executed_steps=1
    )
    policy = Policy(model, settings)
    plan = policy.plan(observed(model, 0), observed(model, 1))
    action = preset.contract.action
    assert plan.actions.shape == (2, action.dim)
    assert np.isfinite(plan.actions).all()
    assert (plan.actions >= np.array(action.tiled(action.lower)) - 1e-6).all()
    assert (plan.actions <= np.array(action.tiled(action.upper)) + 1e-6).all()
    assert np.abs(plan.actions).max() > 0
