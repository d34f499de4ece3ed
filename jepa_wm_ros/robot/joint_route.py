"""A whole motion in joint space: what a controller gets that plays trajectories by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from jepa_wm_ros.robot.kinematics import IkSolution
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.robot.trajectory import Trajectory


class RouteError(JepaWmError):
    """A motion leaves what the arm can reach."""


@dataclass(frozen=True, slots=True, eq=False)
class RoutePoint:
    """Where the joints are at one time of a motion.

    Attributes:
        time_s: After the beginning [s].
        positions: `(7,)` [rad].
        velocities: `(7,)` [rad/s].
    """

    time_s: float
    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]


def joint_route(
    solve: Callable[[float, Pose, NDArray[np.float64], float], IkSolution],
    trajectory: Trajectory,
    joints: NDArray[np.float64],
    *,
    velocities: NDArray[np.float64],
    posture_speed_rad_s: float,
    period_s: float = 0.02,
) -> list[RoutePoint]:
    """Solve a motion of the flange for the joints.

    Args:
        solve: Inverse kinematics: the time [s], the flange pose then, joint positions to start
            from `(7,)` [rad], and how far the elbow may move towards its posture [rad].
        trajectory: The motion; it ends at rest.
        joints: `(7,)` positions in which it begins [rad].
        velocities: `(7,)` speeds with which it begins [rad/s].
        posture_speed_rad_s: How fast the elbow returns to its posture [rad/s].
        period_s: Longest time between two points [s].

    Returns:
        The points after the beginning; the last one is at rest.

    Raises:
        RouteError: A point cannot be reached.
    """
    count = max(1, math.ceil(trajectory.duration_s / period_s - 1e-6))
    step_s = trajectory.duration_s / count
    solved = [joints]
    for number in range(1, count + 1):
        time_s = number * step_s
        pose, _ = trajectory.sample(time_s)
        solution = solve(time_s, pose, solved[-1], posture_speed_rad_s * step_s)
        if not solution.converged:
            raise RouteError(f'{time_s:.2f} s into the motion: {solution.reason}')
        solved.append(solution.joint_positions)
    path = np.array(solved)
    speeds = np.empty_like(path)
    speeds[0], speeds[-1] = velocities, 0.0
    speeds[1:-1] = (path[2:] - path[:-2]) / (2.0 * step_s)
    return [RoutePoint(n * step_s, path[n], speeds[n]) for n in range(1, count + 1)]
