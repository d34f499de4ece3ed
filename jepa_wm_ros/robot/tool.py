"""The end effector that a driver means by a pose, and the flange that everything else means.

A Franka reports and takes poses of the end effector that was set in Desk (`O_T_EE`), crisp and
MoveIt those of a hand's tool centre point; DROID's states and actions are of the flange. With `F`
the flange in the base frame and `T` the tool in the flange,

    tool = F T,    F = tool T^-1,    v_tool = v_flange + w x (R_F p_T)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.poses import Pose, from_euler


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A driver's end effector.

    Attributes:
        in_flange: Its pose in the frame of the flange.
    """

    in_flange: Pose = field(default_factory=Pose.identity)

    @classmethod
    def at(cls, position: ArrayLike, angles: ArrayLike) -> Tool:
        """Make a tool from `(3,)` position [m] and `(3,)` roll, pitch, yaw [rad] in the flange."""
        return cls(from_euler(position, angles))

    def of_flange(self, flange: Pose) -> Pose:
        """Return the tool's pose for a flange pose, both in the base frame."""
        return flange.compose(self.in_flange)

    def to_flange(self, tool: Pose) -> Pose:
        """Return the flange's pose for a tool pose, both in the base frame."""
        return tool.compose(self.in_flange.inverse())

    def twist(self, flange: Pose, twist: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tool's `(6,)` twist [m/s, rad/s] for that of the flange, base axes."""
        arm = flange.rotation @ self.in_flange.position
        return np.concatenate([twist[:3] + np.cross(twist[3:], arm), twist[3:]])


FRANKA_HAND = Tool.at((0.0, 0.0, 0.1034), (0.0, 0.0, -math.pi / 4))
"""The Franka Hand's tool centre point (`*_hand_tcp`) in `*_link8`."""
