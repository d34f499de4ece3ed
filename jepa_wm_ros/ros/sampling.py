"""Looking at a fast topic now and then, without being woken by each of its messages."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup


class Gate(CallbackGroup):
    """Lets one callback through each time that it is opened; a group for one subscription.

    While it is closed, the executor does not wait for the subscription, and the middleware keeps
    the newest messages (as many as the depth of its QoS). A display that looks five times a second
    at joint states of a kilohertz costs as much as at five hertz.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open = False

    def open(self) -> None:
        """Let the next message through: the newest that waits, or the next that comes."""
        self._open = True

    def can_execute(self, entity: Any) -> bool:
        """Whether the executor may wait for the subscription."""
        return self._open

    def beginning_execution(self, entity: Any) -> bool:
        """Close behind the one that passes."""
        passed, self._open = self._open, False
        return passed

    def ending_execution(self, entity: Any) -> None:
        """Nothing is left to do."""
