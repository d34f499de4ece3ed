"""What the action publisher hears from people: may it move, and how fast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Float64

from jepa_wm_ros.robot.robot_mode import spoken_mode
from jepa_wm_ros.ros import qos

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.safety_config import SafetyConfig
    from jepa_wm_ros.robot.execution import ArmExecutor
    from jepa_wm_ros.ros.lifecycle import ManagedNode


class OperatorWatch:
    """Passes switches and the speed slider on to the executor and its supervisor."""

    def __init__(self, node: ManagedNode, config: SafetyConfig, arm: ArmExecutor) -> None:
        """Subscribe; the speed begins with what the configuration says."""
        self._arm = arm
        self._button = config.deadman_button
        arm.override_speed(config.speed_override)
        node.create_subscription(Bool, 'robot_ready', self._on_ready, qos.sensor())
        node.create_subscription(Float64, 'speed_override', self._on_override, qos.sensor())
        node.create_subscription(Bool, 'deadman', self._on_deadman, qos.sensor())
        if self._button >= 0:
            node.create_subscription(Joy, 'joy', self._on_joy, qos.sensor())

    def _on_ready(self, message: Bool) -> None:
        mode = spoken_mode(message.data)
        self._arm.supervisor.robot_mode(mode, time.monotonic(), source='robot_ready')

    def _on_override(self, message: Float64) -> None:
        self._arm.override_speed(message.data)

    def _on_deadman(self, message: Bool) -> None:
        self._arm.supervisor.deadman_seen(time.monotonic(), pressed=message.data)

    def _on_joy(self, message: Joy) -> None:
        pressed = self._button < len(message.buttons) and bool(message.buttons[self._button])
        self._arm.supervisor.deadman_seen(time.monotonic(), pressed=pressed)
