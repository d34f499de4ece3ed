"""Rigid poses in the robot's base frame and the pose arithmetic of DROID actions.

An action moves a pose by `p' = p + dp` and `R' = R(droll, dpitch, dyaw) R`: translation and
rotation are both expressed in the base frame (the rotation is multiplied from the left). Euler
angles are extrinsic xyz (roll, pitch, yaw about fixed x, y, z), which transforms3d calls 'sxyz'.
Rotations are matrices everywhere inside; quaternions exist only for the ROS border, in xyzw order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from transforms3d.euler import euler2mat, mat2euler
from transforms3d.quaternions import mat2quat, quat2mat

from jepa_wm_ros.errors import JepaWmError

EULER_AXES = 'sxyz'


class PoseError(JepaWmError):
    """A pose, quaternion or action has the wrong shape or is not a rotation."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A position and an orientation in the base frame.

    Attributes:
        position: `(3,)` translation [m].
        rotation: `(3, 3)` rotation matrix; its columns are the axes of the moved frame.
    """

    position: NDArray[np.float64] = field()
    rotation: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        """Convert to float64 and check the shapes.

        Raises:
            PoseError: A shape is wrong.
        """
        position = np.asarray(self.position, dtype=np.float64)
        rotation = np.asarray(self.rotation, dtype=np.float64)
        if position.shape != (3,) or rotation.shape != (3, 3):
            raise PoseError(
                'a pose needs a position of shape (3,) and a rotation of shape (3, 3), got '
                f'{position.shape} and {rotation.shape}'
            )
        object.__setattr__(self, 'position', position)
        object.__setattr__(self, 'rotation', rotation)

    @classmethod
    def identity(cls) -> Pose:
        """Return the pose of the base frame itself."""
        return cls(np.zeros(3), np.eye(3))

    @property
    def finite(self) -> bool:
        """Whether every number is finite."""
        return bool(np.isfinite(self.position).all() and np.isfinite(self.rotation).all())

    def compose(self, other: Pose) -> Pose:
        """Return `self * other`: `other`, given in this frame, expressed in the base frame."""
        return Pose(self.rotation @ other.position + self.position, self.rotation @ other.rotation)

    def inverse(self) -> Pose:
        """Return the pose that undoes this one."""
        return Pose(-self.rotation.T @ self.position, self.rotation.T)


def from_euler(position: ArrayLike, angles: ArrayLike) -> Pose:
    """Make a pose from `(3,)` position [m] and `(3,)` extrinsic roll, pitch, yaw [rad]."""
    roll, pitch, yaw = np.asarray(angles, dtype=np.float64)
    return Pose(
        np.asarray(position, dtype=np.float64), euler2mat(roll, pitch, yaw, axes=EULER_AXES)
    )


def to_euler(pose: Pose) -> NDArray[np.float64]:
    """Return the `(3,)` extrinsic roll, pitch, yaw [rad] in -pi..pi (pitch -pi/2..pi/2)."""
    return np.array(mat2euler(pose.rotation, axes=EULER_AXES))


def quaternion_xyzw(pose: Pose) -> NDArray[np.float64]:
    """Return the `(4,)` unit quaternion in ROS order x, y, z, w, with w >= 0."""
    return mat2quat(pose.rotation)[[1, 2, 3, 0]]


def from_quaternion_xyzw(position: ArrayLike, quaternion: ArrayLike) -> Pose:
    """Make a pose from `(3,)` position [m] and `(4,)` quaternion in ROS order x, y, z, w.

    Raises:
        PoseError: The quaternion is not a unit quaternion (ROS messages default to all zeros).
    """
    xyzw = np.asarray(quaternion, dtype=np.float64)
    norm = float(np.linalg.norm(xyzw))
    if xyzw.shape != (4,) or not abs(norm - 1.0) < 1e-2:
        raise PoseError(
            f'expected a unit quaternion x, y, z, w, got {xyzw.tolist()} with norm {norm:.3g}'
        )
    return Pose(np.asarray(position, dtype=np.float64), quat2mat(xyzw[[3, 0, 1, 2]]))


def apply_action(pose: Pose, action: ArrayLike) -> Pose:
    """Move a pose by one action.

    Args:
        pose: Where the action starts, in the base frame.
        action: `(6,)` or longer: dx, dy, dz [m], droll, dpitch, dyaw [rad]; the rest (gripper) is
            ignored here.

    Returns:
        The moved pose, in the base frame.

    Raises:
        PoseError: The action has fewer than six numbers.
    """
    delta = np.asarray(action, dtype=np.float64)
    if delta.ndim != 1 or delta.size < 6:
        raise PoseError(f'an action needs at least 6 numbers, got shape {delta.shape}')
    turn = euler2mat(delta[3], delta[4], delta[5], axes=EULER_AXES)
    return Pose(pose.position + delta[:3], turn @ pose.rotation)


def pose_difference(start: Pose, end: Pose) -> NDArray[np.float64]:
    """Return the `(6,)` action [m, rad] that moves `start` to `end`."""
    turn = end.rotation @ start.rotation.T
    return np.concatenate(
        [end.position - start.position, np.array(mat2euler(turn, axes=EULER_AXES))]
    )


def distance(start: Pose, end: Pose) -> tuple[float, float]:
    """Return how far two poses are apart: translation [m] and rotation angle [rad]."""
    _, sine, cosine = _axis_and_angle(end.rotation @ start.rotation.T)
    offset = end.position - start.position
    return math.sqrt(offset @ offset), math.atan2(sine, cosine)


def twist_between(start: Pose, end: Pose, duration_s: float) -> NDArray[np.float64]:
    """Return the `(6,)` mean twist [m/s, rad/s] (base frame) from one pose to another."""
    turn = vector_from_rotation(end.rotation @ start.rotation.T)
    return np.concatenate([end.position - start.position, turn]) / duration_s


def rotation_from_vector(vector: ArrayLike) -> NDArray[np.float64]:
    """Return the `(3, 3)` rotation by |vector| [rad] about the `(3,)` vector (exponential map)."""
    x, y, z = np.asarray(vector, dtype=np.float64).tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-8:
        return np.eye(3) + cross
    half = math.sin(0.5 * angle) / angle
    return np.eye(3) + (math.sin(angle) / angle) * cross + (2.0 * half * half) * (cross @ cross)


def vector_from_rotation(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the `(3,)` rotation vector [rad], |v| <= pi, of a `(3, 3)` rotation (logarithm)."""
    axis, sine, cosine = _axis_and_angle(rotation)
    if sine < 1e-12 and cosine > 0.0:
        return axis
    if cosine > -0.99:
        return axis * (math.atan2(sine, cosine) / sine)
    # Near half a turn the matrix is nearly symmetric and hides its axis; the quaternion does not.
    w, x, y, z = mat2quat(rotation)
    length = math.sqrt(x * x + y * y + z * z)
    return (2.0 * math.atan2(length, w) / length) * np.array([x, y, z])


def _axis_and_angle(rotation: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Return the rotation axis scaled by the sine of the angle, that sine, and the cosine.

    atan2 of both keeps full precision for small angles, where acos of the trace has none.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    x, y, z = 0.5 * (h - f), 0.5 * (c - g), 0.5 * (d - b)
    return np.array([x, y, z]), math.sqrt(x * x + y * y + z * z), 0.5 * (a + e + i - 1.0)
