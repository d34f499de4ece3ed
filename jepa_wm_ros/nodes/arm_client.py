"""The planner's side of the action `execute`."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from jepa_wm_msgs.action import ExecuteActions
from rclpy.action import ActionClient

from jepa_wm_ros.nodes.goals import GoalCode, GoalError
from jepa_wm_ros.ros.waiting import first_of, settled

if TYPE_CHECKING:
    from jepa_wm_msgs.msg import Plan
    from rclpy.node import Node
    from rclpy.task import Future

_LOOK_AGAIN_S = 0.5
_LOOK_S = 0.02
_HALT_S = 2.0
_SETTLING_S = 5.0
# feedback comes ten times a second
_SILENT_S = 2.0


class ArmClient:
    """Sends plans to the action publisher and waits for what became of them.

    Args:
        node: Makes the client; its executor runs the coroutines.
        answer_s: How long the action publisher may take to appear and to answer [s].
    """

    def __init__(self, node: Node, answer_s: float = 2.0) -> None:
        self._node = node
        self._answer_s = answer_s
        self._client = ActionClient(node, ExecuteActions, 'execute')
        self._heard_s = math.inf
        self._limit_s = math.inf
        self._deadline_s = math.inf

    async def ready(self, halt: Future) -> None:
        """Wait until somebody serves the action, or `halt` is resolved.

        Raises:
            GoalError: Nobody does.
        """
        deadline = time.monotonic() + self._answer_s
        while not self._client.server_is_ready() and not settled(halt):
            if time.monotonic() > deadline:
                raise self._silent('does not serve the action `execute`')
            await first_of(self._node, (halt,), _LOOK_S)

    def send(self, plan: Plan) -> Future:
        """Send a plan for execution; give the future to `finish`."""
        self._heard_s = math.inf  # silence counts from the first feedback on
        goal = ExecuteActions.Goal(plan=plan)
        return self._client.send_goal_async(goal, feedback_callback=self._on_feedback)

    async def finish(self, sending: Future, motion_s: float, halt: Future) -> Any:
        """Wait for what becomes of a plan.

        Args:
            sending: From `send`.
            motion_s: How long the motion should take [s].
            halt: When it is resolved, the motion is cancelled (the arm holds).

        Returns:
            `ExecuteActions.Result`, whatever its code says.

        Raises:
            GoalError: The action publisher rejected the plan, or went silent.
        """
        # not interruptible: without the handle there is nothing that could be cancelled
        if await first_of(self._node, (sending,), self._answer_s) is None:
            sending.add_done_callback(_cancel_late)
            raise self._silent('did not answer')
        handle = sending.result()
        if not handle.accepted:
            raise GoalError(
                GoalCode.EXECUTION_FAILED, 'action_publisher rejected the plan; see its log'
            )
        finishing = handle.get_result_async()
        if await self._wait(finishing, halt, 3.0 * motion_s + _SETTLING_S) is halt:
            handle.cancel_goal_async()
            if await first_of(self._node, (finishing,), _HALT_S) is None:
                raise self._silent('did not confirm that the arm holds')
        return finishing.result().result

    async def _wait(self, finishing: Future, halt: Future, limit_s: float) -> Future:
        """Wait in slices, to notice a server that died; return what happened first."""
        self._limit_s = limit_s
        self._deadline_s = time.monotonic() + limit_s
        while time.monotonic() < self._deadline_s:
            happened = await first_of(self._node, (finishing, halt), _LOOK_AGAIN_S)
            if happened is not None:
                return happened
            silent_s = time.monotonic() - self._heard_s
            if silent_s > _SILENT_S or not self._client.server_is_ready():
                raise self._silent('disappeared during a motion')
        raise self._silent(f'did not finish a motion within {limit_s:.1f} s')

    def _on_feedback(self, message: Any) -> None:
        self._heard_s = time.monotonic()
        if message.feedback.progress < 1.0:
            # It may wait for a person, or run slowly because somebody wants it so.
            self._deadline_s = self._heard_s + self._limit_s

    def _silent(self, what: str) -> GoalError:
        name = self._node.resolve_service_name('execute')
        return GoalError(
            GoalCode.EXECUTION_FAILED,
            f'action_publisher {what} ({name}); is it running and active?',
        )


def _cancel_late(sending: Future) -> None:
    """Cancel a goal whose acceptance came when nobody waited any more."""
    handle = sending.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()
