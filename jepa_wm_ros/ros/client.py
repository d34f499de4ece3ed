"""The graph as seen from a program outside: arm, reset, send goals.

A `GraphClient` spins a node of its own on a thread of its own; its methods block the caller and
can be interrupted with Ctrl-C at any time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rclpy
from geometry_msgs.msg import Point
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import SafetyStatus
from jepa_wm_msgs.srv import ResetCell
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.images import encode_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rclpy.task import Future

_LOOK_S = 0.1
_ANSWER_S = 10.0
_RETRY_S = 0.2
_CANCEL_S = 5.0


def _constants(message: Any, names: tuple[str, ...]) -> dict[int, str]:
    """Return the names of a message's constants by their values."""
    return {getattr(message, name): name for name in names}


_CODES = _constants(
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
    ),
)
_STATES = _constants(SafetyStatus, ('DISARMED', 'ARMED', 'EXECUTING', 'FAULT'))


class GraphError(JepaWmError):
    """The graph is not there, refuses, or does not answer."""


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


class GraphClient:
    """A connection to one running graph.

    Args:
        domain_id: DDS domain; the environment's (`ROS_DOMAIN_ID`) when None.
        namespace: Namespace of the graph.
        watch: Called again and again while something is awaited; raises to end the waiting, for
            example because a process of the graph died.

    Attributes:
        node: The client's node, for further subscriptions.
        watch: As given.
    """

    def __init__(
        self,
        *,
        domain_id: int | None = None,
        namespace: str = '',
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.watch = watch
        self._context = Context()
        options = SignalHandlerOptions.NO
        rclpy.init(
            args=[], context=self._context, domain_id=domain_id, signal_handler_options=options
        )
        self.node = rclpy.create_node(
            'jepa_wm_client',
            namespace=namespace,
            context=self._context,
            use_global_arguments=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._reach = ActionClient(self.node, ReachGoal, 'reach_goal')
        self._arm = self.node.create_client(SetBool, 'arm')
        self._reset = self.node.create_client(ResetCell, 'reset')
        self._capture = self.node.create_client(Trigger, 'capture_goal')
        self._clear = self.node.create_client(Trigger, 'clear_goal')
        self._reset_fault = self.node.create_client(Trigger, 'reset_fault')
        self._parameters = self.node.create_client(SetParameters, 'planner/set_parameters')
        self._status: SafetyStatus | None = None
        self.node.create_subscription(
            SafetyStatus, 'safety_status', self._keep_status, qos.latched()
        )
        self._thread = threading.Thread(target=self._spin, name='graph-client', daemon=True)
        self._thread.start()

    def __enter__(self) -> GraphClient:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def domain_id(self) -> int:
        """DDS domain of the graph."""
        return int(self._context.get_domain_id())

    def close(self) -> None:
        """End the thread and leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(timeout=2.0)
        self._context.try_shutdown()

    def wait_until_ready(self, timeout_s: float, *, simulated: bool = True) -> None:
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
        deadline = time.monotonic() + timeout_s
        while missing := [name for name, ready in waiting.items() if not ready()]:
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(
                    f'no {" and no ".join(missing)} within {timeout_s:g} s on DDS domain '
                    f'{self.domain_id}; is the graph running, in this '
                    'ROS_DOMAIN_ID and namespace?'
                )
            time.sleep(_LOOK_S)

    def arm(self, timeout_s: float = _ANSWER_S) -> None:
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
        return np.array([at.x, at.y, at.z])

    def capture_goal(self) -> str:
        """Make what the camera sees now the goal picture; returns the planner's words."""
        return str(self._demand(self._capture, Trigger.Request(), 'capture_goal').message)

    def clear_goal(self) -> str:
        """Cancel the goal under way and forget the captured one; returns the planner's words."""
        return str(self._demand(self._clear, Trigger.Request(), 'clear_goal').message)

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

    def safety(self, timeout_s: float = _ANSWER_S) -> tuple[str, str]:
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
            time.sleep(_LOOK_S)
        return _STATES.get(self._status.state, str(self._status.state)), self._status.message

    def reach(
        self,
        pictures: list[NDArray[np.uint8]],
        *,
        name: str = '',
        max_steps: int | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
        timeout_s: float = 600.0,
    ) -> Outcome:
        """Go to where the camera sees what the pictures show, one after the other.

        Args:
            pictures: `(H, W, 3)` uint8 RGB each; none takes the picture of `capture_goal`.
            name: For logs.
            max_steps: Most steps for each picture; the planner's default when None.
            on_progress: Called on the client's thread after each observation.
            timeout_s: Longest wait for the end [s].

        Returns:
            How it ended. An interrupted wait cancels the goal first.

        Raises:
            GraphError: The planner rejects the goal or does not answer.
        """
        goal = ReachGoal.Goal(images=[encode_image(p) for p in pictures], name=name)
        if max_steps is not None:
            goal.max_steps = [max_steps]
        self._find(self._reach.server_is_ready, 'reach_goal')
        handle = self._ask(
            lambda: self._reach.send_goal_async(
                goal, feedback_callback=lambda message: on_progress(_progress(message.feedback))
            ),
            'reach_goal',
        )
        if not handle.accepted:
            raise GraphError('the planner rejects the goal; is it active? see its log')
        finishing = self._start(handle.get_result_async)
        try:
            return _outcome(self._wait(finishing, 'reach_goal', timeout_s).result)
        except BaseException:
            self._cancel(handle, finishing)
            raise

    def _cancel(self, handle: Any, finishing: Future) -> None:
        """Cancel a goal and give the arm a little time to hold."""
        ended = threading.Event()
        finishing.add_done_callback(lambda _: ended.set())
        self._start(handle.cancel_goal_async)
        ended.wait(_CANCEL_S)

    def _demand(self, client: Any, request: Any, name: str) -> Any:
        answer = self._call(client, request, name)
        if not answer.success:
            raise GraphError(f'{name} was refused: {answer.message}')
        return answer

    def _call(self, client: Any, request: Any, name: str) -> Any:
        self._find(client.service_is_ready, name)
        return self._ask(lambda: client.call_async(request), name)

    def _ask(self, send: Callable[[], Future], name: str) -> Any:
        """Send something and wait for the answer."""
        return self._wait(self._start(send), name, _ANSWER_S)

    def _start(self, send: Callable[[], Future]) -> Future:
        """Send from the client's thread.

        From here it would race with that thread: rclpy drops an answer that arrives before the
        request has been noted ("Ignoring unexpected goal response").
        """
        sent = threading.Event()
        task = self._executor.create_task(send)
        task.add_done_callback(lambda _: sent.set())
        if not sent.wait(_ANSWER_S):
            raise GraphError('the connection to the graph has been closed')
        return task.result()

    def _find(self, ready: Callable[[], bool], name: str) -> None:
        """Wait until somebody serves; what is sent before is lost."""
        deadline = time.monotonic() + _ANSWER_S
        while not ready():
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(
                    f'nobody serves {name}; is the graph running, in this ROS_DOMAIN_ID and '
                    'namespace?'
                )
            time.sleep(_LOOK_S)

    def _wait(self, future: Future, name: str, timeout_s: float) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        deadline = time.monotonic() + timeout_s
        while not done.wait(_LOOK_S):
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(f'{name} did not answer within {timeout_s:g} s')
        return future.result()

    def _keep_status(self, message: SafetyStatus) -> None:
        self._status = message

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()


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
        code=_CODES.get(result.code, str(result.code)),
        message=result.message,
        steps=result.steps,
        final_cost=result.final_cost,
        best_cost=result.best_cost,
        duration_s=result.duration_s,
    )
