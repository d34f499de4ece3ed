"""Watches commands, states and the arm from outside, on the clock of the senders."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from jepa_wm_msgs.msg import Plan, SafetyStatus
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.robot.stop_figures import Command
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.conversions import decode_pose
from jepa_wm_ros.ros.faults.graphs import CANCEL_GOALS, SEND_GOAL, SWITCH_SERVO
from jepa_wm_ros.ros.faults.relay import LatentRelay
from jepa_wm_ros.ros.images import encode_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.ros.faults.graphs import FaultGraph

_LOOK_S = 0.005
_NANOSECONDS = 1e-9
_QUEUE = 200
_WINDOW_S = 0.1
_REST_M_S = 0.005
_STILL_RAD_S = 0.02
ARM_JOINTS = 7
STEP_S = 0.4


class FaultObserver(GraphClient):
    """A user of a running graph who moves the arm and notes what is on the wire.

    Works with the joint trajectory backend; where the arm is commanded in another way, the joints
    that are measured stand for the commands. Times are those at which a message was sent, which
    DDS tells, on the clock of the machine.

    Args:
        graph: Which one.
        kwargs: What `GraphConnection` accepts.

    Attributes:
        relay: Passes latents on, where they go through us.
        commands: The commands since `clear`.
        statuses: The states of the supervisor since `clear`, with the time of sending [s].
        result: How the last motion or goal ended; None while it is under way.
    """

    def __init__(self, graph: FaultGraph, **kwargs: Any) -> None:
        self.commands: list[Command] = []
        self.statuses: list[tuple[float, SafetyStatus]] = []
        self.result: str | None = None
        self._poses: list[tuple[float, NDArray[np.float64]]] = []
        self._seen: PoseStamped | None = None
        super().__init__(**kwargs)
        node = self.node
        self._execute = ActionClient(node, ExecuteActions, 'execute')
        self._ready = node.create_publisher(Bool, 'robot_ready', qos.latest())
        self._stop = node.create_client(Trigger, 'stop')
        self._settings = {
            name: node.create_client(SetParameters, f'{name}/set_parameters')
            for name in (graph.device, 'action_publisher')
        }
        # a callback with two arguments is also given the message's time stamps
        topic = graph.command_topic
        if topic:
            node.create_subscription(JointTrajectory, topic, self._on_command, _QUEUE)
        else:
            node.create_subscription(JointState, 'joint_states', self._on_joints, _QUEUE)
        self._rival = {
            name: node.create_client(Trigger, name)
            for name in (SEND_GOAL, CANCEL_GOALS, SWITCH_SERVO)
            if graph.rival
        }
        node.create_subscription(SafetyStatus, 'safety_status', self._on_status, qos.latched())
        node.create_subscription(PoseStamped, 'ground_truth', self._on_pose, _QUEUE)
        self.relay = LatentRelay(node) if graph.relayed else None

    def clear(self) -> None:
        """Forget what was seen."""
        self.commands, self.statuses, self._poses = [], [], []
        self.result = self._seen = None

    def speed(self) -> float:
        """Return the speed of the flange over the last moments [m/s]."""
        poses = list(self._poses)
        past = [pose for pose in poses if poses[-1][0] - pose[0] >= _WINDOW_S]
        if not past:
            return 0.0
        (then, there), (latest, here) = past[-1], poses[-1]
        return float(np.linalg.norm(here - there)) / (latest - then)

    def moved_m(self) -> float:
        """Return how far the flange was from where it was first, at most, since `clear` [m]."""
        places = [place for _, place in list(self._poses)]
        return max((float(np.linalg.norm(place - places[0])) for place in places), default=0.0)

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
        """Wait for a condition.

        Raises:
            GraphError: It does not come true.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.watch()
            if time.monotonic() > deadline:
                raise GraphError(f'not within {timeout_s:g} s: {what}')
            time.sleep(_LOOK_S)

    def wait_for_rest(self) -> float:
        """Wait until the arm rests; return when that was [s]."""
        self.wait(lambda: len(self._poses) > 2 and self.speed() < _REST_M_S, 'the arm rests')
        return self._poses[-1][0]

    def wait_for_state(self, *states: int) -> None:
        """Wait until the supervisor is in one of some states."""
        self.wait(
            lambda: self.statuses and self.statuses[-1][1].state in states, 'the expected state'
        )

    def move(self, way: Sequence[float], steps: int) -> None:
        """Begin a motion of some equal steps (dx, dy, dz) [m]; wait until the arm is fast."""
        plan = self.plan([*way, 0.0, 0.0, 0.0, 0.0], steps)
        self._send(plan)
        self.wait(lambda: self.speed() > 0.05 or self.result is not None, 'the arm moves')
        if self.result is not None:
            raise GraphError(f'the arm did not set off: {self.result}')

    def plan(self, action: Sequence[float], steps: int) -> Plan:
        """Return a plan of equal actions from where the arm is now."""
        self.wait(lambda: self._seen is not None, 'a pose of the arm')
        assert self._seen is not None
        plan = Plan(
            observation_stamp=self._seen.header.stamp,
            observation_pose=self._seen.pose,
            step_duration_s=STEP_S,
            action_dim=7,
            horizon=steps,
            execute_steps=steps,
            actions=[float(number) for number in action] * steps,
        )
        plan.header.frame_id = ''
        return plan

    def ask(self, plan: Plan) -> str:
        """Send a plan that is to be refused; return the words."""
        self._send(plan)
        self.wait(lambda: self.result is not None, 'an answer to a plan')
        return str(self.result)

    def _send(self, plan: Plan) -> None:
        self._find(self._execute.server_is_ready, 'execute')
        goal = ExecuteActions.Goal(plan=plan)
        handle = self._ask(lambda: self._execute.send_goal_async(goal), 'execute')
        if not handle.accepted:
            raise GraphError('the action publisher rejects a plan; is it active?')
        self._handle = handle
        finishing = self.start(handle.get_result_async)
        finishing.add_done_callback(self._on_result)

    def cancel(self) -> float:
        """Cancel the motion under way; return how long the answer took [s]."""
        return self._cancelled_within(self._handle)

    def cancel_goal(self, after_s: float) -> float:
        """Pursue a foreign picture, cancel that a while later [s]; return how long it took [s]."""
        goal = ReachGoal.Goal(images=[encode_image(foreign_picture())], max_steps=[100])
        handle, finishing = self.send_goal(goal)
        time.sleep(after_s)
        took_s = self._cancelled_within(handle)
        self._wait(finishing, 'reach_goal', self.patience_s)
        return took_s

    def send_goal(self, goal: Any) -> tuple[Any, Any]:
        """Send a goal to the planner; returns its handle and what will be its result."""
        self._find(self._reach.server_is_ready, 'reach_goal')
        handle = self._ask(lambda: self._reach.send_goal_async(goal), 'reach_goal')
        if not handle.accepted:
            raise GraphError('the planner rejects the goal; is it active?')
        return handle, self.start(handle.get_result_async)

    def ask_service(self, client: Any, request: Any, name: str) -> Any:
        """Return the answer of a service."""
        return self._call(client, request, name)

    def _cancelled_within(self, handle: Any) -> float:
        """Cancel a goal; return how long the answer took [s]."""
        answered = threading.Event()
        began = time.perf_counter()
        future = self.start(handle.cancel_goal_async)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(self.patience_s):
            raise GraphError(f'no answer to a cancel within {self.patience_s:g} s')
        return time.perf_counter() - began

    def stop(self) -> None:
        """Call the service `stop`."""
        self._demand(self._stop, Trigger.Request(), 'stop')

    def trigger(self, service: str) -> Trigger.Response:
        """Have the rival act; return its answer."""
        answer: Trigger.Response = self._call(self._rival[service], Trigger.Request(), service)
        return answer

    def wait_for_rival(self) -> None:
        """Wait until the process of the rival, where there is one, has come up."""
        for name, client in self._rival.items():
            self._find(client.service_is_ready, name)

    def say_ready(self, *, ready: bool) -> None:
        """Say on `robot_ready` whether the robot may move."""
        self._ready.publish(Bool(data=ready))

    def configure(self, node: str, **values: bool | int | float | str) -> None:
        """Set parameters of the device or of the action publisher.

        Raises:
            GraphError: One is refused.
        """
        request = SetParameters.Request(
            parameters=[Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        )
        answer = self._call(self._settings[node], request, f'{node}/set_parameters')
        for result in answer.results:
            if not result.successful:
                raise GraphError(f'{node} refuses a parameter: {result.reason}')

    def _on_command(self, message: JointTrajectory, info: dict[str, int]) -> None:
        point = message.points[0]
        command = Command(_sent(info), np.array(point.positions), np.array(point.velocities))
        self.commands.append(command)

    def _on_joints(self, message: JointState, info: dict[str, int]) -> None:
        velocities = np.array(message.velocity[:ARM_JOINTS])
        # a measured arm that rests is never quite still
        velocities[np.abs(velocities) < _STILL_RAD_S] = 0.0
        positions = np.array(message.position[:ARM_JOINTS])
        self.commands.append(Command(_sent(info), positions, velocities))

    def _on_status(self, message: SafetyStatus, info: dict[str, int]) -> None:
        self.statuses.append((_sent(info), message))

    def _on_pose(self, message: PoseStamped, info: dict[str, int]) -> None:
        self._seen = message
        self._poses.append((_sent(info), decode_pose(message.pose).position))

    def _on_result(self, future: Any) -> None:
        result = future.result().result
        self.result = result.message or 'the motion was completed'


def foreign_picture() -> NDArray[np.uint8]:
    """Return a picture (180, 320, 3) that no camera sees."""
    return np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)


def _sent(info: dict[str, int]) -> float:
    """Return when a message was sent [s], clock of the machine."""
    return info['source_timestamp'] * _NANOSECONDS
