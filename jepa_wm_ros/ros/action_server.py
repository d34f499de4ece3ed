"""An action server that loses no time between a request and what it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.action import ActionServer
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy

if TYPE_CHECKING:
    from collections.abc import Callable

RESULT_TIMEOUT_S = 10
"""How long the result of a goal that has ended is kept for clients who have not asked for it [s].

rclpy keeps it for 15 minutes, and with it the whole request: a goal with its pictures, a plan. It
also publishes the states of all goals that it keeps, each time that one changes. C++ nodes keep
results for ten seconds.
"""


class _GoalId(np.ndarray):
    """The 16 bytes of a goal's UUID, which is written as 32 hexadecimal digits."""

    def __str__(self) -> str:
        return self.tobytes().hex()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class PromptActionServer(ActionServer):
    """As `rclpy.action.ActionServer`, and quicker.

    That one spells out the numbers of each goal's UUID, several times, for messages of the level
    DEBUG, before it looks whether anybody wants them. NumPy takes some 0.3 ms for it in a process
    that was busy with other things: more than the inverse kinematics of a motion's first command.

    What is urgent can be done in `goal_callback`, before the client is answered, if it can be
    undone in `lost_callback`; `goal_callback` must not be a coroutine then, or two goals mix.

    It also forgets goals: those that have ended after `RESULT_TIMEOUT_S`, and those whose client
    could not be answered at once.

    Args:
        args: What `ActionServer` accepts.
        handle_accepted_callback: As there.
        lost_callback: Called when a goal was not accepted after all: it was rejected, or the
            client has gone away and could not be answered.
        kwargs: What `ActionServer` accepts.
    """

    def __init__(
        self,
        *args: Any,
        handle_accepted_callback: Callable[[Any], None] = lambda goal: goal.execute(),
        lost_callback: Callable[[], None] = lambda: None,
        **kwargs: Any,
    ) -> None:
        self._lost_callback = lost_callback
        self._handed_over = False

        def hand_over(goal: Any) -> None:
            self._handed_over = True
            handle_accepted_callback(goal)

        kwargs.setdefault('result_timeout', RESULT_TIMEOUT_S)
        super().__init__(*args, handle_accepted_callback=hand_over, **kwargs)

    def take_data(self) -> Any:
        """Take requests from the middleware."""
        data = super().take_data()
        if 'goal' in data:
            _, request = data['goal']
            if isinstance(request.goal_id.uuid, np.ndarray):
                # the setter would copy the numbers into a plain array
                request.goal_id._uuid = request.goal_id.uuid.view(_GoalId)
        return data

    async def execute(self, taken_data: Any) -> None:
        """Act upon requests."""
        self._handed_over = False
        try:
            await super().execute(taken_data)
        finally:
            if 'goal' in taken_data and not self._handed_over:
                self._forget(bytes(taken_data['goal'][1].goal_id.uuid))
                self._lost_callback()

    def _forget(self, key: bytes) -> None:
        """End a goal that was accepted, and whose client has gone away before it was told so.

        Nobody executes it: without an end it would be kept, and published as accepted, for ever.
        """
        handle, result = self._goal_handles.get(key), self._result_futures.get(key)
        if handle is None or result is None or result.done():
            return
        handle._update_state(_rclpy.GoalEvent.EXECUTE)
        handle.abort()
        response = self.action_type.Impl.GetResultService.Response()
        response.status = handle.status
        result.set_result(response)
