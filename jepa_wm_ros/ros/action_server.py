"""An action server that loses no time between a request and what it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.action import ActionServer

if TYPE_CHECKING:
    from collections.abc import Callable


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
                self._lost_callback()
