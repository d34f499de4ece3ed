"""The actions, topics and services of emulated grippers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.nodes.emulation.goals import TimedAction
from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.ros import qos
from jepa_wm_ros.sim.drivers.grippers import (
    HAND_WIDTH_M,
    FrankaHand,
    GripperOutcome,
    GripperRejectedError,
    Robotiq,
)
from jepa_wm_ros.sim.pacing import Schedule

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

HAND_STATES_HZ = 15.0
_ABORTED = 'libfranka gripper: Command aborted!'
_FAILED = 'libfranka gripper: Command failed!'
ROBOTIQ_JOINT = 'robotiq_85_left_knuckle_joint'


class GripperFace(Protocol):
    """The ROS side of a gripper."""

    @property
    def closedness(self) -> float:
        """0 open .. 1 closed."""

    def joints(self) -> dict[str, float]:
        """Return what joint_states say of it."""

    def tick(self, stamp: Time, now_s: float, period_s: float) -> None:
        """Let time pass; end goals."""


class FrankaHandFace:
    """franka_gripper: move, grasp, homing, gripper_action, stop and its own joint_states."""

    def __init__(self, host: Host, hand: FrankaHand, name: str = 'franka_gripper') -> None:
        """Create the interfaces.

        Raises:
            MessageClassError: franka_msgs or control_msgs is not installed.
        """
        self._hand = hand
        robot = host.joint_names[0].partition('_')[0]
        self._names = tuple(f'{robot}_finger_joint{number}' for number in (1, 2))
        hand_actions = {'move': 'Move', 'grasp': 'Grasp', 'homing': 'Homing'}
        begins = {
            'move': self._move,
            'grasp': self._grasp,
            'homing': lambda _: self._try('homing', hand.move, HAND_WIDTH_M, 0.05),
        }
        self._actions = {
            action: TimedAction(
                host.node,
                driver_interface(f'franka_msgs/action/{kind}'),
                f'{name}/{action}',
                accepts=lambda _: True,
                begin=begins[action],
                cancel=hand.stop,
                replaced={'error': _ABORTED},
            )
            for action, kind in hand_actions.items()
        }
        self._command = TimedAction(
            host.node,
            driver_interface('control_msgs/action/GripperCommand'),
            f'{name}/gripper_action',
            accepts=lambda _: True,
            begin=self._on_command,
            cancel=hand.stop,
        )
        host.node.create_service(Trigger, f'{name}/stop', self._on_stop)
        self._states = host.node.create_lifecycle_publisher(
            JointState, f'{name}/joint_states', qos.latest()
        )
        self._schedule = Schedule(HAND_STATES_HZ)
        self._by_name = {**self._actions, 'gripper_action': self._command}
        self._refused: set[str] = set()

    @property
    def closedness(self) -> float:
        """0 open .. 1 closed."""
        return self._hand.closedness

    def joints(self) -> dict[str, float]:
        """Return half of the width for each finger [m]."""
        return dict(zip(self._names, self._hand.finger_positions, strict=True))

    def tick(self, stamp: Time, now_s: float, period_s: float) -> None:
        """Move the fingers, end goals, publish the fingers' joint states at their own rate."""
        self._hand.fingers.update(period_s)
        self._end_goals()
        if self._schedule.due(now_s):
            joints = self.joints()
            message = JointState(name=list(joints), position=list(joints.values()))
            message.header.stamp = stamp
            self._states.publish(message)

    def _end_goals(self) -> None:
        for name in self._refused:
            kind = self._by_name[name].kind
            if name == 'gripper_action':
                self._command.end(False, kind.Result())
            else:
                self._by_name[name].end(False, kind.Result(error=_FAILED))
        self._refused.clear()
        outcome = self._hand.outcome()
        if outcome is None:
            return
        for action in self._actions.values():
            action.end(outcome.success, action.kind.Result(success=outcome.success))
        # The trap of this driver: the goal was half of a width, the result is the whole one. It
        # never says that the fingers stall.
        result = self._command.kind.Result(position=outcome.position, reached_goal=outcome.success)
        self._command.end(outcome.success, result)

    def _try(self, name: str, begin: Any, *arguments: Any) -> None:
        """Begin a command, which ends that of another action: there is one hand."""
        try:
            begin(*arguments)
        except GripperRejectedError:
            self._refused.add(name)
            return
        for other, action in self._by_name.items():
            if other != name:
                action.replace()

    def _move(self, goal: Any) -> None:
        self._try('move', self._hand.move, goal.width, goal.speed)

    def _grasp(self, goal: Any) -> None:
        epsilon = (goal.epsilon.inner, goal.epsilon.outer)
        self._try('grasp', self._hand.grasp, goal.width, goal.speed, epsilon)

    def _on_command(self, goal: Any) -> None:
        self._try('gripper_action', self._hand.command, goal.command.position)

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._hand.stop()
        response.success = True
        return response


class RobotiqFace:
    """A 2F-85 behind a controller: `parallel_gripper`, `gripper_command`, or on a topic."""

    def __init__(
        self, host: Host, kind: str, gripper: Robotiq, name: str = 'robotiq_gripper_controller'
    ) -> None:
        """Create the interface.

        Args:
            host: Where it lives.
            kind: parallel_gripper, gripper_command, trajectory or float64.
            gripper: The fingers.
            name: Of its controller.

        Raises:
            MessageClassError: control_msgs is not installed, or too old.
        """
        self._gripper, self._kind = gripper, kind
        self._action: TimedAction | None = None
        if kind == 'float64':
            host.node.create_subscription(
                Float64, f'{name}/command', lambda m: gripper.command(m.data), qos.latest()
            )
        elif kind == 'trajectory':
            host.node.create_subscription(
                JointTrajectory, f'{name}/joint_trajectory', self._on_trajectory, qos.events()
            )
        else:
            actions = {
                'parallel_gripper': 'ParallelGripperCommand',
                'gripper_command': 'GripperCommand',
            }
            self._action = TimedAction(
                host.node,
                driver_interface(f'control_msgs/action/{actions[kind]}'),
                f'{name}/gripper_cmd',
                accepts=self._accepts,
                begin=lambda goal: gripper.command(self._position(goal)),
                cancel=gripper.stop,
            )

    @property
    def closedness(self) -> float:
        """0 open .. 1 closed."""
        return self._gripper.closedness

    def joints(self) -> dict[str, float]:
        """Return the angle of the knuckle [rad]."""
        return {ROBOTIQ_JOINT: self._gripper.fingers.position}

    def tick(self, stamp: Time, now_s: float, period_s: float) -> None:
        """Move the fingers, end goals."""
        self._gripper.fingers.update(period_s)
        outcome = self._gripper.outcome()
        if outcome is not None and self._action is not None and self._action.busy:
            self._action.end(outcome.success, self._result(outcome))

    def _accepts(self, goal: Any) -> bool:
        """A parallel gripper takes goals for its own joint only."""
        return self._kind != 'parallel_gripper' or list(goal.command.name) == [ROBOTIQ_JOINT]

    def _position(self, goal: Any) -> float:
        command = goal.command
        return float(command.position[0] if self._kind == 'parallel_gripper' else command.position)

    def _result(self, outcome: GripperOutcome) -> Any:
        assert self._action is not None
        reached = outcome.success and not outcome.stalled
        flags = {'reached_goal': reached, 'stalled': outcome.stalled}
        if self._kind == 'parallel_gripper':
            state = JointState(name=[ROBOTIQ_JOINT], position=[outcome.position])
            return self._action.kind.Result(state=state, **flags)
        return self._action.kind.Result(position=outcome.position, **flags)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if list(message.joint_names) == [ROBOTIQ_JOINT] and message.points:
            self._gripper.command(message.points[-1].positions[0])
