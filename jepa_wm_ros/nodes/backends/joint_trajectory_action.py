"""Whole motions as goals of `FollowJointTrajectory`, for controllers that have only the action."""

from __future__ import annotations

from functools import partial
from typing import Any

from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.joint_trajectory import trajectory_point
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedRoute

DEFAULT_ACTION = 'follow_joint_trajectory'
_SUCCEEDED, _CANCELED = 4, 5  # action_msgs/GoalStatus


class JointTrajectoryActionBackend:
    """Sends the joint route of each motion as one goal.

    The controller plays the motion by itself; the supervisor watches as with a stream, and a
    goal that is rejected or aborted is a fault. A new motion replaces the goal under way, and so
    does the braking at an early end; where there is nothing to brake, the goal is cancelled.
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
        self._sent = 0
        # The number of the goal that counts, and its handle once it is accepted.
        self._counts: int | None = None
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

    def play(self, cleared: ClearedRoute) -> None:
        """Send a motion, which replaces the one under way; without points that is cancelled."""
        points = cleared.points
        if points:
            self._begin([trajectory_point(p.time_s, p.positions, p.velocities) for p in points])
        else:
            self._cancel()

    def send(self, cleared: ClearedCommand) -> None:
        """Do nothing with it: the controller plays motions, and stops, by itself."""
        del cleared

    def _begin(self, points: list[JointTrajectoryPoint]) -> None:
        """Send a goal."""
        self._sent += 1
        self._counts, self._handle = self._sent, None
        trajectory = JointTrajectory(joint_names=list(self._wiring.joint_names), points=points)
        self._pending += 1
        answer = self._client.send_goal_async(self._type.Goal(trajectory=trajectory))
        answer.add_done_callback(self._wiring.node.guard(partial(self._on_answer, self._sent)))

    def _cancel(self) -> None:
        """Have the controller hold where it is, now or as soon as it has taken the goal."""
        handle, self._handle, self._counts = self._handle, None, None
        if handle is not None:
            self._pending += 1
            handle.cancel_goal_async().add_done_callback(self._on_cancelled)

    def _on_answer(self, number: int, answer: Any) -> None:
        """Note that a goal was accepted; cancel it when none is wanted any more."""
        self._pending -= 1
        handle, counts = answer.result(), number == self._counts
        if handle.accepted:
            result = handle.get_result_async()
            result.add_done_callback(self._wiring.node.guard(partial(self._on_result, number)))
            if counts or self._counts is None:
                self._handle = handle
            if self._counts is None:
                self._cancel()
        elif counts:
            self._wiring.complain(
                f'the controller rejected the motion ({self._name}): is it active, does it '
                f'have the joints {", ".join(self._wiring.joint_names)}?'
            )

    def _on_cancelled(self, _: Any) -> None:
        self._pending -= 1

    def _on_result(self, number: int, future: Any) -> None:
        """Complain when the goal that counts ended other than well."""
        if number != self._counts:
            return
        self._counts = self._handle = None
        outcome = future.result()
        if outcome.status in (_SUCCEEDED, _CANCELED):
            return
        result = outcome.result
        self._wiring.complain(
            f'the controller gave the motion up ({self._name}, code {result.error_code}): '
            f'{result.error_string or "no reason given"}'
        )
