"""Waiting inside a coroutine of the executor, with a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.clock import Clock, ClockType

from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.node import Node
    from rclpy.task import Future


async def first_of(
    node: Node, futures: Sequence[Future], timeout_s: float | None = None
) -> Future | None:
    """Wait until one of several futures is resolved or cancelled, or time runs out.

    Args:
        node: Its executor runs the calling coroutine.
        futures: What to wait for; they are left untouched.
        timeout_s: Limit [s], on the steady clock (a paused simulation does not stretch it);
            None waits for ever.

    Returns:
        The first one that was resolved, the earlier one of several; None at a time-out.
    """
    for future in futures:
        if settled(future):
            return future
    gate = future_for(node.executor)

    def open_gate(_: object = None) -> None:
        if not gate.done():
            gate.set_result(None)

    for future in futures:
        future.add_done_callback(open_gate)
    timer = None
    if timeout_s is not None:
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        timer = node.create_timer(max(timeout_s, 0.001), open_gate, clock=clock)
    await gate  # never raises; a coroutine that is thrown away has nothing left to tidy
    if timer is not None:
        timer.cancel()
        node.destroy_timer(timer)
    for future in futures:
        _forget(future, open_gate)
    return next((future for future in futures if settled(future)), None)


async def wait_for(node: Node, future: Future, timeout_s: float) -> bool:
    """Wait until a future is resolved or cancelled, or time runs out.

    Args:
        node: Its executor runs the calling coroutine.
        future: What to wait for; it is left untouched at a time-out.
        timeout_s: Limit [s], on the steady clock.

    Returns:
        Whether the future was resolved or cancelled in time.
    """
    return await first_of(node, (future,), timeout_s) is future


def settled(future: Future) -> bool:
    """Whether a future has its result, its exception, or has been cancelled."""
    return bool(future.done() or future.cancelled())


def _forget(future: Future, callback: Callable[[object], None]) -> None:
    """Take a callback off again where rclpy can do that (Humble cannot; it stays, harmless)."""
    remove = getattr(future, 'remove_done_callback', None)
    if remove is not None:
        remove(callback)
