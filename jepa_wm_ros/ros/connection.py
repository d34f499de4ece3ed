"""A connection to a running graph, for programs outside of it.

It spins a node of its own on a thread of its own; what asks and waits blocks the caller and can be
interrupted with Ctrl-C at any time.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

import rclpy
from rclpy.action import ActionClient
from rclpy.exceptions import InvalidHandle
from rclpy.executors import SingleThreadedExecutor

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.background import BackgroundSpin
from jepa_wm_ros.ros.joining import join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rclpy.task import Future

PATIENCE_S = 10.0
"""How long servers may take to be found and to answer [s]; discovery alone may take several."""
LOOK_S = 0.1
GONE_S = 2.0
_CLOSED = 'the connection to the graph has been closed'

Connection = TypeVar('Connection', bound='GraphConnection')


class GraphError(JepaWmError):
    """The graph is not there, refuses, or does not answer."""


class GraphConnection:
    """A node of ours in somebody else's graph.

    Args:
        domain_id: DDS domain; the environment's (`ROS_DOMAIN_ID`) when None.
        namespace: Namespace of the graph.
        watch: Called again and again while something is awaited; raises to end the waiting, for
            example because a process of the graph died.
        patience_s: How long servers may take to be found and to answer [s].

    Attributes:
        node: Ours, for further subscriptions.
        namespace: As given.
        watch: As given.
        patience_s: As given.
    """

    def __init__(
        self,
        *,
        domain_id: int | None = None,
        namespace: str = '',
        watch: Callable[[], None] = lambda: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.watch, self.namespace, self.patience_s = watch, namespace, patience_s
        self._context = join(domain_id=domain_id)
        self.node = rclpy.create_node(
            'jepa_wm_client',
            namespace=namespace,
            context=self._context,
            use_global_arguments=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._spin = BackgroundSpin(self._executor, 'graph-client')

    def begin(self) -> None:
        """Begin to spin, when all entities have been made."""
        self._spin.start()

    def __enter__(self: Connection) -> Connection:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def domain_id(self) -> int:
        """DDS domain of the graph."""
        return int(self._context.get_domain_id())

    def start(self, send: Callable[[], Future]) -> Future:
        """Send from the connection's thread, and return what will be the answer.

        From here it would race with that thread: rclpy drops an answer that arrives before the
        request has been noted ("Ignoring unexpected goal response").

        Raises:
            GraphError: The connection has been closed.
        """
        if self._spin.ended:
            raise GraphError(_CLOSED)
        sent = threading.Event()
        task = self._executor.create_task(send)
        task.add_done_callback(lambda _: sent.set())
        if not sent.wait(self.patience_s):
            raise GraphError(_CLOSED)
        return task.result()

    def close(self) -> None:
        """End the thread and leave the graph."""
        if not self._spin.end():
            return
        # all of it, or DDS keeps its threads and sockets until Python collects its garbage
        for waitable in list(self.node.waitables):
            if isinstance(waitable, ActionClient):
                waitable.destroy()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _call(self, client: Any, request: Any, name: str, timeout_s: float | None = None) -> Any:
        self._find(client.service_is_ready, f'service {name}')
        limit_s = self.patience_s if timeout_s is None else timeout_s
        sent = self.start(lambda: client.call_async(request))
        return self._wait(sent, name, limit_s, client.service_is_ready)

    def _ask(self, send: Callable[[], Future], name: str) -> Any:
        """Send something and wait for the answer."""
        return self._wait(self.start(send), name, self.patience_s)

    def _find(self, ready: Callable[[], bool], name: str) -> None:
        """Wait until somebody serves; what is sent before is lost."""
        self._await_all({name: ready}, self.patience_s)

    def _await_all(self, ready: Mapping[str, Callable[[], bool]], timeout_s: float) -> None:
        """Wait until all of some servers are there.

        Raises:
            GraphError: Something is still missing; the message names it.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            late = time.monotonic() > deadline  # before looking: the machine may have slept
            missing = [name for name, there in ready.items() if not self._asked(there)]
            if not missing:
                return
            self.watch()
            if late:
                raise GraphError(
                    f'no {" and no ".join(missing)} within {timeout_s:g} s on DDS domain '
                    f'{self.domain_id}, namespace /{self.namespace.strip("/")}; is the graph '
                    'running, in this ROS_DOMAIN_ID and namespace?'
                )
            time.sleep(LOOK_S)

    def _asked(self, question: Callable[[], bool]) -> bool:
        """Ask something of an entity of ours.

        Raises:
            GraphError: The connection has been closed.
        """
        try:
            return question()
        except InvalidHandle as error:
            raise GraphError(_CLOSED) from error

    def _wait(
        self,
        future: Future,
        name: str,
        timeout_s: float,
        alive: Callable[[], bool] = lambda: True,
    ) -> Any:
        """Wait for an answer, as long as who gives it is there."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        now = seen = time.monotonic()
        deadline = now + timeout_s
        while not done.wait(LOOK_S):
            self.watch()
            now = time.monotonic()
            seen = now if self._asked(alive) else seen
            if now - seen > GONE_S:
                raise GraphError(f'who serves {name} has gone away; did its process die?')
            if now > deadline:
                raise GraphError(f'{name} did not answer within {timeout_s:g} s')
        return future.result()
