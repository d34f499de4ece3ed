"""Noticing that the arm has come to rest at its target, or has not moved at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.motion import ExecutedAction, ExecutionSettings
from jepa_wm_ros.robot.poses import Pose, distance

# The shortest way of which the share that was carried out says anything [m], [rad].
LEAST_WAY_M = 0.005
LEAST_WAY_RAD = 0.035


def not_moved(executed: Sequence[ExecutedAction], least_moved: float) -> str:
    """Say that the arm hardly did anything of what a motion commanded; empty when it did.

    Args:
        executed: What became of the motion's actions.
        least_moved: The share of the commanded way that has to be moved.
    """
    ways = (
        (np.s_[:3], LEAST_WAY_M, 1000.0, 'mm'),
        (np.s_[3:6], LEAST_WAY_RAD, math.degrees(1.0), 'deg'),
    )
    for part, least, scale, unit in ways:
        asked = sum(float(np.linalg.norm(action.commanded[part])) for action in executed)
        moved = sum(float(np.linalg.norm(action.measured[part])) for action in executed)
        if asked < least:
            continue
        if moved >= least_moved * asked:
            return ''
        return (
            f'the arm moved {scale * moved:.1f} {unit} of {scale * asked:.1f} {unit} that were '
            'commanded: is its controller active, does it take our commands, does something block '
            'the arm?'
        )
    return ''


class Settling:
    """The time after the last set-point of a motion, until the arm rests or takes too long."""

    def __init__(self, target: Pose, began_s: float, settings: ExecutionSettings) -> None:
        """Begin to wait.

        Args:
            target: Where the flange should come to rest, in the base frame.
            began_s: When the last set-point was sent [s].
            settings: Tolerances and times.
        """
        self._target = target
        self._began_s = began_s
        self._settings = settings
        self._calm_since_s: float | None = None

    def update(
        self, measured: Pose, speeds: NDArray[np.float64] | None, now_s: float
    ) -> ResultCode | None:
        """Look at the arm.

        Args:
            measured: Flange in the base frame.
            speeds: `(n,)` joint speeds [rad/s]; None when they are not known yet.
            now_s: Time [s], same clock as `began_s`.

        Returns:
            SUCCEEDED or NOT_SETTLED; None while it may still settle.
        """
        if not self._calm(measured, speeds):
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        calm_since = self._calm_since_s
        if calm_since is not None and now_s - calm_since >= self._settings.settle_time_s:
            return ResultCode.SUCCEEDED
        if now_s - self._began_s > self._settings.settle_timeout_s:
            return ResultCode.NOT_SETTLED
        return None

    def complaint(self, measured: Pose) -> str:
        """Say how far from its target the arm is."""
        offset, angle = distance(measured, self._target)
        return (
            f'{self._settings.settle_timeout_s} s after its motion the arm is '
            f'{offset * 1000:.1f} mm and {angle:.3f} rad from its target, or still moves'
        )

    def _calm(self, measured: Pose, speeds: NDArray[np.float64] | None) -> bool:
        """Whether the arm is near the target and slow."""
        settings = self._settings
        offset, angle = distance(measured, self._target)
        return (
            speeds is not None
            and bool(np.abs(speeds).max() <= settings.settle_speed_rad_s)
            and offset <= settings.settle_position_m
            and angle <= settings.settle_rotation_rad
        )
