"""A cone for the orientation of the flange: how far the gripper may tilt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.limit_error import LimitError, limit_vector
from jepa_wm_ros.robot.poses import Pose, rotation_from_vector

# Rotations come through quaternions and splines: what is below this is rounding [rad].
_ROUNDING_RAD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrientationCone:
    """The directions in which the flange's z axis, along which the gripper points, may look.

    Attributes:
        axis: `(3,)` middle of the cone in the base frame; made a unit vector. (0, 0, -1) points
            at the table.
        angle_rad: Half the opening [rad], 0 .. pi; 0 lets the gripper turn about the axis only,
            pi lets it look anywhere.
    """

    axis: NDArray[np.float64]
    angle_rad: float

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            LimitError: The axis has no direction, or the angle is not within 0 .. pi.
        """
        axis = limit_vector('cone axis', self.axis, 3)
        length = float(np.linalg.norm(axis))
        if not (math.isfinite(length) and length > 0.0):
            raise LimitError(f'cone axis must be a direction, got {axis.tolist()}')
        if not 0.0 <= self.angle_rad <= math.pi:
            raise LimitError(f'cone angle_rad must be within 0 .. pi, got {self.angle_rad}')
        object.__setattr__(self, 'axis', limit_vector('cone axis', axis / length))

    def tilt(self, pose: Pose) -> float:
        """Return the angle [rad] between the flange's z axis and the axis of the cone."""
        pointing = pose.rotation[:, 2]
        sine = float(np.linalg.norm(np.cross(self.axis, pointing)))
        return math.atan2(sine, float(self.axis @ pointing))

    def contains(self, pose: Pose, tolerance: float = 0.0) -> bool:
        """Whether the flange looks into the cone opened by `tolerance` [rad]; NaN does not."""
        return self.tilt(pose) <= self.angle_rad + tolerance + _ROUNDING_RAD

    def clip(self, pose: Pose) -> Pose:
        """Return the pose turned into the cone by the smallest rotation; its position stays."""
        if self.contains(pose):
            return pose
        pointing = pose.rotation[:, 2]
        turn = np.cross(pointing, self.axis)
        sine = float(np.linalg.norm(turn))
        if sine < 1e-9:
            # It looks exactly the other way: any way around is as short.
            turn, sine = pose.rotation[:, 0], 1.0
        excess = self.tilt(pose) - self.angle_rad
        return Pose(pose.position, rotation_from_vector(turn * (excess / sine)) @ pose.rotation)
