"""Following a moving pose by a twist: what a velocity controller is told.

    v = v_d + k (p_d - p),    w = w_d + k log(R_d R^T)

The feed-forward does the work, the feedback keeps errors from adding up. Both parts are scaled
down together when the speed is too high, so that the direction stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import Pose, vector_from_rotation


class TwistFollowingError(JepaWmError):
    """A gain or a speed makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwistFollowing:
    """The control law.

    Attributes:
        gain: Part of the error that is closed in a second [1/s].
        max_speed_m_s: Highest linear speed [m/s].
        max_rotation_speed_rad_s: Highest rotation speed [rad/s].
    """

    gain: float
    max_speed_m_s: float
    max_rotation_speed_rad_s: float

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            TwistFollowingError: The gain is negative or a speed is not above zero.
        """
        if not (self.gain >= 0.0 and self.max_speed_m_s > 0.0):
            raise TwistFollowingError(f'the gain must be 0 or more, the speed above 0: {self}')
        if not self.max_rotation_speed_rad_s > 0.0:
            raise TwistFollowingError(f'the rotation speed must be above 0: {self}')

    def command(
        self, desired: Pose, twist: NDArray[np.float64], measured: Pose
    ) -> NDArray[np.float64]:
        """Return the `(6,)` twist [m/s, rad/s] to send, along the axes of the base frame.

        Args:
            desired: Pose to be at, in the base frame.
            twist: `(6,)` its own motion [m/s, rad/s].
            measured: Pose that was measured, in the base frame.
        """
        command = np.array(twist, dtype=np.float64)
        command[:3] += self.gain * (desired.position - measured.position)
        turn = desired.rotation @ measured.rotation.T
        command[3:] += self.gain * vector_from_rotation(turn)
        linear, angular = math.hypot(*command[:3]), math.hypot(*command[3:])
        excess = max(linear / self.max_speed_m_s, angular / self.max_rotation_speed_rad_s, 1.0)
        return command / excess
