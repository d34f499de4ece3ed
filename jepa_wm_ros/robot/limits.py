"""Limits: joints, workspace box and speed of the flange. Zero is a valid limit everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.cone import OrientationCone
from jepa_wm_ros.robot.limit_error import LimitError as LimitError
from jepa_wm_ros.robot.limit_error import limit_vector
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.speed_envelope import SpeedEnvelope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointLimits:
    """Limits of `n` joints.

    Attributes:
        lower: `(n,)` lowest position [rad].
        upper: `(n,)` highest position [rad].
        velocity: `(n,)` highest speed [rad/s].
        effort: `(n,)` highest torque [Nm].
        acceleration: `(n,)` highest acceleration [rad/s^2]; None when it is not known.
        jerk: `(n,)` highest jerk [rad/s^3]; None when it is not known.
        envelope: How speeds shrink towards the ends of the joints; None when they do not.
        physical: The limits of the joints themselves, where these allow less: an arm that is
            guided by hand can be there. None when they are the same.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    velocity: NDArray[np.float64]
    effort: NDArray[np.float64]
    acceleration: NDArray[np.float64] | None = None
    jerk: NDArray[np.float64] | None = None
    envelope: SpeedEnvelope | None = None
    physical: JointLimits | None = None

    def __post_init__(self) -> None:
        """Check shapes and order.

        Raises:
            LimitError: A vector has the wrong size, or lower is above upper.
        """
        size = np.size(self.lower)
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None and entry.name not in ('envelope', 'physical'):
                object.__setattr__(self, entry.name, limit_vector(entry.name, value, size))
        if (self.lower > self.upper).any():
            raise LimitError(
                f'joint limits: lower {self.lower.tolist()} is above upper {self.upper.tolist()}'
            )

    def margins(self, joint_positions: ArrayLike) -> NDArray[np.float64]:
        """Return `(…,)` distances [rad] of `(…, n)` to the nearest limit; < 0: outside."""
        positions = np.asarray(joint_positions, dtype=np.float64)
        nearest: NDArray[np.float64] = np.minimum(
            positions - self.lower, self.upper - positions
        ).min(axis=-1)
        return nearest

    def margin(self, joint_positions: ArrayLike) -> float:
        """Return the distance [rad] of `(n,)` positions to the nearest limit; negative outside."""
        return float(self.margins(joint_positions))

    def outside(self, joint_positions: ArrayLike, tolerance: float) -> str:
        """Say which of `(n,)` joints is farthest outside of its limits; empty when none is.

        Args:
            joint_positions: `(n,)` [rad].
            tolerance: How far outside counts as inside [rad].
        """
        positions = np.asarray(joint_positions, dtype=np.float64)
        over = np.maximum(self.lower - positions, positions - self.upper)
        if over.max() <= tolerance:
            return ''
        joint = int(over.argmax())
        return (
            f'joint {joint + 1} is at {positions[joint]:.3f} rad, outside of its limits '
            f'{self.lower[joint]:.3f} .. {self.upper[joint]:.3f} rad'
        )

    def speeds(
        self, joint_positions: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the highest speeds `(…, n)` [rad/s] down and up at positions `(…, n)` [rad]."""
        positions = np.asarray(joint_positions, dtype=np.float64)
        if self.envelope is None:
            same = np.broadcast_to(self.velocity, positions.shape)
            return same, same
        down = self.envelope.speed(positions - self.lower)
        up = self.envelope.speed(self.upper - positions)
        return np.minimum(self.velocity, down), np.minimum(self.velocity, up)

    def clip(self, joint_positions: ArrayLike, margin: float = 0.0) -> NDArray[np.float64]:
        """Return `(n,)` positions moved inside the limits, at least `margin` [rad] from them."""
        return np.clip(
            np.asarray(joint_positions, dtype=np.float64), self.lower + margin, self.upper - margin
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workspace:
    """A box for the flange in the base frame, and a cone for where the gripper points.

    Attributes:
        lower: `(3,)` smallest x, y, z [m]; use -inf for "no limit", never 0.
        upper: `(3,)` largest x, y, z [m].
        cone: Orientations; None is "no limit".
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    cone: OrientationCone | None = None

    def __post_init__(self) -> None:
        """Check shapes and order.

        Raises:
            LimitError: A corner is not three numbers, or lower is above upper.
        """
        for name in ('lower', 'upper'):
            corner = limit_vector(f'workspace {name}', getattr(self, name), 3)
            object.__setattr__(self, name, corner)
        if (self.lower > self.upper).any():
            raise LimitError(
                f'workspace: lower {self.lower.tolist()} is above upper {self.upper.tolist()}'
            )

    def contains(self, position: ArrayLike, tolerance: float = 0.0) -> bool:
        """Whether a `(3,)` position [m] is in the box grown by `tolerance` [m]; NaN is not."""
        point = np.asarray(position, dtype=np.float64)
        return bool(((point >= self.lower - tolerance) & (point <= self.upper + tolerance)).all())

    def clip(self, position: ArrayLike) -> NDArray[np.float64]:
        """Return the `(3,)` position [m] of the box that is nearest to the given one."""
        return np.clip(np.asarray(position, dtype=np.float64), self.lower, self.upper)

    def clip_pose(self, pose: Pose) -> Pose:
        """Return the pose moved into the box and turned into the cone; itself if it is there."""
        if not self.contains(pose.position):
            pose = Pose(self.clip(pose.position), pose.rotation)
        return pose if self.cone is None else self.cone.clip(pose)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionLimits:
    """Ceilings for commanded motion of the flange; they stretch a motion in time.

    Attributes:
        max_speed_m_s: Translation speed [m/s].
        max_acceleration_m_s2: Translation acceleration [m/s^2].
        max_rotation_speed_rad_s: Rotation speed [rad/s].
        max_rotation_acceleration_rad_s2: Rotation acceleration [rad/s^2].
    """

    max_speed_m_s: float = 0.5
    max_acceleration_m_s2: float = 4.0
    max_rotation_speed_rad_s: float = 1.0
    max_rotation_acceleration_rad_s2: float = 8.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LimitError: A limit is not above zero (a motion cannot be stretched to no speed).
        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not (math.isfinite(value) and value > 0.0):
                raise LimitError(f'{entry.name} must be a finite number above 0, got {value}')


@dataclass(frozen=True, slots=True, kw_only=True)
class FlangeLimits:
    """Limits of the robot itself for commanded motion of its flange; exceeding them is a reflex.

    Attributes:
        speed_m_s: Translation speed [m/s].
        acceleration_m_s2: Translation acceleration [m/s^2].
        jerk_m_s3: Translation jerk [m/s^3].
        rotation_speed_rad_s: Rotation speed [rad/s].
        rotation_acceleration_rad_s2: Rotation acceleration [rad/s^2].
        rotation_jerk_rad_s3: Rotation jerk [rad/s^3].
    """

    speed_m_s: float
    acceleration_m_s2: float
    jerk_m_s3: float
    rotation_speed_rad_s: float
    rotation_acceleration_rad_s2: float
    rotation_jerk_rad_s3: float


# Published tables (Franka Control Interface documentation). FER: Franka Emika Robot, "Panda".
FER = JointLimits(
    lower=np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]),
    upper=np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]),
    velocity=np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]),
    effort=np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]),
    acceleration=np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]),
    jerk=np.array([7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0]),
)
FER_FLANGE = FlangeLimits(
    speed_m_s=1.7,
    acceleration_m_s2=13.0,
    jerk_m_s3=6500.0,
    rotation_speed_rad_s=2.5,
    rotation_acceleration_rad_s2=25.0,
    rotation_jerk_rad_s3=12500.0,
)

# The tighter (2025) table of the Franka Research 3. Its speeds shrink towards the joints' ends;
# the tighter of the two published sets of offsets.
FR3_FULL = JointLimits(
    lower=np.array([-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159]),
    upper=np.array([2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159]),
    velocity=np.array([2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26]),
    effort=np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]),
    acceleration=np.full(7, 10.0),
    jerk=np.full(7, 5000.0),
    envelope=SpeedEnvelope(
        deceleration=np.array([6.0, 2.585, 3.5, 4.0, 17.0, 5.5, 17.0]),
        offset=np.array([0.30, 0.20, 0.20, 0.30, 0.35, 0.35, 0.35]),
    ),
)

# Its rectangular table: positions in which these speeds are always allowed.
FR3 = JointLimits(
    lower=np.array([-2.3093, -1.5133, -2.4937, -2.7478, -2.48, 0.8521, -2.6895]),
    upper=np.array([2.3093, 1.5133, 2.4937, -0.4461, 2.48, 4.2094, 2.6895]),
    velocity=np.array([2.0, 1.0, 1.5, 1.25, 3.0, 1.5, 3.0]),
    effort=np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]),
    acceleration=np.full(7, 10.0),
    jerk=np.full(7, 5000.0),
    physical=FR3_FULL,
)
FR3_FLANGE = FlangeLimits(
    speed_m_s=3.0,
    acceleration_m_s2=9.0,
    jerk_m_s3=4500.0,
    rotation_speed_rad_s=2.5,
    rotation_acceleration_rad_s2=17.0,
    rotation_jerk_rad_s3=8500.0,
)

# Where the demo cell draws starts and goals; the gripper points down, its tip is 0.17 m lower.
WORKSPACE_CELL = Workspace(lower=np.array([0.32, -0.28, 0.24]), upper=np.array([0.60, 0.28, 0.55]))
# What the safety supervisor lets pass: a little larger, so that overshoot is not a fault.
WORKSPACE_SUPERVISED = Workspace(
    lower=np.array([0.25, -0.38, 0.20]), upper=np.array([0.68, 0.38, 0.62])
)
