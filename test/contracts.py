"""A contract as small as one can be, for tests that need a model but not a good one."""

import dataclasses

from jepa_wm_ros.worldmodel.contract import (
    ActionContract,
    CameraContract,
    Contract,
    ProprioContract,
)
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

BOUND = (0.08, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0)
SMALL = Contract(
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
        lower=tuple(-b for b in BOUND),
        upper=BOUND,
        mean=(0.0,) * 7,
        std=(0.08,) * 7,
        step_duration_s=0.4,
    ),
    planning=PlanningSettings(samples=32, elites=4),
)


def small_contract(planning: dict | None = None, **changes) -> Contract:
    """Return the small contract with some of its planning settings and fields changed."""
    settings = dataclasses.replace(SMALL.planning, **(planning or {}))
    return dataclasses.replace(SMALL, planning=settings, **changes)
