"""Answers `change_state`: what is not possible is refused, and results are sent before the end."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.msg import Transition
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import TransitionCallbackReturn

from jepa_wm_ros.ros.waiting import first_of
from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    from jepa_wm_ros.ros.lifecycle import ManagedNode

RESULTS_S = 6.0
"""How long goals may take to end before a node takes its entities down [s]: the planner waits so
long for an arm that does not answer."""
_LOOK_S = 0.02
_LAST_ROUNDS_S = 0.2
_SUCCESS = TransitionCallbackReturn.SUCCESS
_SHUTDOWNS = (
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Transition.TRANSITION_ACTIVE_SHUTDOWN,
)


class TransitionDesk:
    """Takes the service `change_state` over from rclpy.

    There, a transition that the state does not have raises in the callback, and the process ends;
    and a shutdown destroys the action servers at once, so that clients wait for their results for
    ever.

    Args:
        node: Whose transitions; its service exists.
    """

    def __init__(self, node: ManagedNode) -> None:
        self._node = node
        self._under_way = ''
        service = node._service_change_state
        service.callback = self._answer
        # in a group of its own: what waits in the default group makes all others wait
        service.callback_group = ReentrantCallbackGroup()
        service.callback_group.add_entity(service)

    async def _answer(self, request: Any, response: Any) -> Any:
        """Make a transition, or refuse it with one line in the log."""
        response.success = False
        refusal = self._refusal(request.transition)
        if refusal:
            self._node.get_logger().warning(f'change_state is refused: {refusal}')
            return response
        number, self._under_way = self._find(request.transition)
        try:
            response.success = await self._change(number)
        except Exception:
            self._node.get_logger().fatal(
                f'change_state ({self._under_way}), unexpected error:\n{traceback.format_exc()}'
            )
        finally:
            self._under_way = ''
        return response

    def _possible(self) -> list[tuple[int, str]]:
        """Numbers and labels of the transitions that the present state has."""
        return [(one[0], one[1]) for one in self._node._state_machine.available_transitions]

    def _find(self, wanted: Any) -> tuple[int, str]:
        """The transition that is meant, by its label if there is one; (-1, '') when it is none."""
        for number, label in self._possible():
            if label == wanted.label if wanted.label else number == wanted.id:
                return number, label
        return -1, ''

    def _refusal(self, wanted: Any) -> str:
        """Why a transition is not made; '' when it is."""
        if self._under_way:
            return f'{self._under_way} is still under way'
        if self._find(wanted)[0] >= 0:
            return ''
        name = wanted.label or f'transition {wanted.id}'
        possible = ', '.join(f'{label} ({number})' for number, label in self._possible())
        state = self._node._state_machine.current_state[1]
        return f'{name} is not possible in the state {state}; possible: {possible or "none"}'

    async def _change(self, number: int) -> bool:
        node = self._node
        if number in _SHUTDOWNS:
            if node.active:
                node.trigger_deactivate()  # the arm holds at once; goals end
            await self._results()
            return bool(node.trigger_shutdown() == _SUCCESS)
        if number == Transition.TRANSITION_CLEANUP:
            await self._results()
            return bool(node.trigger_cleanup() == _SUCCESS)
        change = {
            Transition.TRANSITION_CONFIGURE: node.trigger_configure,
            Transition.TRANSITION_ACTIVATE: node.trigger_activate,
            Transition.TRANSITION_DEACTIVATE: node.trigger_deactivate,
        }[number]
        return bool(change() == _SUCCESS)

    async def _results(self) -> None:
        """Wait until goals have ended and their clients have the results."""
        node = self._node
        if not node.has_goals:
            return
        deadline = time.monotonic() + RESULTS_S
        while node.owing and time.monotonic() < deadline:
            await self._sleep(_LOOK_S)
        # what ended last has left its result with rclpy, which sends it in the next rounds
        await self._sleep(_LAST_ROUNDS_S)

    async def _sleep(self, seconds: float) -> None:
        await first_of(self._node, (future_for(self._node.executor),), seconds)
