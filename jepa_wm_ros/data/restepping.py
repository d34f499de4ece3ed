"""Longer steps out of a dataset that has steps already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.robot.poses import Pose, apply_action, pose_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import SteppedRecording

_TOLERANCE = 0.02


def stride_of(recording: SteppedRecording, step_duration_s: float) -> int:
    """How many steps of the recording make one wanted step.

    Raises:
        RecordingError: It is not a whole number.
    """
    own_s = recording.step_duration_s
    if own_s is None:
        return 1
    stride = round(step_duration_s / own_s)
    if stride < 1 or abs(stride * own_s - step_duration_s) > _TOLERANCE * step_duration_s:
        raise RecordingError(
            f'its steps last {own_s:g} s, which does not divide the wanted {step_duration_s:g} s; '
            f'choose a multiple with --step-duration'
        )
    return stride


def composed(actions: NDArray[np.float64], stride: int) -> NDArray[np.float64]:
    """Join each `stride` Cartesian actions to one.

    Translations add up; rotations are multiplied from the left, later ones first.

    Args:
        actions: `(n * stride, 7)` [m, rad, 1].
        stride: How many make one.

    Returns:
        `(n, 7)`.
    """
    rows = [_composed(block) for block in actions.reshape(-1, stride, actions.shape[1])]
    return np.array(rows).reshape(-1, actions.shape[1])


def _composed(actions: NDArray[np.float64]) -> NDArray[np.float64]:
    start = pose = Pose.identity()
    for action in actions:
        pose = apply_action(pose, action)
    return np.concatenate([pose_difference(start, pose), actions[:, 6:].sum(axis=0)])
