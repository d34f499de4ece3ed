"""Joint positions along one rest-to-rest motion, with inverse kinematics at a few places only.

On a straight minimum-jerk motion everything depends on how far it has come, `s` in 0..1. The
joints are a very smooth function of `s`: a polynomial through a few solved places stands for all
ticks between them. The last place is the target itself, so a motion ends where it should.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.poses import distance

if TYPE_CHECKING:
    from jepa_wm_ros.robot.kinematics import Kinematics
    from jepa_wm_ros.robot.trajectory import PoseTrajectory

Vector = NDArray[np.float64]

_SHORT_M, _SHORT_RAD = 0.15, 0.3
_POSTURE_STEP_RAD = 0.1


def joint_path(
    kinematics: Kinematics, joints: Vector, trajectory: PoseTrajectory, period_s: float
) -> Vector:
    """Return joint positions (n, 7) [rad] at the end of each period of a motion.

    Args:
        kinematics: the arm.
        joints: positions (7,) [rad] in which the motion starts.
        trajectory: a motion from rest to a single way-point.
        period_s: time between two joint targets [s].
    """
    ticks = math.ceil(trajectory.duration_s / period_s - 1e-6)
    times_s: Vector = period_s * np.arange(1, ticks + 1, dtype=np.float64)
    travel_m, turn_rad = distance(trajectory.sample(0.0)[0], trajectory.end)
    if travel_m < _SHORT_M and turn_rad < _SHORT_RAD:
        path = _interpolated(kinematics, joints, trajectory, times_s)
        if path is not None:
            return path
    return _solved(kinematics, joints, trajectory, times_s)


def _interpolated(
    kinematics: Kinematics, joints: Vector, trajectory: PoseTrajectory, times_s: Vector
) -> Vector | None:
    """Return the path through a few places; None when one of them is out of reach."""
    solved = np.empty((len(_PLACES), 7))
    solved[0] = joints
    for index, guess in enumerate(_GUESSES, start=1):
        pose, _ = trajectory.sample(_PLACES[index] * trajectory.duration_s)
        seed = guess @ solved[:index]
        solution = kinematics.inverse(pose, seed, posture_step_rad=_POSTURE_STEP_RAD)
        if not solution.converged:
            return None
        solved[index] = solution.joint_positions
    fractions = np.minimum(times_s / trajectory.duration_s, 1.0)
    powers = np.vander(_travelled(fractions), len(_PLACES), increasing=True)
    return powers @ (_TO_POWERS @ solved)


def _solved(
    kinematics: Kinematics, joints: Vector, trajectory: PoseTrajectory, times_s: Vector
) -> Vector:
    """Return the path with inverse kinematics at each tick."""
    path = np.empty((len(times_s), 7))
    for index, time_s in enumerate(times_s):
        pose, _ = trajectory.sample(time_s)
        joints = path[index] = kinematics.inverse(pose, joints).joint_positions
    return path


def _travelled(fractions: Vector) -> Vector:
    """Return how far a minimum-jerk motion has come, 0..1, at fractions of its time."""
    travelled: Vector = fractions**3 * (10.0 + fractions * (6.0 * fractions - 15.0))
    return travelled


def _to_powers(places: Vector) -> Vector:
    """Return the matrix (n, n) from values at n places to coefficients of their polynomial."""
    return np.linalg.inv(np.vander(places, increasing=True)).astype(np.float64)


# Fractions of the time at which the arm is solved for; the path there is near Chebyshev's points.
_PLACES = np.array([0.0, 0.285, 0.5, 0.715, 1.0])
_TO_POWERS = _to_powers(_travelled(_PLACES))
# Each place starts from the polynomial through those before it, which is one iteration away.
_GUESSES = [
    _travelled(_PLACES[known]) ** np.arange(known) @ _to_powers(_travelled(_PLACES[:known]))
    for known in range(1, len(_PLACES))
]
