"""What all backends share that stream set-points on a topic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rclpy.duration import Duration

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedRoute
from jepa_wm_ros.ros import qos


class StreamingBackend(ABC):
    """Publishes one message for each set-point; a subclass writes the message."""

    moves = True
    plays_routes = False
    own_publishers = 1
    message_type: ClassVar[Any]
    default_topic: ClassVar[str]

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher."""
        self._wiring = wiring
        self._publisher = wiring.node.create_lifecycle_publisher(
            self.message_type, wiring.command_topic or self.default_topic, qos.latest()
        )

    @property
    def topic(self) -> str | None:
        """The command topic."""
        return str(self._publisher.topic_name)

    def play(self, cleared: ClearedRoute) -> None:
        """Do nothing with it: every set-point is sent at its time."""
        del cleared

    def send(self, cleared: ClearedCommand) -> None:
        """Publish the set-point."""
        self._publisher.publish(self.encode(cleared))

    @abstractmethod
    def encode(self, cleared: ClearedCommand) -> Any:
        """Write the message of a set-point."""

    def obstacle(self) -> str:
        """Why commands would not reach the arm: nobody listens."""
        if self._publisher.get_subscription_count():
            return ''
        return (
            f'nobody listens on {self.topic}: is the controller active '
            '(ros2 control list_controllers), is its name right (parameter command_topic)?'
        )

    def delivered(self) -> bool:
        """Whether all reliable listeners have got the last command."""
        return bool(self._publisher.wait_for_all_acked(Duration(nanoseconds=0)))
