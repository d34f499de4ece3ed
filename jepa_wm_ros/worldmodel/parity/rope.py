"""Recomputes the recorded rotary function and frame-causal masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.worldmodel.predictors.masks import frame_causal
from jepa_wm_ros.worldmodel.predictors.rope import angles, rotate

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case


def run(case: Case) -> dict[str, Tensor]:
    """Return rotated vectors of every size, and masks with every number of extra tokens."""
    outputs = {}
    for size in case.config['dims']:
        table = angles(case.inputs['pos'], size)
        outputs[f'rot_d{size}'] = rotate(case.inputs[f'x_d{size}'], table.cos(), table.sin())
    patches = case.config['mH'] * case.config['mW']
    for name in case.outputs:
        if name.startswith('mask_add'):
            extra = int(name.removeprefix('mask_add'))
            mask = frame_causal(case.config['mT'], extra + patches)
            outputs[name] = mask.to(torch.uint8)
    return outputs
