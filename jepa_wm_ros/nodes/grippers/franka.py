"""The Franka Hand by its own actions: `move` opens, `grasp` closes with a force."""

from __future__ import annotations

from typing import Any

from rclpy.action import ActionClient

from jepa_wm_ros.nodes.grippers.goals import GripperGoals
from jepa_wm_ros.nodes.grippers.gripper import GripperWiring
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.gate import ClearedGrip
from jepa_wm_ros.robot.gripper import GripperCodec

_CODEC = GripperCodec.preset('franka_hand_width')
_ANY_WIDTH_M = 0.08
"""Tolerance of a grasp [m]: whatever is between the fingers counts as grasped."""


class FrankaGripper:
    """Opens with `move` and closes with `grasp`, both in metres of the whole width.

    `move` would fail on an object between the fingers, and would not press on it.
    """

    def __init__(self, wiring: GripperWiring) -> None:
        """Create the action clients.

        Raises:
            MessageClassError: franka_msgs is not installed.
        """
        self._wiring = wiring
        self._move = driver_interface('franka_msgs/action/Move')
        self._grasp = driver_interface('franka_msgs/action/Grasp')
        self._name = wiring.topic or 'franka_gripper'
        self._mover = ActionClient(wiring.node, self._move, f'{self._name}/move')
        self._grasper = ActionClient(wiring.node, self._grasp, f'{self._name}/grasp')
        self._goals = GripperGoals(wiring, _failure)
        self._width_m = _CODEC.open_value

    def send(self, cleared: ClearedGrip) -> None:
        """Go to a width; the newest target wins."""
        width, speed = _CODEC.encode(cleared.closedness), self._wiring.speed_m_s
        if width < self._width_m:
            goal: Any = self._grasp.Goal(width=width, speed=speed, force=self._wiring.force_n)
            goal.epsilon.inner = goal.epsilon.outer = _ANY_WIDTH_M
            self._goals.put(self._grasper, goal)
        else:
            self._goals.put(self._mover, self._move.Goal(width=width, speed=speed))
        self._width_m = width

    def obstacle(self) -> str:
        """Why commands would not reach the gripper: its node is not there."""
        if self._mover.server_is_ready() and self._grasper.server_is_ready():
            return ''
        return (
            f'the actions {self._name}/move and /grasp have no server: was the driver started '
            'with load_gripper:=true, is its name right (parameter gripper_topic)? '
            'gripper_driver: none does without'
        )


def _failure(result: Any) -> str:
    """Say what went wrong."""
    return '' if result.success else f'the Franka Hand failed: {result.error or "no reason given"}'
