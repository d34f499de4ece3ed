"""Waiting inside a coroutine of the executor, with a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.clock import Clock, ClockType

from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.task import Future


async def wait_for(node: Node, future: Future, timeout_s: float) -> bool:
    """Wait until a future is resolved or cancelled, or time runs out.

    Args:
        node: Its executor runs the calling coroutine.
        future: What to wait for; it is left untouched at a time-out.
        timeout_s: Limit [s], on the steady clock (a paused simulation does not stretch it).

    Returns:
        Whether the future was resolved or cancelled in time.
    """
    gate = future_for(node.executor)

    def open_gate(done: bool) -> None:
        if not gate.done():
            gate.set_result(done)

    future.add_done_callback(lambda _: open_gate(True))
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    timer = node.create_timer(max(timeout_s, 0.001), lambda: open_gate(False), clock=clock)
    try:
        return bool(await gate)
    finally:
        timer.cancel()
        node.destroy_timer(timer)
