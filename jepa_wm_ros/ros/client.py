"""The graph as seen from a program outside: arm, reset, send goals."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import Point
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import SafetyStatus
from jepa_wm_msgs.srv import ResetCell
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.connection import LOOK_S, PATIENCE_S, GraphConnection, GraphError
from jepa_wm_ros.ros.images import encode_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from rclpy.task import Future

__all__ = ['GraphClient', 'GraphError', 'Outcome', 'Progress']

HOME_S = 60.0
"""Longest way home [s]."""
_RETRY_S = 0.2
_CANCEL_S = 5.0


def _constants(message: Any, names: tuple[str, ...]) -> dict[int, str]:
    """Return the names of a message's constants by their values."""
    return {getattr(message, name): name for name in names}


# How long the joint states after a reset may take to everybody [s].
_RESET_SEEN_S = 0.2
GOAL_CODES = _constants(
    ReachGoal.Result,
    (
        'REACHED',
        'MAX_STEPS',
        'STALLED',
        'CANCELED',
        'PREEMPTED',
        'NOT_ARMED',
        'FAULT',
        'BAD_PICTURE',
        'NO_OBSERVATION',
        'PLANNING_FAILED',
        'EXECUTION_FAILED',
        'SHUTDOWN',
        'PREVIEWED',
        'NOT_MOVED',
    ),
)
"""Names of the ends of a goal, by their numbers."""
_STATES = _constants(SafetyStatus, ('DISARMED', 'ARMED', 'EXECUTING', 'FAULT'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a goal has got.

    Attributes:
        subgoal: Number of the goal picture under way, from 0.
        step: Steps executed so far.
        cost: Latent distance of the newest observation.
        best_cost: Least one so far.
        plan_time_s: Time that the last plan took [s]; NaN before the first.
        elapsed_s: Since acceptance [s].
    """

    subgoal: int
    step: int
    cost: float
    best_cost: float
    plan_time_s: float
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a goal ended.

    Attributes:
        code: Name of the result code, such as `REACHED` or `MAX_STEPS`.
        message: The same for people.
        steps: Steps executed.
        final_cost: Latent distance at the end.
        best_cost: Least one on the way.
        duration_s: From acceptance to the end [s].
    """

    code: str
    message: str
    steps: int
    final_cost: float
    best_cost: float
    duration_s: float


class GraphClient(GraphConnection):
    """A connection to one running graph, to arm, send goals, pause and so on.

    Args:
        kwargs: What `GraphConnection` accepts.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._reach = ActionClient(self.node, ReachGoal, 'reach_goal')
        self._arm = self.node.create_client(SetBool, 'arm')
        self._reset = self.node.create_client(ResetCell, 'reset')
        self._capture = self.node.create_client(Trigger, 'capture_goal')
        self._clear = self.node.create_client(Trigger, 'clear_goal')
        self._pause = self.node.create_client(SetBool, 'pause')
        self._home = self.node.create_client(Trigger, 'home')
        self._reset_fault = self.node.create_client(Trigger, 'reset_fault')
        self._parameters = self.node.create_client(SetParameters, 'planner/set_parameters')
        self._status: SafetyStatus | None = None
        self.node.create_subscription(
            SafetyStatus, 'safety_status', self._keep_status, qos.latched()
        )
        self.begin()

    def wait_until_ready(self, timeout_s: float = PATIENCE_S, *, simulated: bool = True) -> None:
        """Wait until planner and action publisher (and the simulator) serve.

        Raises:
            GraphError: Something is still missing; the message names it.
        """
        waiting = {
            'planner (action reach_goal)': self._reach.server_is_ready,
            'action_publisher (service arm)': self._arm.service_is_ready,
        }
        if simulated:
            waiting['sim (service reset)'] = self._reset.service_is_ready
        self._await_all(waiting, timeout_s)

    def arm(self, timeout_s: float = PATIENCE_S) -> None:
        """Arm the action publisher; it refuses until its inputs are fresh, so try again.

        Raises:
            GraphError: It still refused when the time was up; the message says why.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._call(self._arm, SetBool.Request(data=True), 'arm')
            if answer.success:
                return
            if time.monotonic() > deadline:
                raise GraphError(f'the action publisher refuses to arm: {answer.message}')
            time.sleep(_RETRY_S)

    def disarm(self) -> None:
        """Disarm the action publisher."""
        self._demand(self._arm, SetBool.Request(data=False), 'arm')

    def reset_fault(self) -> None:
        """Clear a latched fault."""
        self._demand(self._reset_fault, Trigger.Request(), 'reset_fault')

    def reset(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put the simulated flange to `(3,)` [m]; returns where it is."""
        x, y, z = (float(value) for value in position)
        request = ResetCell.Request(seed=-1, use_position=True, position=Point(x=x, y=y, z=z))
        at = self._demand(self._reset, request, 'reset').ee_pose.position
        # Who arms next must not believe where the arm was before: let joint states arrive.
        time.sleep(_RESET_SEEN_S)
        return np.array([at.x, at.y, at.z])

    def capture_goal(self, name: str = '') -> str:
        """Make what the camera sees now the goal picture; returns the planner's words.

        Args:
            name: Under which the planner keeps it in its store; '' only until the next.

        Raises:
            GraphError: There is no picture, or it cannot be kept.
        """
        self.configure_planner(goal_name=name)
        return str(self._demand(self._capture, Trigger.Request(), 'capture_goal').message)

    def clear_goal(self) -> str:
        """Cancel the goal under way and forget the captured one; returns the planner's words."""
        return str(self._demand(self._clear, Trigger.Request(), 'clear_goal').message)

    def pause(self, *, paused: bool) -> str:
        """Pause the goal under way (the arm holds), or go on; returns the planner's words."""
        return str(self._demand(self._pause, SetBool.Request(data=paused), 'pause').message)

    def free_arm(self, timeout_s: float = PATIENCE_S) -> None:
        """Cancel the goal under way, if there is a planner, and wait until the arm rests.

        Raises:
            GraphError: It still moves.
        """
        if self._clear.service_is_ready() or self._reach.server_is_ready():
            self.clear_goal()
        deadline = time.monotonic() + timeout_s
        while self.safety(timeout_s)[0] == 'EXECUTING':
            if time.monotonic() > deadline:
                raise GraphError('the arm still moves; the service stop ends every motion')
            time.sleep(LOOK_S)

    def home(self, timeout_s: float = HOME_S) -> str:
        """Move the joints to the home posture; returns when they are there.

        Raises:
            GraphError: The action publisher refuses, or could not go there; the message says why.
        """
        answer = self._call(self._home, Trigger.Request(), 'home', timeout_s)
        if not answer.success:
            raise GraphError(f'home was refused: {answer.message}')
        return str(answer.message)

    def configure_planner(self, **values: bool | int | float | str) -> None:
        """Set parameters of the planner while it runs.

        Raises:
            GraphError: It refuses one of them.
        """
        request = SetParameters.Request(
            parameters=[Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        )
        for result in self._call(self._parameters, request, 'planner/set_parameters').results:
            if not result.successful:
                raise GraphError(f'the planner refuses a parameter: {result.reason}')

    def safety(self, timeout_s: float = PATIENCE_S) -> tuple[str, str]:
        """Return state and message of the safety supervisor.

        Raises:
            GraphError: It says nothing.
        """
        deadline = time.monotonic() + timeout_s
        while self._status is None:
            if time.monotonic() > deadline:
                raise GraphError(
                    'nobody publishes safety_status; is the action publisher running?'
                )
            time.sleep(LOOK_S)
        return _STATES.get(self._status.state, str(self._status.state)), self._status.message

    @property
    def pauses(self) -> int:
        """How often the supervisor let a motion wait for its inputs, since it was started."""
        return 0 if self._status is None else int(self._status.hold_count)

    def reach(
        self,
        pictures: list[NDArray[np.uint8]],
        *,
        name: str = '',
        names: Sequence[str] = (),
        max_steps: int | Sequence[int] | None = None,
        reached_costs: Sequence[float] = (),
        preview: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
        timeout_s: float = 600.0,
    ) -> Outcome:
        """Go to where the camera sees what the pictures show, one after the other.

        Args:
            pictures: `(H, W, 3)` uint8 RGB each; none takes the stored goals that `name` names
                or, without a name, the picture of `capture_goal`.
            name: For logs, or of stored goals, separated by spaces.
            names: One for each picture, for logs.
            max_steps: Most steps for each picture, or for all; the planner's default when None.
            reached_costs: Latent distances from which pictures count as reached: one for each,
                one for all, or none for the planner's default.
            preview: Whether to plan and publish only.
            on_progress: Called on the client's thread after each observation.
            timeout_s: Longest wait for the end [s].

        Returns:
            How it ended. An interrupted wait cancels the goal first.

        Raises:
            GraphError: The planner rejects the goal, does not answer, or goes away.
        """
        goal = ReachGoal.Goal(images=[encode_image(p) for p in pictures], name=name)
        goal.names, goal.reached_costs, goal.preview = list(names), list(reached_costs), preview
        if max_steps is not None:
            goal.max_steps = [max_steps] if isinstance(max_steps, int) else list(max_steps)
        self._find(self._reach.server_is_ready, 'planner (action reach_goal)')
        handle = self._ask(
            lambda: self._reach.send_goal_async(
                goal, feedback_callback=lambda message: on_progress(_progress(message.feedback))
            ),
            'reach_goal',
        )
        if not handle.accepted:
            raise GraphError('the planner rejects the goal; is it active? see its log')
        finishing = self.start(handle.get_result_async)
        try:
            there = self._reach.server_is_ready
            return _outcome(self._wait(finishing, 'reach_goal', timeout_s, there).result)
        except BaseException:
            self._cancel(handle, finishing)
            raise

    def _cancel(self, handle: Any, finishing: Future) -> None:
        """Cancel a goal and give the arm a little time to hold."""
        ended = threading.Event()
        finishing.add_done_callback(lambda _: ended.set())
        self.start(handle.cancel_goal_async)
        ended.wait(_CANCEL_S)

    def _demand(self, client: Any, request: Any, name: str) -> Any:
        answer = self._call(client, request, name)
        if not answer.success:
            raise GraphError(f'{name} was refused: {answer.message}')
        return answer

    def _keep_status(self, message: SafetyStatus) -> None:
        self._status = message


def _progress(feedback: Any) -> Progress:
    return Progress(
        subgoal=feedback.subgoal,
        step=feedback.step,
        cost=feedback.cost,
        best_cost=feedback.best_cost,
        plan_time_s=feedback.plan_time_s,
        elapsed_s=feedback.elapsed_s,
    )


def _outcome(result: Any) -> Outcome:
    return Outcome(
        code=GOAL_CODES.get(result.code, str(result.code)),
        message=result.message,
        steps=result.steps,
        final_cost=result.final_cost,
        best_cost=result.best_cost,
        duration_s=result.duration_s,
    )
