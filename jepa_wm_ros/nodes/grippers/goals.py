"""One gripper goal at a time: the newest target waits until the one under way has ended.

Gripper drivers differ in what a second goal does to the first (a Franka Hand moves twice at once
and fails). So the goal under way is cancelled, and the newest target follows when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionClient

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.grippers.gripper import GripperWiring

_SUCCEEDED, _CANCELED = 4, 5  # action_msgs/GoalStatus

# A client and the goal for it.
Order = tuple[ActionClient, Any]


class GripperGoals:
    """Sends goals, latest only."""

    def __init__(self, wiring: GripperWiring, failed: Callable[[Any], str]) -> None:
        """Begin without a goal.

        Args:
            wiring: Of the gripper; hears about goals that were rejected or failed.
            failed: Says what a result means for people; '' when it counts as a success.
        """
        self._wiring, self._failed = wiring, failed
        self._next: Order | None = None
        self._busy = False
        self._handle: Any = None

    def put(self, client: ActionClient, goal: Any) -> None:
        """Have a goal carried out, now or after the one under way was cancelled."""
        self._next = (client, goal)
        if not self._busy:
            self._begin()
        elif self._handle is not None:
            handle, self._handle = self._handle, None
            handle.cancel_goal_async()

    def _begin(self) -> None:
        if self._next is None:
            return
        (client, goal), self._next, self._busy = self._next, None, True
        if not client.server_is_ready():
            self._end('the gripper has no action server any more: is its driver running?')
            return
        answer = client.send_goal_async(goal)
        answer.add_done_callback(self._wiring.node.guard(self._on_answer))

    def _on_answer(self, answer: Any) -> None:
        handle = answer.result()
        if not handle.accepted:
            self._end('the gripper rejected its goal: is its controller active?')
            return
        done = handle.get_result_async()
        done.add_done_callback(self._wiring.node.guard(partial(self._on_result)))
        if self._next is None:
            self._handle = handle
        else:
            handle.cancel_goal_async()

    def _on_result(self, future: Any) -> None:
        outcome = future.result()
        complaint = '' if outcome.status == _CANCELED else self._failed(outcome.result)
        if not complaint and outcome.status not in (_SUCCEEDED, _CANCELED):
            complaint = 'the gripper gave its goal up'
        # A goal that a newer one interrupted has nothing to complain about.
        self._end('' if self._next is not None else complaint)

    def _end(self, complaint: str) -> None:
        self._busy, self._handle = False, None
        if complaint:
            self._wiring.warn(complaint)
        self._begin()
