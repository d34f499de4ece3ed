"""Limits: joints, workspace box and speed of the flange. Zero is a valid limit everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import Pose


class LimitError(JepaWmError):
    """A limit is not a number, has the wrong shape or is upside down."""


def _vector(name: str, value: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Return a read-only float64 vector without NaN, or raise LimitError."""
    vector = np.array(value, dtype=np.float64)
    if vector.ndim != 1 or (size is not None and vector.size != size):
        wanted = 'a vector' if size is None else f'{size} numbers'
        raise LimitError(f'{name} must be {wanted}, got shape {vector.shape}')
    if np.isnan(vector).any():
        raise LimitError(f'{name} must not contain NaN, got {vector.tolist()}')
    vector.flags.writeable = False
    return vector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointLimits:
    """Limits of `n` joints.

    Attributes:
        lower: `(n,)` lowest position [rad].
        upper: `(n,)` highest position [rad].
        velocity: `(n,)` highest speed [rad/s].
        effort: `(n,)` highest torque [Nm].
        acceleration: `(n,)` highest acceleration [rad/s^2]; None when it is not known.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    velocity: NDArray[np.float64]
    effort: NDArray[np.float64]
    acceleration: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check shapes and order.

        Raises:
            LimitError: A vector has the wrong size, or lower is above upper.
        """
        size = np.size(self.lower)
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None:
                object.__setattr__(self, entry.name, _vector(entry.name, value, size))
        if (self.lower > self.upper).any():
            raise LimitError(
                f'joint limits: lower {self.lower.tolist()} is above upper {self.upper.tolist()}'
            )

    def margin(self, joint_positions: ArrayLike) -> float:
        """Return the distance [rad] of `(n,)` positions to the nearest limit; negative outside."""
        positions = np.asarray(joint_positions, dtype=np.float64)
        return float(np.minimum(positions - self.lower, self.upper - positions).min())

    def clip(self, joint_positions: ArrayLike, margin: float = 0.0) -> NDArray[np.float64]:
        """Return `(n,)` positions moved inside the limits, at least `margin` [rad] from them."""
        return np.clip(
            np.asarray(joint_positions, dtype=np.float64), self.lower + margin, self.upper - margin
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workspace:
    """A box for the flange in the base frame.

    Attributes:
        lower: `(3,)` smallest x, y, z [m]; use -inf for "no limit", never 0.
        upper: `(3,)` largest x, y, z [m].
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shapes and order.

        Raises:
            LimitError: A corner is not three numbers, or lower is above upper.
        """
        for name in ('lower', 'upper'):
            object.__setattr__(self, name, _vector(f'workspace {name}', getattr(self, name), 3))
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
        """Return the pose with its position moved into the box."""
        if self.contains(pose.position):
            return pose
        return Pose(self.clip(pose.position), pose.rotation)


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


FER = JointLimits(
    lower=np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]),
    upper=np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]),
    velocity=np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]),
    effort=np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]),
    acceleration=np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]),
)

# The tighter (2025) rectangular table: positions in which these speeds are always allowed, because
# the real velocity limit of an FR3 shrinks near the ends of each joint.
FR3 = JointLimits(
    lower=np.array([-2.3093, -1.5133, -2.4937, -2.7478, -2.48, 0.8521, -2.6895]),
    upper=np.array([2.3093, 1.5133, 2.4937, -0.4461, 2.48, 4.2094, 2.6895]),
    velocity=np.array([2.0, 1.0, 1.5, 1.25, 3.0, 1.5, 3.0]),
    effort=np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]),
    acceleration=np.full(7, 10.0),
)

# Where the demo cell draws starts and goals; the gripper points down, its tip is 0.17 m lower.
WORKSPACE_CELL = Workspace(lower=np.array([0.32, -0.28, 0.24]), upper=np.array([0.60, 0.28, 0.55]))
# What the safety supervisor lets pass: a little larger, so that overshoot is not a fault.
WORKSPACE_SUPERVISED = Workspace(
    lower=np.array([0.25, -0.38, 0.20]), upper=np.array([0.68, 0.38, 0.62])
)
