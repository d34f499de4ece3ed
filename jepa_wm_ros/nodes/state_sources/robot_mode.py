"""Hearing from a Franka whether it may be moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.serialization import deserialize_message

from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.robot_mode import RobotMode, franka_mode
from jepa_wm_ros.ros import qos

if TYPE_CHECKING:
    from jepa_wm_ros.ros.lifecycle import ManagedNode

PERIOD_S = 0.02
"""How often a message is looked into [s]."""


class FrankaModeSource:
    """Reads mode, errors and collisions from `FrankaRobotState`.

    The driver publishes its large state a thousand times a second. Taking it as bytes and looking
    into one of twenty keeps that from costing a core.
    """

    def __init__(
        self, node: ManagedNode, topic: str, on_mode: Callable[[RobotMode], object]
    ) -> None:
        """Subscribe.

        Args:
            node: Creates the subscription.
            topic: The driver's state.
            on_mode: Gets the mode each time that it was looked at.

        Raises:
            MessageClassError: franka_msgs is not installed.
        """
        self._type = driver_interface('franka_msgs/msg/FrankaRobotState')
        self._fields = tuple(
            driver_interface('franka_msgs/msg/Errors').get_fields_and_field_types()
        )
        self._on_mode = on_mode
        self._looked_s = -PERIOD_S
        node.create_subscription(self._type, topic, self._on_bytes, qos.sensor(), raw=True)

    def _on_bytes(self, data: bytes) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s < PERIOD_S:
            return
        self._looked_s = now_s
        self._on_mode(self._mode(deserialize_message(data, self._type)))

    def _mode(self, state: Any) -> RobotMode:
        errors = [name for name in self._fields if getattr(state.current_errors, name)]
        touched = state.collision_indicators
        sides = (touched.is_cartesian_linear_collision, touched.is_cartesian_angular_collision)
        collision = any(touched.is_joint_collision) or any(
            side.x or side.y or side.z for side in sides
        )
        return franka_mode(state.robot_mode, errors, collision=bool(collision))
