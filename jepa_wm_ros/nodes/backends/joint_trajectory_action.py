"""Whole motions as goals of `FollowJointTrajectory`, for controllers that have only the action."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import numpy as np
from action_msgs.srv import CancelGoal
from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from unique_identifier_msgs.msg import UUID

from jepa_wm_ros.nodes.backends.backend import Wiring
from jepa_wm_ros.nodes.backends.joint_trajectory import trajectory_point
from jepa_wm_ros.nodes.backends.other_goals import (
    CONTROLLER_ACTION,
    CONTROLLER_TOPIC,
    OtherGoals,
    sibling,
)
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedRoute
from jepa_wm_ros.ros.conversions import now_s

DEFAULT_ACTION = CONTROLLER_ACTION
_SUCCEEDED, _CANCELED, _ABORTED = 4, 5, 6  # action_msgs/GoalStatus
_LOOK_S = 0.2
_EARLY_S, _EARLY_PART = 0.1, 0.1


class JointTrajectoryActionBackend:
    """Sends the joint route of each motion as one goal.

    The controller plays the motion by itself; the supervisor watches as with a stream. A goal that
    ends without our asking, or before its time, is complained about: somebody cancelled it, the
    controller gave it up or was switched, or another trajectory took its place. A new motion
    replaces the goal under way, and so does the braking at an early end; where there is nothing to
    brake, the goal is cancelled. How such goals end does not matter: controllers differ. When the
    controller is no longer ours, to brake would be to move again from where others have stopped
    or led the arm: then the goals of all are cancelled.

    Attributes:
        own_publishers: How many of the publishers on `topic` are ours.
    """

    moves = True
    plays_routes = True
    own_publishers = 0

    def __init__(self, wiring: Wiring) -> None:
        """Create the action client.

        Raises:
            MessageClassError: control_msgs is not installed.
        """
        self._type = driver_interface('control_msgs/action/FollowJointTrajectory')
        self._wiring = wiring
        self._name = wiring.command_topic or DEFAULT_ACTION
        self._client = ActionClient(wiring.node, self._type, self._name)
        self._others = OtherGoals(wiring.node, self._name, wiring.complain)
        self._stop_all = wiring.node.create_client(CancelGoal, f'{self._name}/_action/cancel_goal')
        self._sent = 0
        # The number of the goal that counts, when it should end, and all that have not ended.
        self._counts: int | None = None
        self._due_s = self._early_s = 0.0
        self._live: dict[int, Any] = {}
        self._lost = False
        self._pending = 0
        wiring.node.create_timer(_LOOK_S, self._look)

    @property
    def topic(self) -> str | None:
        """The topic of the same controller, on which nobody may publish."""
        return sibling(self._name, CONTROLLER_ACTION, CONTROLLER_TOPIC)

    def obstacle(self) -> str:
        """Why commands would not reach the arm: no server, or somebody else's goal."""
        if self._client.server_is_ready():
            return self._others.others()
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
        if cleared.brakes and (self._lost or self._others.under_way):
            self._stop_everybody()
        elif points:
            self._lost = False
            self._begin(
                [trajectory_point(p.time_s, p.positions, p.velocities) for p in points],
                points[-1].time_s,
            )
        else:
            self._cancel()

    def send(self, cleared: ClearedCommand) -> None:
        """Do nothing with it: the controller plays motions, and stops, by itself."""
        del cleared

    def _begin(self, points: list[JointTrajectoryPoint], duration_s: float) -> None:
        """Send a goal that takes some time [s]."""
        self._sent += 1
        self._counts = self._sent
        self._due_s = now_s(self._wiring.node) + duration_s
        self._early_s = _EARLY_S + _EARLY_PART * duration_s
        goal_id = uuid.uuid4().bytes
        self._others.own(goal_id)
        trajectory = JointTrajectory(joint_names=list(self._wiring.joint_names), points=points)
        self._pending += 1
        answer = self._client.send_goal_async(
            self._type.Goal(trajectory=trajectory),
            goal_uuid=UUID(uuid=np.frombuffer(goal_id, dtype=np.uint8)),
        )
        answer.add_done_callback(self._wiring.node.guard(partial(self._on_answer, self._sent)))

    def _stop_everybody(self) -> None:
        """Have the controller hold where the arm is, whoever commands it."""
        self._cancel()
        self._pending += 1
        # a request without an id and a time asks for all goals
        answer = self._stop_all.call_async(CancelGoal.Request())
        answer.add_done_callback(self._wiring.node.guard(self._on_cancelled))

    def _cancel(self) -> None:
        """Have the controller hold where it is, now or as soon as it has taken the goal."""
        live, self._live, self._counts = self._live, {}, None
        for handle in live.values():
            self._pending += 1
            answer = handle.cancel_goal_async()
            answer.add_done_callback(self._wiring.node.guard(self._on_cancelled))

    def _on_answer(self, number: int, answer: Any) -> None:
        """Note that a goal was accepted; cancel it when none is wanted any more."""
        self._pending -= 1
        handle, counts = answer.result(), number == self._counts
        if handle.accepted:
            self._live[number] = handle
            result = handle.get_result_async()
            result.add_done_callback(self._wiring.node.guard(partial(self._on_result, number)))
            if self._counts is None:
                self._cancel()
        elif counts:
            # What should have been replaced would go on.
            self._cancel()
            self._wiring.complain(
                f'the controller rejected the motion ({self._name}): is it active, does it '
                f'have the joints {", ".join(self._wiring.joint_names)}?'
            )

    def _on_cancelled(self, answer: Any) -> None:
        self._pending -= 1
        if answer.result().return_code == CancelGoal.Response.ERROR_REJECTED:
            self._wiring.complain(
                f'the controller refuses to cancel the motion ({self._name}): stop the arm by hand'
            )

    def _on_result(self, number: int, future: Any) -> None:
        """Complain when the goal that counts ended other than it should."""
        self._live.pop(number, None)
        if number != self._counts:
            return
        self._counts = None
        outcome = future.result()
        early_s = self._due_s - now_s(self._wiring.node)
        if outcome.status == _SUCCEEDED and early_s <= self._early_s:
            return
        self._lost = True
        self._wiring.complain(self._ended(outcome, early_s))

    def _ended(self, outcome: Any, early_s: float) -> str:
        """Say how a goal ended that should not have ended so, in the controller's words."""
        if outcome.status == _SUCCEEDED:
            return (
                f'the controller says that the motion has ended ({self._name}), {early_s:.2f} s '
                'before its time: did somebody send it another trajectory on its topic?'
            )
        result = outcome.result
        said = (
            f'{self._name}, code {result.error_code}: {result.error_string or "no reason given"}'
        )
        if outcome.status == _CANCELED:
            return (
                f"the controller's goal was cancelled, and not by us ({said}): who else commands "
                'the arm? Find out, then arm again'
            )
        if outcome.status == _ABORTED:
            return (
                f'the controller gave the motion up ({said}): was it switched off, replaced or '
                'held up?'
            )
        return f'the controller lost the motion (status {outcome.status}, {said})'

    def _look(self) -> None:
        """Complain when the controller has gone with our goal."""
        if self._counts is not None and not self._client.server_is_ready():
            self._cancel()
            self._wiring.complain(
                f'the controller is gone ({self._name} has no server any more) in the middle of '
                'a motion: does its controller manager run?'
            )
