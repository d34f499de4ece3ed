"""Action servers whose goals take simulated time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse

from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from rclpy.task import Future

    from jepa_wm_ros.ros.lifecycle import ManagedNode


class TimedAction:
    """Serves one goal at a time; a newer one ends the older one without success.

    Args:
        node: Serves the action.
        kind: Type of the action.
        name: Its name.
        accepts: Whether a goal is taken.
        begin: Begins a goal that was taken.
        cancel: Ends the goal under way early.
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
    ) -> None:
        self._node, self.kind = node, kind
        self._accepts, self._begin, self._cancel = accepts, begin, cancel
        self._outcome: Future | None = None
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

    @property
    def busy(self) -> bool:
        """Whether a goal is under way."""
        return self._outcome is not None

    def end(self, success: bool, result: Any) -> None:
        """End the goal under way with a result; does nothing when there is none."""
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            outcome.set_result((success, result))

    def _on_goal(self, goal: Any) -> GoalResponse:
        taken = self._node.active and self._accepts(goal)
        return GoalResponse.ACCEPT if taken else GoalResponse.REJECT

    def _on_accepted(self, handle: Any) -> None:
        self.end(False, self.kind.Result())
        self._outcome = self._futures[bytes(handle.goal_id.uuid)] = future_for(self._node.executor)
        self._begin(handle.request)
        handle.execute()

    def _on_cancel(self, handle: Any) -> CancelResponse:
        if self._futures.get(bytes(handle.goal_id.uuid)) is self._outcome:
            self._cancel()
            self.end(False, self.kind.Result())
        return CancelResponse.ACCEPT

    async def _finish(self, handle: Any) -> Any:
        success, result = await self._futures[bytes(handle.goal_id.uuid)]
        if handle.is_cancel_requested:
            handle.canceled()
        elif success:
            handle.succeed()
        else:
            handle.abort()
        del self._futures[bytes(handle.goal_id.uuid)]
        return result
