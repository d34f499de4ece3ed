"""Recorded reference cases of metrics and of pose arithmetic."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.evaluation.action_score import action_error, action_score
from jepa_wm_ros.robot.arm_state import difference, moved

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case


def run_droid_metric(case: Case) -> dict[str, Tensor]:
    """Recompute errors and score of recorded plans."""
    error = action_error(case.inputs['planned'].numpy(), case.inputs['expert'].numpy())
    values = {
        'err_xyz': error.position,
        'err_orientation': error.orientation,
        'err_closure': error.gripper,
        'err_total': error.total,
        'mean_err_xyz': error.position.mean(),
        'action_score': action_score(error.position),
        'score_per_episode': [action_score(one) for one in error.position],
    }
    return {name: torch.as_tensor(np.asarray(value)) for name, value in values.items()}


def run_poses(case: Case) -> dict[str, Tensor]:
    """Recompute differences of recorded states, and states moved by recorded actions."""
    pose, action = case.inputs['pose'].numpy(), case.inputs['action'].numpy()
    after = np.stack([moved(p, a) for p, a in zip(pose, action, strict=True)])
    outputs = {
        f'diffs_{name}': _differences(case.inputs[f'traj_{name}'].numpy())
        for name in ('random', 'smooth')
    }
    outputs['new_pose'] = after.astype(np.float32)
    outputs['pair_diffs'] = np.stack([difference(p, q) for p, q in zip(pose, after, strict=True)])
    smooth = case.inputs['traj_smooth'].numpy()
    path = itertools.accumulate(outputs['diffs_smooth'], moved, initial=smooth[0])
    outputs['integrated_smooth'] = np.stack(list(path)).astype(np.float32)
    return {name: torch.as_tensor(value) for name, value in outputs.items()}


def _differences(trajectory: np.ndarray) -> np.ndarray:
    return np.stack([difference(a, b) for a, b in itertools.pairwise(trajectory)])
