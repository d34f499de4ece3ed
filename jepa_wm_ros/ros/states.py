"""Asks managed nodes for their life-cycle state from outside."""

from __future__ import annotations

import time

import rclpy
from lifecycle_msgs.srv import GetState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

_PERIOD_S = 0.05
# A service can be ready before its way back is: such an answer never comes, so ask again.
_PATIENCE_S = 1.0
_AGAIN_S = 1.0


class StateWatch:
    """A node of its own that asks others; use it as a context manager.

    Args:
        nodes: Names of the nodes to ask.
        domain_id: DDS domain.
        namespace: Their namespace.
    """

    def __init__(self, nodes: list[str], domain_id: int, namespace: str = '') -> None:
        self._context = Context()
        options = SignalHandlerOptions.NO
        rclpy.init(
            args=[], context=self._context, domain_id=domain_id, signal_handler_options=options
        )
        self._node = rclpy.create_node(
            'state_watch',
            namespace=namespace,
            context=self._context,
            use_global_arguments=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._clients = {
            name: self._node.create_client(GetState, f'{name}/get_state') for name in nodes
        }
        self._answers: dict[str, tuple[Future, float]] = {}
        self._labels = dict.fromkeys(nodes, '')
        self._heard_s = dict.fromkeys(nodes, -_AGAIN_S)
        self._active: set[str] = set()

    def __enter__(self) -> StateWatch:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the graph."""
        self._node.destroy_node()
        self._executor.shutdown()
        self._context.try_shutdown()

    def not_active(self) -> list[str]:
        """Wait a moment; return the nodes that have not been seen active so far."""
        self.look()
        return [name for name in self._clients if name not in self._active]

    def look(self) -> dict[str, str]:
        """Wait a moment; return the newest known state of each node, empty before the first."""
        for name, client in self._clients.items():
            now = time.monotonic()
            if name in self._answers:
                self._hear(name)
            elif now - self._heard_s[name] >= _AGAIN_S and client.service_is_ready():
                self._answers[name] = client.call_async(GetState.Request()), now
        self._executor.spin_once(timeout_sec=_PERIOD_S)
        return dict(self._labels)

    def _hear(self, name: str) -> None:
        answer, asked_s = self._answers[name]
        if answer.done():
            self._note(name, answer.result().current_state.label)
        elif time.monotonic() - asked_s < _PATIENCE_S:
            return
        else:
            self._clients[name].remove_pending_request(answer)
        del self._answers[name]

    def _note(self, name: str, label: str) -> None:
        self._labels[name] = label
        if label == 'active':
            self._active.add(name)
            self._heard_s[name] = time.monotonic()
