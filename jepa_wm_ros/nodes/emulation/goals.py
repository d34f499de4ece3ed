"""Action servers whose goals take simulated time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy

from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from rclpy.task import Future

    from jepa_wm_ros.ros.lifecycle import ManagedNode

SUCCEEDED = GoalStatus.STATUS_SUCCEEDED
CANCELED = GoalStatus.STATUS_CANCELED
ABORTED = GoalStatus.STATUS_ABORTED


class GoalServer:
    """Serves goals until somebody says how they ended.

    Args:
        node: Serves the action.
        kind: Type of the action.
        name: Its name.
        accepts: Whether a goal is taken.
        begin: Begins a goal that was taken; gets its id and the goal.
        cancel: Told that a client wants a goal cancelled; gets its id. The request is accepted.
    """

    def __init__(
        self,
        node: ManagedNode,
        kind: Any,
        name: str,
        *,
        accepts: Callable[[Any], bool],
        begin: Callable[[bytes, Any], object],
        cancel: Callable[[bytes], object],
    ) -> None:
        self._node, self.kind = node, kind
        self._accepts, self._begin, self._cancel = accepts, begin, cancel
        self._futures: dict[bytes, Future] = {}
        ActionServer(
            node,
            kind,
            name,
            execute_callback=node.guard(self._finish),
            goal_callback=self._on_goal,
            handle_accepted_callback=node.guard(self._on_accepted),
            cancel_callback=node.guard(self._on_cancel),
        )

    def end(self, goal: bytes, status: int, result: Any) -> None:
        """End a goal as SUCCEEDED, CANCELED or ABORTED; does nothing when it has ended."""
        future = self._futures.get(goal)
        if future is not None and not future.done():
            future.set_result((status, result))

    def _on_goal(self, goal: Any) -> GoalResponse:
        taken = self._node.active and self._accepts(goal)
        return GoalResponse.ACCEPT if taken else GoalResponse.REJECT

    def _on_accepted(self, handle: Any) -> None:
        goal = bytes(handle.goal_id.uuid)
        self._futures[goal] = future_for(self._node.executor)
        self._begin(goal, handle.request)
        handle.execute()

    def _on_cancel(self, handle: Any) -> CancelResponse:
        self._cancel(bytes(handle.goal_id.uuid))
        return CancelResponse.ACCEPT

    async def _finish(self, handle: Any) -> Any:
        goal = bytes(handle.goal_id.uuid)
        status, result = await self._futures[goal]
        if status == SUCCEEDED:
            handle.succeed()
        elif status == ABORTED:
            handle.abort()
        else:
            if not handle.is_cancel_requested:
                # as rclcpp does with a goal whose handle is dropped
                handle._update_state(_rclpy.GoalEvent.CANCEL_GOAL)
            handle.canceled()
        del self._futures[goal]
        return result


class TimedAction:
    """Serves one goal at a time; a newer one ends the older one without success.

    Args:
        node: Serves the action.
        kind: Type of the action.
        name: Its name.
        accepts: Whether a goal is taken.
        begin: Begins a goal that was taken.
        cancel: Ends the goal under way early.
        replaced: What the result of a goal says that a newer one ends, by field.
    """

    def __init__(
        self,
        node: ManagedNode,
        kind: Any,
        name: str,
        *,
        accepts: Callable[[Any], bool],
        begin: Callable[[Any], object],
        cancel: Callable[[], object],
        replaced: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self._replaced = dict(replaced or {})
        self._start, self._stop = begin, cancel
        self._current: bytes | None = None
        self._server = GoalServer(
            node, kind, name, accepts=accepts, begin=self._on_begin, cancel=self._on_cancel
        )

    @property
    def busy(self) -> bool:
        """Whether a goal is under way."""
        return self._current is not None

    def end(self, success: bool, result: Any) -> None:
        """End the goal under way with a result; does nothing when there is none."""
        self._end(SUCCEEDED if success else ABORTED, result)

    def replace(self) -> None:
        """End the goal under way, if there is one, because of another command."""
        self.end(False, self.kind.Result(**self._replaced))

    def _end(self, status: int, result: Any) -> None:
        goal, self._current = self._current, None
        if goal is not None:
            self._server.end(goal, status, result)

    def _on_begin(self, goal: bytes, request: Any) -> None:
        self.replace()
        self._current = goal
        self._start(request)

    def _on_cancel(self, goal: bytes) -> None:
        if goal == self._current:
            self._stop()
            self._end(CANCELED, self.kind.Result())
