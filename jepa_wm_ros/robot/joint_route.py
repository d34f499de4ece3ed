"""A whole motion in joint space: what a controller gets that plays trajectories by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.motion import RoutePoint

if TYPE_CHECKING:
    from jepa_wm_ros.robot.gate import CommandGate
    from jepa_wm_ros.robot.kinematics import IkSolution
    from jepa_wm_ros.robot.plan_motion import ArmKinematics, PlanMotion, Start
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.robot.trajectory import Trajectory


_SHORTEST_S = 1e-3


class RouteError(JepaWmError):
    """A motion leaves what the arm can reach."""


def joint_route(
    solve: Callable[[float, Pose, NDArray[np.float64], float], IkSolution],
    trajectory: Trajectory,
    joints: NDArray[np.float64],
    *,
    velocities: NDArray[np.float64],
    begin_s: float = 0.0,
    pace: float = 1.0,
    period_s: float = 0.02,
) -> list[RoutePoint]:
    """Solve the rest of a motion of the flange for the joints.

    Args:
        solve: Inverse kinematics: the time [s], the flange pose then, joint positions to start
            from `(7,)` [rad], and how far the elbow may move towards its posture [rad].
        trajectory: The motion; it ends at rest.
        joints: `(7,)` positions in which the rest begins [rad].
        velocities: `(7,)` speeds with which it begins [rad/s].
        begin_s: How much of the motion is behind [s].
        pace: Part of its speed at which it runs, above 0 .. 1.
        period_s: Longest time of the motion between two points [s].

    Returns:
        The points after the beginning, whose times count from there; the last one is at rest.

    Raises:
        RouteError: A point cannot be reached.
    """
    left_s = max(trajectory.duration_s - begin_s, 0.0)
    count = max(1, math.ceil(left_s / period_s - 1e-6))
    step_s = max(left_s / count, _SHORTEST_S)
    solved = [joints]
    for number in range(1, count + 1):
        time_s = min(begin_s + number * step_s, trajectory.duration_s)
        pose, _ = trajectory.sample(time_s)
        # The elbow stays: where it would go depends on when each set-point is made.
        solution = solve(time_s, pose, solved[-1], 0.0)
        if not solution.converged:
            raise RouteError(f'{time_s:.2f} s into the motion: {solution.reason}')
        solved.append(solution.joint_positions)
    path, step_s = np.array(solved), step_s / pace
    speeds = np.empty_like(path)
    speeds[0], speeds[-1] = velocities, 0.0
    speeds[1:-1] = (path[2:] - path[:-2]) / (2.0 * step_s)
    return [RoutePoint(n * step_s, path[n], speeds[n]) for n in range(1, count + 1)]


class RoutePlayer:
    """Hands the routes of motions to a controller that plays them by itself, if there is one."""

    def __init__(self, kinematics: ArmKinematics, gate: CommandGate) -> None:
        """Play through a gate; it knows whether the controller plays."""
        self._kinematics, self._gate = kinematics, gate

    def follow(self, motion: PlanMotion, start: Start, pace: float) -> str:
        """Have the rest of a motion played from a start at a part 0..1 of its speed.

        Returns:
            Why it cannot be played; empty when it is, or when nobody plays.
        """
        if not self._gate.plays:
            return ''
        if pace == 0.0:
            self._gate.play_stop()
            return ''
        try:
            route = joint_route(
                partial(motion.solve, self._kinematics),
                motion.trajectory,
                start.joint_positions,
                velocities=start.joint_velocities,
                begin_s=motion.time_s,
                pace=pace,
            )
        except RouteError as error:
            return str(error)
        return self._gate.play(route, start.joint_positions)
