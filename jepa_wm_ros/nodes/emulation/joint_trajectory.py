"""A joint_trajectory_controller: its topic, and its action where control_msgs is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.qos import qos_profile_system_default
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.nodes.emulation.goals import TimedAction
from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.nodes.sim_messages import read_points
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.sim.drivers.joint_trajectory import (
    JointTrajectoryController,
    TrajectoryCode,
    TrajectoryControllerSettings,
    TrajectoryRejectedError,
)
from jepa_wm_ros.sim.following import TrajectoryCommandError

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

_REASONS = {
    TrajectoryCode.PATH_TOLERANCE_VIOLATED: 'aborted: path tolerance violated',
    TrajectoryCode.GOAL_TOLERANCE_VIOLATED: 'aborted: goal time exceeded',
}


class TrajectoryFace:
    """The controller under its name, such as `fr3_arm_controller`."""

    def __init__(self, host: Host, name: str, settings: TrajectoryControllerSettings) -> None:
        """Create topic and action.

        Raises:
            MessageClassError: control_msgs is not installed.
        """
        self._host = host
        self.controller = JointTrajectoryController(settings)
        self._action = TimedAction(
            host.node,
            driver_interface('control_msgs/action/FollowJointTrajectory'),
            f'{name}/follow_joint_trajectory',
            accepts=self._accepts,
            begin=lambda goal: self._follow(goal.trajectory),
            cancel=lambda: self.controller.cancel(host.present_s()),
        )
        host.node.create_subscription(
            JointTrajectory, f'{name}/joint_trajectory', self._on_topic, qos_profile_system_default
        )

    def tick(self, stamp: Time) -> None:
        """End the goal under way when the controller has ended it."""
        code = self.controller.outcome
        if code is None or not self._action.busy:
            return
        result = self._action.kind.Result(error_code=int(code))
        result.error_string = _REASONS.get(code, '')
        self._action.end(code is TrajectoryCode.SUCCESSFUL, result)

    def _on_topic(self, message: JointTrajectory) -> None:
        if not self._host.node.active:
            return
        if self._action.busy:
            self._action.end(False, self._action.kind.Result())
        if not message.points:
            self.controller.cancel(self._host.present_s())
            return
        self._follow(message)

    def _accepts(self, goal: Any) -> bool:
        try:
            points = read_points(goal.trajectory)
            self.controller.check(
                goal.trajectory.joint_names, points, self._age_s(goal.trajectory)
            )
        except (TrajectoryRejectedError, TrajectoryCommandError) as error:
            self._host.node.report(error)
            return False
        return True

    def _follow(self, message: JointTrajectory) -> None:
        self.controller.follow(
            self._host.present_s(),
            message.joint_names,
            read_points(message),
            self._age_s(message),
        )

    def _age_s(self, message: JointTrajectory) -> float:
        """Return how long ago a trajectory began [s]; one without a stamp begins now."""
        stamp_s = decode_stamp(message.header.stamp)
        return now_s(self._host.node) - stamp_s if stamp_s else 0.0
