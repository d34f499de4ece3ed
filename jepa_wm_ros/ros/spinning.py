"""The main loop of a process that hosts nodes: signals, errors, an orderly end."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING

from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.environment import EnvironmentMistake
from jepa_wm_ros.ros.joining import is_of_ros, join, one_line
from jepa_wm_ros.ros.parameter_checks import check_given, check_reached, given_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from rclpy.context import Context
    from rclpy.executors import Executor

    from jepa_wm_ros.ros.lifecycle import ManagedNode

    NodeFactory = Callable[[Context, Executor], Sequence[ManagedNode]]

_PERIOD_S = 0.05
_FAREWELL_S = 2.0
_LAST_ROUNDS_S = 0.2


class StopRequest:
    """Remembers that SIGINT or SIGTERM came; the loop looks at it.

    rclpy's own signal handler would invalidate the context at once, and no last command could
    be sent any more.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def restore(self) -> None:
        """Put the former signal handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def spin(factory: NodeFactory, args: list[str] | None = None) -> int:
    """Host nodes until SIGINT, SIGTERM, or an error that must end the process.

    The nodes' `autostart` parameter decides whether they are configured and activated here.
    At the end they are deactivated (last node first: each sends its last safe command), may
    still send results for two seconds, and are shut down.

    Args:
        factory: Makes the nodes of this process from the context and the executor.
        args: Command line with ROS arguments; `sys.argv` when None.

    Returns:
        Exit code: 0 after a signal, 1 after an error (which has been logged), 2 when ROS cannot
        start in this environment.
    """
    given = given_parameters(sys.argv if args is None else args)
    try:
        check_given(given)
        context = join(args)
    except JepaWmError as error:
        print(f'jepa_wm_ros: {error}', file=sys.stderr)
        return error.exit_code
    stop = StopRequest()
    executor = SingleThreadedExecutor(context=context)
    nodes: list[ManagedNode] = []
    try:
        nodes.extend(factory(context, executor))
        check_reached(given, _declared(nodes))
        for node in nodes:
            executor.add_node(node)
        if not all(stop.requested or autostart(node) for node in nodes):
            return 1
        with _heap_frozen():
            while not stop.requested and context.ok():
                executor.spin_once(timeout_sec=_PERIOD_S)
                if any(node.failure for node in nodes):
                    return 1
    except JepaWmError as error:
        get_logger('jepa_wm_ros').fatal(str(error))
        return 1
    except Exception as error:
        if is_of_ros(error) and not nodes:
            get_logger('jepa_wm_ros').fatal(f'ROS does not start: {one_line(error)}')
            return EnvironmentMistake.exit_code
        # guarded callbacks have told their story already; this is for everything else
        if not any(node.failure for node in nodes):
            get_logger('jepa_wm_ros').fatal(f'unexpected error:\n{traceback.format_exc()}')
        return 1
    finally:
        finish(nodes, executor)
        context.try_shutdown()
        stop.restore()
    return 0


def _declared(nodes: Sequence[ManagedNode]) -> dict[str, list[str]]:
    """The parameters of nodes, by name of the node."""
    return {
        node.get_fully_qualified_name(): list(node.get_parameters_by_prefix('')) for node in nodes
    }


@contextlib.contextmanager
def _heap_frozen() -> Iterator[None]:
    """Have the garbage collector leave alone what was made so far: it lives as long as we do.

    To look through all of it takes tens of milliseconds, in which no command is sent.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def autostart(node: ManagedNode) -> bool:
    """Configure and activate a node if its `autostart` parameter says so.

    Returns:
        False when a transition failed.
    """
    if not node.get_parameter('autostart').value:
        return True
    success = TransitionCallbackReturn.SUCCESS
    return bool(node.trigger_configure() == success and node.trigger_activate() == success)


def finish(
    nodes: Sequence[ManagedNode], executor: Executor, timeout_s: float = _FAREWELL_S
) -> None:
    """Bring nodes to their end, whatever state they are in.

    Args:
        nodes: In order of creation; they end in reverse order.
        executor: Their executor, which is shut down.
        timeout_s: How long results of actions may take to leave [s].
    """
    for node in reversed(nodes):
        if node.active:
            node.trigger_deactivate()
    if any(node.owing for node in nodes):
        _spin_while(executor, lambda: any(node.owing for node in nodes), timeout_s)
        # what ended last has left its result with rclpy, which sends it in the next rounds
        _spin_while(executor, lambda: True, _LAST_ROUNDS_S)
    for node in reversed(nodes):
        if node.state != 'finalized':
            node.trigger_shutdown()
        node.destroy_node()
    executor.shutdown()


def _spin_while(executor: Executor, condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while condition() and time.monotonic() < deadline:
        try:
            executor.spin_once(timeout_sec=_PERIOD_S)
        except Exception:
            get_logger('jepa_wm_ros').error(f'while stopping:\n{traceback.format_exc()}')
