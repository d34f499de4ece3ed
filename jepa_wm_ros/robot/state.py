"""Where the arm was when a picture was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.belief import CLOCK_RESET_S, RESEAT_S, Disbelief, JointBelief
from jepa_wm_ros.robot.joint_buffer import JointBuffer, JointBufferError
from jepa_wm_ros.robot.limits import FER, FR3_FULL, JointLimits
from jepa_wm_ros.robot.poses import distance, from_quaternion_xyzw, quaternion_xyzw, to_euler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.robot.gripper import GripperCodec
    from jepa_wm_ros.robot.kinematics import Kinematics
    from jepa_wm_ros.robot.poses import Pose


# No Franka moves its flange faster, with a margin; and how much of a step is noise.
FASTEST_M_S, POSE_NOISE_M = 4.5, 0.02
FASTEST_RAD_S, POSE_NOISE_RAD = 9.0, 0.05
BELIEVABLE = JointLimits(
    lower=np.minimum(FER.lower, FR3_FULL.lower),
    upper=np.maximum(FER.upper, FR3_FULL.upper),
    velocity=np.maximum(FER.velocity, FR3_FULL.velocity),
    effort=np.maximum(FER.effort, FR3_FULL.effort),
)
"""What the joints of some Franka can do: a bag does not say which one it is of."""


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
        limits: What the joints can do; what cannot be true is left out.
    """

    def __init__(
        self,
        *,
        joint_names: Sequence[str],
        gripper_joint: str,
        codec: GripperCodec,
        kinematics: Kinematics | None,
        max_gap_s: float = 0.1,
        limits: JointLimits = BELIEVABLE,
    ) -> None:
        self._joint_names = tuple(joint_names)
        self._gripper_joint = gripper_joint
        self._codec = codec
        self._kinematics = kinematics
        self._arm = JointBuffer(max_gap_s=max_gap_s)
        self._belief = JointBelief(limits, self._joint_names)
        self._disbelieved, self._jumps = '', 0
        # a gripper may report much more rarely than the arm, and moves slowly
        self._gripper = JointBuffer(max_gap_s=max(1.0, max_gap_s))

    @property
    def rejected(self) -> int:
        """How many joint states, or poses, could not be true."""
        return self._belief.rejected + self._jumps

    def add_joints(
        self,
        stamp_s: float,
        names: Sequence[str],
        positions: Sequence[float],
        arrived_s: float | None = None,
    ) -> Disbelief | None:
        """Take in a joint state message; joints of others are ignored.

        Args:
            stamp_s: When it was measured [s].
            names: Of the joints.
            positions: Theirs [rad], the gripper's in its own unit.
            arrived_s: When it came [s], on a clock that never goes back, or when it was recorded;
                None: when it was measured.

        Returns:
            Why the arm's joints are not believed, and not used; None when they are.

        Raises:
            JointBufferError: The gripper's reading is not finite.
            GripperError: The reading does not fit the gripper.
        """
        where = dict(zip(names, positions, strict=False))
        if self._gripper_joint in where:
            self._gripper.add(stamp_s, [self._codec.decode(where[self._gripper_joint])])
        if self._kinematics is None or not all(name in where for name in self._joint_names):
            return None
        joints = [where[name] for name in self._joint_names]
        life = self._belief.life
        disbelief = self._belief.judge(
            stamp_s, joints, stamp_s if arrived_s is None else arrived_s
        )
        if self._belief.life != life:
            self._arm.clear()  # nothing lies between two lives
        if disbelief is None:
            self._arm.add(stamp_s, joints)
        elif not disbelief.kind.harmless:
            self._disbelieved = disbelief.message
        return disbelief

    def add_pose(self, stamp_s: float, pose: Pose) -> str:
        """Take in a flange pose that the driver measured.

        Returns:
            Why it is not believed, and not used; empty when it is, and when a younger one has
            overtaken it.

        Raises:
            JointBufferError: A number is not finite.
        """
        quaternion = quaternion_xyzw(pose)
        newest = self._arm.latest
        if newest is not None:
            elapsed_s = stamp_s - newest.stamp_s
            jump = _pose_jump(elapsed_s, pose, self._pose(newest.positions))
            if jump:
                self._disbelieved, self._jumps = jump, self._jumps + 1
                return jump
            if -CLOCK_RESET_S <= elapsed_s < 0.0:
                return ''
        if newest is not None and quaternion @ newest.positions[3:] < 0:
            quaternion = -quaternion  # q and -q are the same rotation: interpolate the short way
        self._arm.add(stamp_s, [*pose.position, *quaternion])
        return ''

    def at(self, stamp_s: float) -> RobotSample:
        """The robot's state at a moment [s].

        Raises:
            JointBufferError: There is no state near enough.
        """
        try:
            gripper = float(self._gripper.at(stamp_s)[0]) if len(self._gripper) else 0.0
            numbers = self._arm.at(stamp_s)
        except JointBufferError as error:
            if not self._disbelieved:
                raise
            said = f'{error} ({self.rejected} were left out, the last because {self._disbelieved})'
            raise JointBufferError(said) from error
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


def _pose_jump(elapsed_s: float, pose: Pose, before: Pose) -> str:
    """Say that the flange cannot have got from one pose to the next; empty when it can.

    After a pause, or when the clock was set back, the arm may be anywhere.
    """
    if not (-CLOCK_RESET_S <= elapsed_s < RESEAT_S and pose.finite):
        return ''
    moved_m, turned_rad = distance(before, pose)
    most_m = FASTEST_M_S * abs(elapsed_s) + POSE_NOISE_M
    most_rad = FASTEST_RAD_S * abs(elapsed_s) + POSE_NOISE_RAD
    if moved_m <= most_m and turned_rad <= most_rad:
        return ''
    return (
        f'the pose of the flange cannot be true: it jumped by {1000 * moved_m:.0f} mm and '
        f'{turned_rad:.2f} rad within {abs(elapsed_s):.3f} s: do two sources publish it?'
    )
