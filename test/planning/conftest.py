"""A tiny contract, so that tests of the world model take no time."""

from __future__ import annotations

import pytest

from jepa_wm_ros.worldmodel.contract import (
    ActionContract,
    CameraContract,
    Contract,
    PlanningSettings,
    ProprioContract,
)


@pytest.fixture
def small_contract() -> Contract:
    bound = (0.08, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0)
    return Contract(
        format_version=1,
        name='tiny',
        family='lewm',
        licence='Apache-2.0',
        origin='a test',
        architecture={
            'layout': 'small',
            'encoder': {'image_size': 16, 'patch': 4, 'channels': [8, 8, 8], 'embed_dim': 8},
            'predictor': {'width': 16, 'depth': 2, 'expansion': 2},
        },
        camera=CameraContract(width=16, height=16),
        proprio=ProprioContract(),
        action=ActionContract(
            lower=tuple(-b for b in bound),
            upper=bound,
            mean=(0.0,) * 7,
            std=(0.08,) * 7,
            step_duration_s=0.4,
        ),
        planning=PlanningSettings(samples=32, elites=4),
    )
