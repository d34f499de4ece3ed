"""Grippers behind ros2_control's gripper actions: Robotiq, Franka's `gripper_action`, others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rclpy.action import ActionClient
from sensor_msgs.msg import JointState

from jepa_wm_ros.nodes.grippers.goals import GripperGoals
from jepa_wm_ros.nodes.grippers.gripper import GripperWiring
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.gate import ClearedGrip


class ActionGripper(ABC):
    """Sends each target as a goal; a subclass writes the goal."""

    type_name: ClassVar[str]

    def __init__(self, wiring: GripperWiring) -> None:
        """Create the action client.

        Raises:
            MessageClassError: control_msgs is not installed, or too old.
        """
        self._wiring = wiring
        self._type = driver_interface(self.type_name)
        self._name = wiring.topic or 'gripper_cmd'
        self._client = ActionClient(wiring.node, self._type, self._name)
        self._goals = GripperGoals(wiring, _failure)

    def send(self, cleared: ClearedGrip) -> None:
        """Go there; the newest target wins."""
        self._goals.put(self._client, self.goal(self._wiring.codec.encode(cleared.closedness)))

    @abstractmethod
    def goal(self, position: float) -> Any:
        """Write a goal for a position in the driver's unit."""

    def obstacle(self) -> str:
        """Why commands would not reach the gripper: the action has no server."""
        if self._client.server_is_ready():
            return ''
        return (
            f'the action {self._name} of the gripper has no server: is its controller active, is '
            'its name right (parameter gripper_topic)? gripper_driver: none does without'
        )


class GripperCommandGripper(ActionGripper):
    """`control_msgs/GripperCommand`: controllers on Humble, and the Franka Hand.

    A Franka Hand takes half of its width here and answers with the whole width; we look at its
    flags and not at its position.
    """

    type_name = 'control_msgs/action/GripperCommand'

    def goal(self, position: float) -> Any:
        """Write a goal."""
        goal = self._type.Goal()
        goal.command.position = position
        goal.command.max_effort = self._wiring.effort
        return goal


class ParallelGripper(ActionGripper):
    """`control_msgs/ParallelGripperCommand`: controllers since Jazzy, such as for the Robotiq."""

    type_name = 'control_msgs/action/ParallelGripperCommand'

    def goal(self, position: float) -> Any:
        """Write a goal."""
        command = JointState(name=[self._wiring.joint], position=[position])
        command.effort = [self._wiring.effort]
        return self._type.Goal(command=command)


def _failure(result: Any) -> str:
    """Say what went wrong; fingers that are stopped by an object hold it, which is no failure."""
    if result.reached_goal or result.stalled:
        return ''
    return 'the gripper neither reached its goal nor holds anything'
