"""How fast the joints may follow a path: the robot's limits, with room for what comes on top."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.braking import STOP_SHARE
from jepa_wm_ros.robot.limits import JointLimits

# What a path may use of the limits. The elbow's own motion, a change of the speed override and
# the grid of the clock take the rest.
_SHARE = 0.84
# The same for the speeds from which a stop begins.
_STOPPABLE_SHARE = 0.92


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCeilings:
    """Ceilings for a path in joint space.

    Attributes:
        limits: Of the joints.
        stop_time_s: Joints move no faster than they can be stopped within this time [s].
    """

    limits: JointLimits
    stop_time_s: float

    def excess(self, path: NDArray[np.float64], spacing_s: float) -> float:
        """Return by which factor a path must be stretched in time to stay below; <= 1 if it does.

        Args:
            path: `(m, n)` joint positions [rad].
            spacing_s: Time from one to the next [s].
        """
        speed = np.diff(path, axis=0) / spacing_s
        factors = [_peak(speed, self._speeds(path, speed))]
        if self.limits.acceleration is not None:
            acceleration = np.diff(speed, axis=0) / spacing_s
            factors.append(math.sqrt(_peak(acceleration, self.limits.acceleration)))
            if self.limits.jerk is not None:
                jerk = np.diff(acceleration, axis=0) / spacing_s
                factors.append(_peak(jerk, self.limits.jerk) ** (1.0 / 3.0))
        return max(factors)

    def _speeds(
        self, path: NDArray[np.float64], speed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the `(m - 1, n)` highest speeds between the points of a path."""
        down, up = self.limits.speeds(path)
        allowed = np.where(speed < 0.0, down[1:], up[1:])
        if self.limits.acceleration is None:
            return allowed
        stoppable = STOP_SHARE * self.limits.acceleration * self.stop_time_s
        return np.minimum(allowed, _STOPPABLE_SHARE * stoppable / _SHARE)


def _peak(values: NDArray[np.float64], limits: NDArray[np.float64]) -> float:
    """Return the largest ratio of `(m, n)` values to what is allowed of their limits."""
    if not len(values):
        return 0.0
    allowed = np.maximum(_SHARE * limits, 1e-9)
    return float((np.abs(values) / allowed).max())
