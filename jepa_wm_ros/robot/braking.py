"""Bringing moving joints to rest within what the robot's drives can do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.limits import JointLimits

# Where a table has no accelerations: gentle for every arm of this size [rad/s^2].
_UNKNOWN_ACCELERATION = 5.0
# What a stop uses of the highest accelerations.
STOP_SHARE = 0.95
# A joint that moves slower than this rests: less than rounding within one period [rad/s].
_REST_RAD_S = 1e-4


class Brake:
    """All joints slow down together, on a straight line in joint space.

        v(t) = v0 (1 - t / T),    T = max_j |v0_j| / (0.95 a_j)

    No plan, no kinematics and no pose takes part, so that it works whatever else has failed.

    Attributes:
        duration_s: Until all joints rest [s].
    """

    def __init__(
        self,
        positions: NDArray[np.float64],
        velocities: NDArray[np.float64],
        limits: JointLimits,
        *,
        most_s: float,
    ) -> None:
        """Plan the stop.

        Args:
            positions: `(n,)` where it begins [rad]: the last set-point.
            velocities: `(n,)` its speeds [rad/s].
            limits: The joints stop with nearly their highest accelerations, inside their ends.
            most_s: Longest duration [s]; faster joints brake harder than the table allows.
        """
        ceiling = limits.acceleration
        if ceiling is None:
            ceiling = np.full_like(positions, _UNKNOWN_ACCELERATION)
        speeds = np.abs(velocities)
        moving = bool(np.isfinite(velocities).all() and speeds.max() > _REST_RAD_S)
        self._positions = positions
        self._velocities = velocities if moving else np.zeros_like(positions)
        self._limits = limits
        self.duration_s = (
            min(float((speeds / (STOP_SHARE * ceiling)).max()), most_s) if moving else 0.0
        )

    def sample(self, time_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return `(n,)` positions [rad] and speeds [rad/s], `time_s` after the beginning."""
        if self.duration_s == 0.0:
            return self._positions, self._velocities
        time_s = min(time_s, self.duration_s)
        left = 1.0 - time_s / self.duration_s
        # The integral of v(t): the mean of the first and the present speed, times the time.
        travelled = 0.5 * (1.0 + left) * time_s * self._velocities
        return self._inside(self._positions + travelled), left * self._velocities

    def _inside(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions within the joints' ends, as far as the arm began there."""
        lower = np.minimum(self._limits.lower, self._positions)
        upper = np.maximum(self._limits.upper, self._positions)
        return np.clip(positions, lower, upper)
