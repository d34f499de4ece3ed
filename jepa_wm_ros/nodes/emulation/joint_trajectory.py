"""A joint_trajectory_controller: its topic, and its action where control_msgs is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.qos import qos_profile_system_default
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.nodes.emulation.goals import ABORTED, GoalServer
from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.nodes.sim_messages import read_points
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.sim.drivers.joint_trajectory import (
    GoalEnd,
    JointTrajectoryController,
    Tolerances,
    TrajectoryCode,
    TrajectoryControllerSettings,
    TrajectoryRejectedError,
)
from jepa_wm_ros.sim.following import TrajectoryCommandError, Waypoint
from jepa_wm_ros.sim.pacing import Schedule

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

MONITOR_HZ = 20.0
"""How often the real one looks whether its goal has ended (`action_monitor_rate`)."""


class TrajectoryFace:
    """The controller under its name, such as `fr3_arm_controller`."""

    def __init__(self, host: Host, name: str, settings: TrajectoryControllerSettings) -> None:
        """Create topic and action.

        Raises:
            MessageClassError: control_msgs is not installed.
        """
        self._host = host
        self.controller = JointTrajectoryController(settings)
        self._monitor = Schedule(MONITOR_HZ)
        self._action = GoalServer(
            host.node,
            driver_interface('control_msgs/action/FollowJointTrajectory'),
            f'{name}/follow_joint_trajectory',
            accepts=self._accepts,
            begin=self._on_goal,
            cancel=lambda goal: self.controller.cancel(host.present_s(), goal),
        )
        host.node.create_subscription(
            JointTrajectory, f'{name}/joint_trajectory', self._on_topic, qos_profile_system_default
        )

    def tick(self, stamp: Time) -> None:
        """Tell clients of goals that have ended, as often as the real one looks."""
        if self._monitor.due(self._host.simulation.time_s):
            ends, self.controller.ends = self.controller.ends, []
            self._tell(ends)

    def _tell(self, ends: list[GoalEnd]) -> None:
        for end in ends:
            result = self._action.kind.Result(error_code=int(end.code), error_string=end.message)
            self._action.end(_id(end), int(end.outcome), result)

    def _accepts(self, goal: Any) -> bool:
        try:
            if not self.controller.active:
                raise TrajectoryRejectedError(
                    TrajectoryCode.INVALID_GOAL,
                    "Can't accept new action goals. Controller is not running.",
                )
            names, points, age_s = self._read(goal.trajectory)
            self.controller.check(names, points, age_s)
        except (TrajectoryRejectedError, TrajectoryCommandError) as error:
            self._host.node.report(error)
            return False
        return True

    def _on_goal(self, key: bytes, goal: Any) -> None:
        controller = self.controller
        now = self._host.present_s()
        try:
            names, points, age_s = self._read(goal.trajectory)
            controller.accept(now, key, names, points, age_s, self._tolerances(goal))
        except TrajectoryRejectedError as error:  # since it was looked at, its time has passed
            self._host.node.report(error)
            result = self._action.kind.Result(error_code=int(error.code), error_string=str(error))
            self._action.end(key, ABORTED, result)
        prompt = [end for end in controller.ends if end.prompt]
        controller.ends = [end for end in controller.ends if not end.prompt]
        self._tell(prompt)

    def _on_topic(self, message: JointTrajectory) -> None:
        if not self._host.node.active:
            return
        try:
            names, points, age_s = self._read(message)
            self.controller.follow(self._host.present_s(), names, points, age_s)
        except (TrajectoryRejectedError, TrajectoryCommandError) as error:
            self._host.node.report(error)

    def _read(self, message: JointTrajectory) -> tuple[list[str], list[Waypoint], float]:
        """Return names, points, and how long ago it began [s]; without a stamp it begins now.

        Raises:
            TrajectoryCommandError: A point has not the numbers that it must have.
        """
        count = len(message.joint_names)
        for point in message.points:
            if len(point.accelerations) not in (0, count) or len(point.effort):
                raise TrajectoryCommandError(
                    'a trajectory point has efforts, or not an acceleration for each joint'
                )
        stamp_s = decode_stamp(message.header.stamp)
        age_s = now_s(self._host.node) - stamp_s if stamp_s else 0.0
        return list(message.joint_names), read_points(message), age_s

    def _tolerances(self, goal: Any) -> Tolerances:
        time = goal.goal_time_tolerance
        return self.controller.settings.tolerances.asked_for(
            self.controller.settings.joints,
            [(entry.name, entry.position) for entry in goal.path_tolerance],
            [(entry.name, entry.position) for entry in goal.goal_tolerance],
            time.sec + time.nanosec * 1e-9,
        )


def _id(end: GoalEnd) -> bytes:
    assert isinstance(end.goal, bytes), 'goals are named by their ids here'
    return end.goal
