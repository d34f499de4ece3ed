"""Whole motions as goals of `FollowJointTrajectory`, for controllers that have only the action."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.joint_trajectory import trajectory_point
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.motion import ArmCommand

if TYPE_CHECKING:
    from jepa_wm_ros.robot.joint_route import RoutePoint

DEFAULT_ACTION = 'follow_joint_trajectory'
_SUCCEEDED, _CANCELED = 4, 5  # action_msgs/GoalStatus


class JointTrajectoryActionBackend:
    """Sends the joint route of each motion as one goal, and cancels it to hold.

    The controller plays the motion by itself; the supervisor watches as with a stream, and a
    goal that is rejected or aborted is a fault. A new motion replaces the goal under way.
    """

    moves = True
    plays_routes = True
    topic: str | None = None

    def __init__(self, wiring: Wiring) -> None:
        """Create the action client.

        Raises:
            MessageClassError: control_msgs is not installed.
        """
        self._type = driver_interface('control_msgs/action/FollowJointTrajectory')
        self._wiring = wiring
        self._name = wiring.command_topic or DEFAULT_ACTION
        self._client = ActionClient(wiring.node, self._type, self._name)
        self._number = 0
        self._handle: Any = None
        self._pending = 0

    def obstacle(self) -> str:
        """Why commands would not reach the arm: the action has no server."""
        if self._client.server_is_ready():
            return ''
        return (
            f'the action {self._name} has no server: is the controller active '
            '(ros2 control list_controllers), is its name right (parameter command_topic)?'
        )

    def delivered(self) -> bool:
        """Whether no request to begin or to cancel waits for its answer."""
        return self._pending == 0

    def play(self, route: Sequence[RoutePoint]) -> None:
        """Send a motion; it replaces the one under way."""
        self._number += 1
        self._handle = None
        trajectory = JointTrajectory(
            joint_names=list(self._wiring.joint_names),
            points=[trajectory_point(p.time_s, p.positions, p.velocities) for p in route],
        )
        self._pending += 1
        answer = self._client.send_goal_async(self._type.Goal(trajectory=trajectory))
        answer.add_done_callback(self._wiring.node.guard(partial(self._on_answer, self._number)))

    def send(self, command: ArmCommand) -> None:
        """Cancel the motion when the arm shall hold: the controller then holds where it is."""
        if not command.hold:
            return
        self._number += 1
        if self._handle is not None:
            self._cancel(self._handle)
            self._handle = None

    def _on_answer(self, number: int, answer: Any) -> None:
        """Note that a goal was accepted, cancel it if it is not wanted any more."""
        self._pending -= 1
        handle = answer.result()
        if not handle.accepted:
            if number == self._number:
                self._wiring.complain(
                    f'the controller rejected the motion ({self._name}): is it active, does it '
                    f'have the joints {", ".join(self._wiring.joint_names)}?'
                )
        elif number == self._number:
            self._handle = handle
            result = handle.get_result_async()
            result.add_done_callback(self._wiring.node.guard(partial(self._on_result, number)))
        elif number == self._number - 1 or self._handle is None:
            # A hold came while the goal was on its way. A newer goal has replaced it already.
            self._cancel(handle)

    def _cancel(self, handle: Any) -> None:
        self._pending += 1
        handle.cancel_goal_async().add_done_callback(self._on_cancelled)

    def _on_cancelled(self, _: Any) -> None:
        self._pending -= 1

    def _on_result(self, number: int, future: Any) -> None:
        """Complain when the goal that counts ended other than well."""
        if number != self._number:
            return
        self._handle = None
        outcome = future.result()
        if outcome.status in (_SUCCEEDED, _CANCELED):
            return
        result = outcome.result
        self._wiring.complain(
            f'the controller gave the motion up ({self._name}, code {result.error_code}): '
            f'{result.error_string or "no reason given"}'
        )
