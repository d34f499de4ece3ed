"""A tireless user of a running graph: goals without a pause, and what people do to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jepa_wm_msgs.action import ReachGoal
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from jepa_wm_ros.ros.client import GOAL_CODES, GraphClient
from jepa_wm_ros.ros.connection import GONE_S, GraphError
from jepa_wm_ros.ros.images import encode_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.ros.soak.agenda import Act

_LOOK_S = 0.05
_LONGEST_S = 120.0
_ANSWER_S = 3.0
_CONFIGURE_S = 60.0
_AGAIN_S = 0.3
_PAUSE_S = 0.7
NO_RESULT = 'NO_RESULT'
"""A goal whose result never came."""


class SoakUser(GraphClient):
    """Pursues goals, cancels, replaces and pauses them, and takes nodes through their life cycle.

    Args:
        nodes: Managed nodes of the graph.
        kwargs: What `GraphConnection` accepts.
    """

    def __init__(self, nodes: Iterable[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        make = self.node.create_client
        self._change = {name: make(ChangeState, f'{name}/change_state') for name in nodes}
        self._state = {name: make(GetState, f'{name}/get_state') for name in nodes}
        self._sim_parameters = make(SetParameters, 'sim/set_parameters')

    def pursue(
        self,
        picture: NDArray[np.uint8],
        act: Act,
        *,
        max_steps: int,
        meanwhile: Callable[[], bool],
    ) -> tuple[str, str, int]:
        """Pursue a goal to its end.

        Args:
            picture: `(H, W, 3)` uint8 RGB.
            act: What is done to it on the way.
            max_steps: Most steps.
            meanwhile: Called again and again; says whether the planner was killed, so that no
                result can come.

        Returns:
            Name of the result code, message, and steps.

        Raises:
            GraphError: The planner does not answer, or goes away with the result.
        """
        goal = ReachGoal.Goal(
            images=[encode_image(picture)], max_steps=[max_steps], preview=act.name == 'preview'
        )
        handle, finishing = self._send(goal)
        began_s = time.monotonic()
        acted = act.name in ('none', 'preview')
        seen_s = began_s
        while not finishing.done():
            self.watch()
            if meanwhile():
                raise GraphError('the planner was killed')
            now_s = time.monotonic()
            if not acted and now_s - began_s > act.after_s:
                acted = True
                if act.name == 'preempt':  # the newer one is pursued, too
                    self._send_and_forget(goal)
                else:
                    self._do(act.name, handle)
            seen_s = now_s if self._asked(self._reach.server_is_ready) else seen_s
            if now_s - seen_s > GONE_S:
                raise GraphError('the planner has gone away with the result of a goal')
            if now_s - began_s > _LONGEST_S:
                raise GraphError(f'no result of a goal within {_LONGEST_S:g} s')
            time.sleep(_LOOK_S)
        result = finishing.result().result
        return GOAL_CODES.get(result.code, str(result.code)), result.message, int(result.steps)

    def recover(self, timeout_s: float = 60.0) -> None:
        """Bring the graph back to where goals can be pursued: no fault, armed.

        Raises:
            GraphError: That is not possible in time; the message has the last reason.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                state = self.safety()[0]
                if state == 'FAULT':
                    self.reset_fault()
                if state in ('FAULT', 'DISARMED'):
                    self.arm(_ANSWER_S)
                if self.safety()[0] in ('ARMED', 'EXECUTING'):
                    return
                problem = f'the arm is {state}'
            except GraphError as error:
                problem = str(error)
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(f'the arm cannot be armed again: {problem}')
            time.sleep(_AGAIN_S)

    def forget_safety(self) -> None:
        """Forget the state of a supervisor whose process has ended."""
        self._status = None

    def wait_until_active(self, names: Iterable[str], timeout_s: float = 120.0) -> None:
        """Wait until nodes say that they are active.

        Raises:
            GraphError: One does not in time.
        """
        deadline = time.monotonic() + timeout_s
        for name in names:
            while self.state_of(name) != 'active':
                self.watch()
                if time.monotonic() > deadline:
                    raise GraphError(f'{name} is not active within {timeout_s:g} s')
                time.sleep(_AGAIN_S)

    def state_of(self, name: str) -> str:
        """Return the life-cycle state of a node; '' when it does not answer."""
        client = self._state[name]
        try:
            answer = self._call(client, GetState.Request(), f'{name}/get_state', _ANSWER_S)
        except GraphError:
            return ''
        return str(answer.current_state.label)

    def cycle(self, name: str) -> None:
        """Take a node down to unconfigured, and up again.

        Raises:
            GraphError: It refuses a transition, or does not answer.
        """
        for transition in (
            Transition.TRANSITION_DEACTIVATE,
            Transition.TRANSITION_CLEANUP,
            Transition.TRANSITION_CONFIGURE,
            Transition.TRANSITION_ACTIVATE,
        ):
            self._transition(name, transition)

    def set_fault(self, fault: str) -> None:
        """Have the simulator make a fault; `none` ends it.

        Raises:
            GraphError: It refuses.
        """
        request = SetParameters.Request(
            parameters=[Parameter('fault', value=fault).to_parameter_msg()]
        )
        for result in self._call(self._sim_parameters, request, 'sim/set_parameters').results:
            if not result.successful:
                raise GraphError(f'sim refuses a parameter: {result.reason}')

    def _transition(self, name: str, transition: int) -> None:
        """Make a transition; try again when it is refused: results may still be on the way."""
        request = ChangeState.Request()
        request.transition.id = transition
        deadline = time.monotonic() + _CONFIGURE_S
        service = f'{name}/change_state'
        while not self._call(self._change[name], request, service, _CONFIGURE_S).success:
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(f'{name} refuses transition {transition}; see its log')
            time.sleep(_AGAIN_S)

    def _send(self, goal: Any) -> tuple[Any, Any]:
        self._find(self._reach.server_is_ready, 'planner (action reach_goal)')
        handle = self._ask(lambda: self._reach.send_goal_async(goal), 'reach_goal')
        if not handle.accepted:
            raise GraphError('the planner rejects the goal; is it active? see its log')
        return handle, self.start(handle.get_result_async)

    def _send_and_forget(self, goal: Any) -> None:
        """Replace a goal by another, whose own result nobody waits for."""
        self._send(goal)

    def _do(self, name: str, handle: Any) -> None:
        if name == 'cancel':
            self._wait(self.start(handle.cancel_goal_async), 'cancel', self.patience_s)
        elif name == 'clear':
            self.clear_goal()
        elif name == 'pause':
            self.pause(paused=True)
            time.sleep(_PAUSE_S)
            self.pause(paused=False)
