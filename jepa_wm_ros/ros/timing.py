"""How long the graph takes, measured on the wire from outside of it.

The time at which a message was published is the writer's own time stamp, which DDS sends along;
it does not contain how long the message waited for us. All processes share this machine's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_msgs.msg import Latent, Plan
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_stamp

if TYPE_CHECKING:
    from rclpy.node import Node

_NANOSECONDS = 1e-9
_QUEUE = 50


class WireTimes:
    """Collects delays from a running graph.

    Attributes:
        camera_to_latent_s: From the camera's time stamp to the publication of the latent [s].
        plan_to_first_command_s: From the end of planning to the first command of the motion [s].
    """

    def __init__(self, node: Node) -> None:
        """Listen with a node; works with the joint trajectory backend and the system clock."""
        self.camera_to_latent_s: list[float] = []
        self.plan_to_first_command_s: list[float] = []
        self._planned_s: float | None = None
        self._commands: list[float] = []
        # A callback with two arguments is also given the message's time stamps.
        node.create_subscription(Latent, 'latent', self._on_latent, qos.events())
        node.create_subscription(Plan, 'plan', self._on_plan, qos.events())
        commands = qos.sensor(depth=_QUEUE)
        node.create_subscription(JointTrajectory, 'joint_trajectory', self._on_command, commands)

    def _on_latent(self, message: Latent, info: dict[str, Any]) -> None:
        sent_s = info['source_timestamp'] * _NANOSECONDS
        self.camera_to_latent_s.append(sent_s - decode_stamp(message.header.stamp))

    def _on_plan(self, message: Plan, info: dict[str, Any]) -> None:
        self._planned_s = decode_stamp(message.header.stamp)
        # The first command may have overtaken the plan on its way to us.
        self._match()

    def _on_command(self, message: JointTrajectory, info: dict[str, Any]) -> None:
        self._commands.append(info['source_timestamp'] * _NANOSECONDS)
        del self._commands[:-_QUEUE]
        self._match()

    def _match(self) -> None:
        if self._planned_s is None:
            return
        later = [sent_s for sent_s in self._commands if sent_s >= self._planned_s]
        if later:
            self.plan_to_first_command_s.append(min(later) - self._planned_s)
            self._planned_s = None
