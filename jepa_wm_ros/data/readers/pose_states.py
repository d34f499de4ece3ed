"""Robot states of datasets that list poses and gripper readings row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.readers.bag_states import FASTEST_FLANGE_M_S
from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.data.tracks import ArmPath, JointEvent, PoseEvent, StateTrack
from jepa_wm_ros.robot.gripper import GripperCodec
from jepa_wm_ros.robot.poses import from_euler
from jepa_wm_ros.robot.state import RobotState

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRIPPER = ('gripper',)


def pose_track(
    stamps: NDArray[np.float64],
    cartesian: NDArray[np.float64],
    gripper: NDArray[np.float64],
    max_gap_s: float,
) -> StateTrack:
    """Make a track of DROID's own numbers.

    Args:
        stamps: `(M,)` when the robot was read [s].
        cartesian: `(M, 6)` flange position [m] and extrinsic roll, pitch, yaw [rad] in the base
            frame.
        gripper: `(M,)` 0 open .. 1 closed.
        max_gap_s: Longest time without a state that is bridged [s].

    Raises:
        RecordingError: Shapes do not fit, or a number is not finite.
    """
    if cartesian.shape != (len(stamps), 6) or gripper.shape != (len(stamps),):
        raise RecordingError(
            f'{len(stamps)} time stamps, poses of shape {cartesian.shape} and gripper readings of '
            f'shape {gripper.shape} do not fit together'
        )
    broken = ~(np.isfinite(cartesian).all(axis=1) & np.isfinite(gripper))
    if broken.any():
        raise RecordingError(
            f'the robot state of row {int(broken.argmax())} is NaN, as in {int(broken.sum())} of '
            f'{len(stamps)} rows'
        )
    events: list[JointEvent | PoseEvent] = []
    for stamp_s, row, closed in zip(stamps.tolist(), cartesian, gripper.tolist(), strict=True):
        # the gripper first: a track takes events until the arm is known, and wants both
        events.append(JointEvent(stamp_s, _GRIPPER, (closed,)))
        events.append(PoseEvent(stamp_s, from_euler(row[:3], row[3:])))
    robot = RobotState(
        joint_names=(),
        gripper_joint=_GRIPPER[0],
        codec=GripperCodec.preset('closedness'),
        kinematics=None,
        max_gap_s=max_gap_s,
    )
    return StateTrack(robot, events, ArmPath(stamps, cartesian[:, :3], FASTEST_FLANGE_M_S))
