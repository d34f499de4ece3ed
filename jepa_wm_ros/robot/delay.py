"""What is left of a plan that arrives while the arm moves.

A plan says where the flange should be at `t0 + k dt`, where `t0` is the moment of its observation.
It arrives later: the picture was on its way, encoded and thought about while the arm went on. To
follow the plan from its beginning would be to go back; so the arm joins it where it would be now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.motion import MotionPlan
from jepa_wm_ros.robot.poses import (
    Pose,
    apply_action,
    pose_difference,
    rotation_from_vector,
    vector_from_rotation,
)


def without_past(plan: MotionPlan, delay_s: float) -> MotionPlan | None:
    """Return the part of a plan that still lies ahead.

    Its way-points are those of the plan's path at `now + k dt`, linear between the planned ones,
    and the plan's own end as the last.

    Args:
        plan: Actions relative to the observation pose.
        delay_s: Time since the observation, 0 or more [s].

    Returns:
        A plan that begins now; None when all of it lies in the past.
    """
    steps = delay_s / plan.step_duration_s
    count = math.ceil(len(plan.actions) - steps - 1e-9)
    if count < 1:
        return None
    at = np.minimum(steps + np.arange(count + 1), float(len(plan.actions)))
    poses = [plan.observation_pose]
    for action in plan.actions:
        poses.append(apply_action(poses[-1], action))
    path = [_between(poses, step) for step in at]
    actions = np.empty((count, plan.actions.shape[1]))
    for index in range(count):
        actions[index, :6] = pose_difference(path[index], path[index + 1])
    actions[:, 6] = np.diff(_grips(plan, at))
    return replace(plan, actions=actions, observation_pose=path[0])


def _between(poses: Sequence[Pose], step: float) -> Pose:
    """Return the pose at a number of steps from the first."""
    index = min(int(step), len(poses) - 2)
    part, start, end = step - index, poses[index], poses[index + 1]
    turn = vector_from_rotation(end.rotation @ start.rotation.T)
    return Pose(
        start.position + part * (end.position - start.position),
        rotation_from_vector(part * turn) @ start.rotation,
    )


def _grips(plan: MotionPlan, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the change of closedness since the observation after `at` steps."""
    grips = np.concatenate([[0.0], np.cumsum(plan.actions[:, 6])])
    return np.interp(at, np.arange(len(grips)), grips)
