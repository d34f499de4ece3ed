"""Set-points as short joint trajectories, for ros2_control's joint_trajectory_controller."""

from __future__ import annotations

from array import array

import numpy as np
from builtin_interfaces.msg import Duration as DurationMessage
from numpy.typing import NDArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.other_goals import (
    CONTROLLER_ACTION,
    CONTROLLER_TOPIC,
    OtherGoals,
    sibling,
)
from jepa_wm_ros.nodes.backends.streaming import StreamingBackend
from jepa_wm_ros.robot.gate import ClearedCommand


class JointTrajectoryBackend(StreamingBackend):
    """Publishes `joint_trajectory`: the set-point, and how to come to rest after it.

    Positions and velocities make the controller's spline smooth. The second point is reached only
    when no further command comes: the arm then brakes instead of stopping dead, and controllers
    that refuse a trajectory which does not end at rest (the default since Jazzy) accept it.
    """

    message_type = JointTrajectory
    default_topic = 'joint_trajectory'

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher; watch who else commands the controller by its action."""
        super().__init__(wiring)
        self._names = list(wiring.joint_names)
        action = sibling(str(self.topic), CONTROLLER_TOPIC, CONTROLLER_ACTION)
        self._others = None if action is None else OtherGoals(wiring.node, action, wiring.complain)

    def obstacle(self) -> str:
        """Why commands would not reach the arm: nobody listens, or somebody else's goal."""
        return super().obstacle() or ('' if self._others is None else self._others.others())

    def encode(self, cleared: ClearedCommand) -> JointTrajectory:
        """Write the points. The stamp stays zero, which means: begin now."""
        wiring, command = self._wiring, cleared.command
        q, v = command.joint_positions, command.joint_velocities
        due_s = wiring.hold_time_s if command.hold else wiring.lookahead_s
        points = [trajectory_point(due_s, q, v)]
        if np.any(v):
            rest_s = due_s + wiring.brake_time_s
            points.append(trajectory_point(rest_s, cleared.rest, np.zeros_like(v)))
        return JointTrajectory(joint_names=self._names, points=points)


def trajectory_point(
    due_s: float, positions: NDArray[np.float64], velocities: NDArray[np.float64]
) -> JointTrajectoryPoint:
    """Write a point: joint positions [rad] and velocities [rad/s] at a time [s]."""
    nanoseconds = round(due_s * 1e9)
    point = JointTrajectoryPoint()
    point.positions = array('d', positions)
    point.velocities = array('d', velocities)
    point.time_from_start = DurationMessage(
        sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000
    )
    return point
