"""The arm as seven numbers, as in DROID: position, Euler angles and how closed the gripper is.

state  = [x y z] m, [roll pitch yaw] rad (extrinsic xyz, base frame), gripper 0 open … 1 closed
action = the same for a change: p' = p + dp, R' = R(action) R, g' = g + dg
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.poses import (
    Pose,
    PoseError,
    apply_action,
    from_euler,
    pose_difference,
    to_euler,
)

SIZE = 7


def pose_of(state: ArrayLike) -> Pose:
    """Return the pose of a `(7,)` state."""
    numbers = _checked(state)
    return from_euler(numbers[:3], numbers[3:6])


def difference(start: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
    """Return the `(7,)` action from one state to another; the gripper is not clipped."""
    change = pose_difference(pose_of(start), pose_of(end))
    return np.append(change, _checked(end)[6] - _checked(start)[6])


def moved(state: ArrayLike, action: ArrayLike) -> NDArray[np.float64]:
    """Return the `(7,)` state after an action; the gripper stays within 0..1."""
    pose = apply_action(pose_of(state), _checked(action))
    gripper = np.clip(_checked(state)[6] + _checked(action)[6], 0.0, 1.0)
    return np.concatenate([pose.position, to_euler(pose), [gripper]])


def _checked(numbers: ArrayLike) -> NDArray[np.float64]:
    row = np.asarray(numbers, dtype=np.float64)
    if row.shape != (SIZE,):
        raise PoseError(f'expected {SIZE} numbers (x y z roll pitch yaw gripper), got {row.shape}')
    return row
