"""Where the arm was when a picture was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.joint_buffer import JointBuffer
from jepa_wm_ros.robot.poses import from_quaternion_xyzw, quaternion_xyzw, to_euler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.robot.gripper import GripperCodec
    from jepa_wm_ros.robot.kinematics import Kinematics
    from jepa_wm_ros.robot.poses import Pose


class RobotStateError(JepaWmError):
    """The robot's state at the asked moment is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class RobotSample:
    """The robot at one moment.

    Attributes:
        pose: Flange in the base frame.
        gripper: 0 open .. 1 closed.
        joints: `(7,)` arm joints [rad]; None where the driver gives poses only.
    """

    pose: Pose
    gripper: float
    joints: NDArray[np.float64] | None = None

    def proprio(self, fields: Sequence[str]) -> NDArray[np.float64] | None:
        """The numbers (P,) that a model asks for, None when it asks for none.

        Raises:
            RobotStateError: A field is not known.
        """
        if not fields:
            return None
        names = ('x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper')
        numbers = (*self.pose.position, *to_euler(self.pose), self.gripper)
        known = dict(zip(names, numbers, strict=True))
        missing = [name for name in fields if name not in known]
        if missing:
            raise RobotStateError(
                f'the model asks for the proprioception {", ".join(missing)}; there are: '
                f'{", ".join(names)}'
            )
        return np.array([known[name] for name in fields])


class RobotState:
    """Buffers joint states, and poses where the driver gives them, for look-up by time.

    Args:
        joint_names: The seven arm joints, base to flange.
        gripper_joint: Joint whose position is the gripper's reading; '' when there is none
            (the gripper then counts as open).
        codec: Turns the reading into closedness.
        kinematics: Forward kinematics; None when the driver's poses are used.
        max_gap_s: Longest time between a picture and the state used with it [s].
    """

    def __init__(
        self,
        *,
        joint_names: Sequence[str],
        gripper_joint: str,
        codec: GripperCodec,
        kinematics: Kinematics | None,
        max_gap_s: float = 0.1,
    ) -> None:
        self._joint_names = tuple(joint_names)
        self._gripper_joint = gripper_joint
        self._codec = codec
        self._kinematics = kinematics
        self._arm = JointBuffer(max_gap_s=max_gap_s)
        # a gripper may report much more rarely than the arm, and moves slowly
        self._gripper = JointBuffer(max_gap_s=max(1.0, max_gap_s))

    def add_joints(self, stamp_s: float, names: Sequence[str], positions: Sequence[float]) -> None:
        """Take in a joint state message; joints of others are ignored.

        Raises:
            JointBufferError: A position is not finite.
            GripperError: The reading does not fit the gripper.
        """
        where = dict(zip(names, positions, strict=False))
        if self._gripper_joint in where:
            self._gripper.add(stamp_s, [self._codec.decode(where[self._gripper_joint])])
        if self._kinematics is not None and all(name in where for name in self._joint_names):
            self._arm.add(stamp_s, [where[name] for name in self._joint_names])

    def add_pose(self, stamp_s: float, pose: Pose) -> None:
        """Take in a flange pose that the driver measured.

        Raises:
            JointBufferError: A number is not finite.
        """
        quaternion = quaternion_xyzw(pose)
        newest = self._arm.latest
        if newest is not None and quaternion @ newest.positions[3:] < 0:
            quaternion = -quaternion  # q and -q are the same rotation: interpolate the short way
        self._arm.add(stamp_s, [*pose.position, *quaternion])

    def at(self, stamp_s: float) -> RobotSample:
        """The robot's state at a moment [s].

        Raises:
            JointBufferError: There is no state near enough.
        """
        gripper = float(self._gripper.at(stamp_s)[0]) if len(self._gripper) else 0.0
        numbers = self._arm.at(stamp_s)
        joints = None if self._kinematics is None else numbers
        return RobotSample(self._pose(numbers), gripper, joints)

    def skew_s(self, stamp_s: float) -> float:
        """How much older than `stamp_s` the newest state is [s]; 0 when there are newer ones."""
        newest = self._arm.latest
        return float('inf') if newest is None else max(0.0, stamp_s - newest.stamp_s)

    @property
    def position(self) -> NDArray[np.float64] | None:
        """The newest flange position (3,) [m], None when unknown."""
        newest = self._arm.latest
        return None if newest is None else self._pose(newest.positions).position

    def _pose(self, numbers: NDArray[np.float64]) -> Pose:
        if self._kinematics is not None:
            return self._kinematics.forward(numbers)
        quaternion = numbers[3:] / np.linalg.norm(numbers[3:])
        return from_quaternion_xyzw(numbers[:3], quaternion)
