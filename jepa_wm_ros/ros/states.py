"""Asks managed nodes for their life-cycle state from outside."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.srv import GetState

from jepa_wm_ros.ros.connection import GraphConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rclpy.task import Future

_PERIOD_S = 0.05
# A service can be ready before its way back is: such an answer never comes, so ask again.
_AGAIN_S = 1.0


class StatePoll:
    """Asks the nodes of a graph for their states, again and again, and waits for none of them.

    Args:
        connection: To the graph; its thread takes the answers.
    """

    def __init__(self, connection: GraphConnection) -> None:
        self._connection = connection
        self._asking: dict[str, tuple[Any, Future | None, float]] = {}
        self._labels: dict[str, str] = {}

    def look(self, names: Iterable[str]) -> dict[str, str]:
        """Return what some nodes have said last, empty before their first answer."""
        for name in names:
            self._inquire(name)
        return {name: self._labels.get(name, '') for name in names}

    def _inquire(self, name: str) -> None:
        """Note a node's answer, or ask: at once while it is not active, else now and then."""
        now_s = time.monotonic()
        client, answer, asked_s = self._asking.get(name) or (self._client(name), None, -math.inf)
        if answer is not None and answer.done():
            self._labels[name], answer = answer.result().current_state.label, None
        waits = answer is not None or self._labels.get(name) == 'active'
        if (not waits or now_s - asked_s >= _AGAIN_S) and client.service_is_ready():
            if answer is not None:
                client.remove_pending_request(answer)
            answer = self._connection.start(lambda: client.call_async(GetState.Request()))
            asked_s = now_s
        self._asking[name] = client, answer, asked_s

    def _client(self, name: str) -> Any:
        return self._connection.node.create_client(GetState, f'{name}/get_state')


class StateWatch(GraphConnection):
    """Watches the states of some nodes; use it as a context manager.

    Args:
        nodes: Names of the nodes to ask.
        domain_id: DDS domain.
        namespace: Their namespace.
    """

    def __init__(self, nodes: Sequence[str], domain_id: int, namespace: str = '') -> None:
        super().__init__(domain_id=domain_id, namespace=namespace)
        self._nodes, self._poll = tuple(nodes), StatePoll(self)
        self._active: set[str] = set()
        self.begin()

    def not_active(self) -> list[str]:
        """Wait a moment; return the nodes that have not been seen active so far."""
        time.sleep(_PERIOD_S)
        self.look()
        return [name for name in self._nodes if name not in self._active]

    def look(self) -> dict[str, str]:
        """Return the newest known state of each node, empty before the first; waits for none."""
        labels = self._poll.look(self._nodes)
        self._active |= {name for name, label in labels.items() if label == 'active'}
        return labels
