"""Somebody else at the same controller, in a process of his own: for `jepa-wm bench faults`.

As an operator with MoveIt or a terminal would, it sends the controller a goal, cancels all goals,
or switches the command type of MoveIt Servo; a service each makes it do so.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

import rclpy
from action_msgs.srv import CancelGoal
from builtin_interfaces.msg import Duration
from rclpy.action import ActionClient
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.ros.faults.graphs import CANCEL_GOALS, SEND_GOAL, SWITCH_SERVO

if TYPE_CHECKING:
    from collections.abc import Callable

_ARM_JOINTS = 7
_TURN_RAD = 0.25
_TURN_S = 1
_JOINT_JOG = 0


class Rival(Node):
    """Commands the arm, too."""

    def __init__(self) -> None:
        """Create the clients, and the services that make it act."""
        super().__init__('rival')
        parameter = self.declare_parameter('action', 'fr3_arm_controller/follow_joint_trajectory')
        self._type = driver_interface('control_msgs/action/FollowJointTrajectory')
        self._client = ActionClient(self, self._type, str(parameter.value))
        self._cancel = self.create_client(CancelGoal, f'{parameter.value}/_action/cancel_goal')
        self._command_type = driver_interface('moveit_msgs/srv/ServoCommandType')
        self._servo = self.create_client(self._command_type, 'servo_node/switch_command_type')
        self._joints = JointState()
        self.create_subscription(
            JointState, 'joint_states', self._on_joints, qos_profile_sensor_data
        )
        deeds = {
            SEND_GOAL: self._send_goal,
            CANCEL_GOALS: self._cancel_goals,
            SWITCH_SERVO: self._switch_servo,
        }
        for name, deed in deeds.items():
            self.create_service(Trigger, name, self._answering(deed))

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _answering(
        self, deed: Callable[[], bool]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def callback(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.message = str(time.time())  # the moment at which it acts
            response.success = deed()
            return response

        return callback

    def _send_goal(self) -> bool:
        """Turn the arm about its first joint."""
        names, positions = self._joints.name[:_ARM_JOINTS], self._joints.position[:_ARM_JOINTS]
        if len(names) < _ARM_JOINTS or not self._client.server_is_ready():
            return False
        positions[0] -= _TURN_RAD
        point = JointTrajectoryPoint(
            positions=positions,
            velocities=[0.0] * _ARM_JOINTS,
            time_from_start=Duration(sec=_TURN_S),
        )
        trajectory = JointTrajectory(joint_names=names, points=[point])
        self._client.send_goal_async(self._type.Goal(trajectory=trajectory))
        return True

    def _cancel_goals(self) -> bool:
        """Cancel all goals: a request without an id and a time asks for that."""
        if not self._cancel.service_is_ready():
            return False
        self._cancel.call_async(CancelGoal.Request())
        return True

    def _switch_servo(self) -> bool:
        """Have Servo take jogs of joints only."""
        if not self._servo.service_is_ready():
            return False
        self._servo.call_async(self._command_type.Request(command_type=_JOINT_JOG))
        return True


def main(arguments: list[str]) -> int:
    """Run it until it is stopped."""
    rclpy.init(args=['rival', *arguments])
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Rival())
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
