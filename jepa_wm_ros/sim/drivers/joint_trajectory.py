"""ros2_control's joint_trajectory_controller: what it takes, how it moves, how its goals end.

docs/conformance.md has the rules, one a line, each with its test. Those that surprise: a replaced
goal ends CANCELED (ABORTED since 4.41 and 6.8); a message on the topic replaces the trajectory and
not the goal, which then succeeds when the trajectory of the topic has ended; an empty trajectory
is refused; nobody looks whether numbers are finite, so that the hardware refuses them, which ends
the controller.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.sim.following import Knot, Waypoint, interpolate

Vector = NDArray[np.float64]

_REST_RAD_S = float(np.finfo(np.float32).eps)
_ERASE = -1.0
DEACTIVATED = 'Current goal cancelled during deactivate transition.'
PREEMPTED = 'Current goal preempted by new incoming action.'


class TrajectoryCode(IntEnum):
    """Error codes of `FollowJointTrajectory`."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class GoalOutcome(IntEnum):
    """How a goal ended, as action_msgs/GoalStatus counts."""

    SUCCEEDED = 4
    CANCELED = 5
    ABORTED = 6


class TrajectoryRejectedError(JepaWmError):
    """The controller does not take a trajectory.

    Attributes:
        code: Why; the real one only logs it.
    """

    def __init__(self, code: TrajectoryCode, message: str) -> None:
        """Make the error."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class GoalEnd:
    """The end of a goal.

    Attributes:
        goal: Which one.
        outcome: How it ended.
        code: What its result says.
        message: What its result says in words.
        prompt: Whether it is told at once, and not at the next look of the action monitor.
    """

    goal: Hashable
    outcome: GoalOutcome
    code: TrajectoryCode = TrajectoryCode.SUCCESSFUL
    message: str = ''
    prompt: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tolerances:
    """Most distances between desired and measured joints; zeros do not look.

    Attributes:
        path: On the way (7,) [rad].
        goal: At the end (7,) [rad].
        goal_time_s: How long after its end a goal may take to come within `goal` [s]; 0 waits.
    """

    path: Vector
    goal: Vector
    goal_time_s: float

    def asked_for(
        self,
        names: Sequence[str],
        path: Sequence[tuple[str, float]],
        goal: Sequence[tuple[str, float]],
        goal_time_s: float,
    ) -> Tolerances:
        """Return those of a goal that asks for its own.

        A positive number counts, 0 leaves the controller's, -1 erases it. A foreign joint, or
        another negative number, leaves all as they were.

        Args:
            names: The controller's joints.
            path: Joints and positions [rad] of the goal's `path_tolerance`.
            goal: The same of its `goal_tolerance`.
            goal_time_s: Its `goal_time_tolerance` [s].
        """
        paths, goals = self.path.copy(), self.goal.copy()
        try:
            time_s = _resolved(self.goal_time_s, goal_time_s)
            for wanted, values in ((path, paths), (goal, goals)):
                for name, value in wanted:
                    index = names.index(name)
                    values[index] = _resolved(values[index], value)
        except ValueError:
            return self
        return Tolerances(paths, goals, time_s)


def _resolved(default: float, asked: float) -> float:
    if asked > 0.0:
        return asked
    if abs(asked - _ERASE) < _REST_RAD_S:
        return 0.0
    if asked < 0.0:
        raise ValueError('there is no such tolerance')
    return default


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryControllerSettings:
    """How the controller is configured; the defaults are those of Jazzy.

    Attributes:
        joints: Its joints, base to flange.
        interpolate_from_desired_state: Whether a new trajectory begins at the desired state.
        allow_nonzero_velocity_at_trajectory_end: Whether the last point may have a velocity; the
            default of Humble.
        path_tolerance_rad: Most distance between desired and measured joints; 0 does not look.
        goal_tolerance_rad: The same at the end; 0 does not look.
        goal_time_s: How long after its end a goal may take to come within the tolerance [s].
        cmd_timeout_s: How long after its end a trajectory is held before the measured position
            is [s]; it must be longer than `goal_time_s` to count, 0 is never.
        aborts_replaced_goals: Whether a replaced goal ends ABORTED, as since 4.41 (Jazzy, July
            2026), and not CANCELED, as on Humble and before.
    """

    joints: tuple[str, ...]
    interpolate_from_desired_state: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False
    path_tolerance_rad: float = 0.0
    goal_tolerance_rad: float = 0.0
    goal_time_s: float = 0.0
    cmd_timeout_s: float = 0.0
    aborts_replaced_goals: bool = False

    @property
    def tolerances(self) -> Tolerances:
        """Those of goals that ask for none."""
        ones = np.ones(len(self.joints))
        path, goal = self.path_tolerance_rad * ones, self.goal_tolerance_rad * ones
        return Tolerances(path, goal, self.goal_time_s)


class JointTrajectoryController:
    """Plays joint trajectories.

    Attributes:
        settings: How it is configured.
        active: Whether it is active.
        failed: Whether the hardware refused what it was told, which ended the controller.
        goal: The goal under way; None without one.
        ends: Goals that have ended, oldest first; who tells their clients removes them.
    """

    def __init__(self, settings: TrajectoryControllerSettings) -> None:
        """Make a controller; it has to be activated."""
        self.settings = settings
        self.active = self.failed = False
        self.goal: Hashable | None = None
        self.ends: list[GoalEnd] = []
        self._tolerances = settings.tolerances
        self._sorted = np.zeros(len(settings.joints))

    def activate(self, now_s: float, joints: Vector) -> None:
        """Hold joint positions (7,) [rad]; a goal under way ends."""
        self._drop_goal()
        self.active, self.failed = True, False
        self._command = (joints, np.zeros_like(joints))
        self._seen = (now_s, joints, np.zeros_like(joints))
        self._hold(now_s, joints)

    def deactivate(self) -> None:
        """Take nothing any more; the last command stays, a goal under way is aborted."""
        self._drop_goal()
        self.active = False

    def _drop_goal(self) -> None:
        self._end(GoalOutcome.ABORTED, TrajectoryCode.INVALID_GOAL, DEACTIVATED)

    @property
    def holding(self) -> bool:
        """Whether no trajectory is judged any more."""
        return self._holding

    @property
    def error(self) -> Vector:
        """Desired minus measured joints (7,) [rad] in the last cycle."""
        desired, _ = self._desired(self._seen[0])
        difference: Vector = desired - self._seen[1]
        return difference

    def check(self, names: Sequence[str], points: Sequence[Waypoint], start_s: float) -> None:
        """Look whether a trajectory can be taken.

        A name that is there twice is not noticed, nor are numbers that are not finite.

        Args:
            names: Its joints.
            points: Its points, in the order of `names`.
            start_s: How long ago its stamp is [s]; 0 for a stamp of zero.

        Raises:
            TrajectoryRejectedError: It cannot.
        """
        joints = self.settings.joints
        if len(names) != len(joints) or not set(names) <= set(joints):
            raise TrajectoryRejectedError(
                TrajectoryCode.INVALID_JOINTS,
                f'the trajectory is for {", ".join(names) or "no joints"}, this controller has '
                f'{", ".join(joints)}',
            )
        count, times = len(names), [point.time_s for point in points]
        if not points:
            raise _invalid('it is empty')
        if (np.diff(times) <= 0.0).any():
            raise _invalid('the times of its points do not increase')
        for point in points:
            speeds = point.velocities
            if len(point.positions) != count or (speeds is not None and len(speeds) != count):
                raise _invalid('a point has not one number for each joint')
        last = points[-1].velocities
        moving = last is not None and bool((np.abs(last) > _REST_RAD_S).any())
        if moving and not self.settings.allow_nonzero_velocity_at_trajectory_end:
            raise _invalid('velocity of the last point is not zero')
        if times[-1] < start_s:
            raise TrajectoryRejectedError(
                TrajectoryCode.OLD_HEADER_TIMESTAMP,
                f'the trajectory ended {start_s - times[-1]:.3f} s ago',
            )

    def accept(
        self,
        now_s: float,
        goal: Hashable,
        names: Sequence[str],
        points: Sequence[Waypoint],
        start_s: float = 0.0,
        tolerances: Tolerances | None = None,
    ) -> None:
        """Play the trajectory of a goal, which replaces the goal under way.

        Raises:
            TrajectoryRejectedError: It is not taken, or the controller is not active; what is
                played goes on.
        """
        if not self.active:
            raise _invalid('the controller is not running')
        self.check(names, points, start_s)
        if self.settings.aborts_replaced_goals:
            outcome = (GoalOutcome.ABORTED, TrajectoryCode.INVALID_GOAL, PREEMPTED)
        else:
            outcome = (GoalOutcome.CANCELED, TrajectoryCode.SUCCESSFUL, '')
        self._end(*outcome, prompt=True)
        self.goal, self._tolerances = goal, tolerances or self.settings.tolerances
        self._begin(now_s, names, points, start_s)

    def follow(
        self, now_s: float, names: Sequence[str], points: Sequence[Waypoint], start_s: float = 0.0
    ) -> None:
        """Play a trajectory of the topic. A goal under way stays, and is judged by this one.

        Raises:
            TrajectoryRejectedError: It is not taken; what is played goes on.
        """
        self.check(names, points, start_s)
        if self.active:
            self._begin(now_s, names, points, start_s)

    def cancel(self, now_s: float, goal: Hashable) -> None:
        """End a goal, if it is the one under way, and hold where the arm is."""
        if goal == self.goal and goal is not None:
            self._end(GoalOutcome.CANCELED)
            self._hold(now_s, self._seen[1])

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return joint targets for the next cycle."""
        speed = (joints - self._seen[1]) / max(period_s, 1e-6)
        self._seen = (now_s, joints, speed)
        if self.active:
            self._judge(now_s)
            command = self._desired(now_s)
            if all(np.isfinite(part).all() for part in command):
                self._command = command
            else:
                self.failed = True
                self.deactivate()
        if not self.active:
            self._command = (self._command[0], np.zeros_like(joints))
        return self._command

    def _begin(
        self, now_s: float, names: Sequence[str], points: Sequence[Waypoint], start_s: float
    ) -> None:
        self._before = self._beginning(now_s)
        self._knots = [
            Knot(
                now_s + point.time_s - start_s,
                self._in_order(names, point.positions),
                None if point.velocities is None else self._in_order(names, point.velocities),
            )
            for point in points
        ]
        self._holding, self._fresh = False, True

    def _in_order(self, names: Sequence[str], values: Vector) -> Vector:
        """Return numbers in the controller's order.

        The real one has one buffer for all: the joint that a repeated name leaves out has the
        number that was in there before, of whatever it was.
        """
        for name, value in zip(names, values, strict=True):
            self._sorted[self.settings.joints.index(name)] = value
        return self._sorted.copy()

    def _hold(self, now_s: float, joints: Vector) -> None:
        """Hold a position, which is not judged."""
        self._before = Knot(now_s, joints, np.zeros_like(joints))
        self._knots = [self._before]
        self._holding, self._fresh = True, False

    def _beginning(self, now_s: float) -> Knot:
        """Return the state at which a new trajectory begins."""
        if self.settings.interpolate_from_desired_state:
            return Knot(now_s, *self._desired(now_s))
        return Knot(now_s, self._seen[1], self._seen[2])

    def _desired(self, now_s: float) -> tuple[Vector, Vector]:
        """Return what is wanted at a moment.

        A trajectory that is under way by its stamp is joined where it is: the way from the arm
        to its first point is only for a first point that is still to come.
        """
        knots = self._knots
        if now_s < knots[0].time_s:
            if now_s <= self._before.time_s:
                return self._before.positions, np.zeros_like(self._before.positions)
            return interpolate(self._before, knots[0], now_s)
        for start, end in itertools.pairwise(knots):
            if now_s < end.time_s:
                return interpolate(start, end, now_s)
        return knots[-1].positions, np.zeros_like(knots[-1].positions)

    def _judge(self, now_s: float) -> None:
        """Notice the end of the trajectory, or that the arm does not follow."""
        settings, tolerances = self.settings, self._tolerances
        error, late_s = np.abs(self.error), now_s - self._knots[-1].time_s
        ended, judged = late_s >= 0.0, not self._holding
        strayed = judged and (not ended or self._fresh) and _beyond(error, tolerances.path)
        outside = judged and ended and _beyond(error, tolerances.goal)
        too_late = outside and 0.0 < tolerances.goal_time_s < late_s
        self._fresh = False
        if judged and ended and settings.goal_time_s < settings.cmd_timeout_s < late_s:
            self._hold(now_s, self._seen[1])
        if self.goal is None:
            if strayed or too_late:
                self._hold(now_s, self._seen[1])
        elif strayed:
            self._give_up(
                now_s,
                TrajectoryCode.PATH_TOLERANCE_VIOLATED,
                'Aborted due to path tolerance violation',
            )
        elif ended and not outside:
            # The last point becomes what is held, whatever the arm does then.
            last = self._knots[-1].positions
            self._end(
                GoalOutcome.SUCCEEDED, TrajectoryCode.SUCCESSFUL, 'Goal successfully reached!'
            )
            self._hold(now_s, last)
        elif too_late:
            self._give_up(
                now_s,
                TrajectoryCode.GOAL_TOLERANCE_VIOLATED,
                f'Aborted due to goal_time_tolerance exceeding by {late_s:f} seconds',
            )

    def _give_up(self, now_s: float, code: TrajectoryCode, message: str) -> None:
        self._end(GoalOutcome.ABORTED, code, message)
        self._hold(now_s, self._seen[1])

    def _end(
        self,
        outcome: GoalOutcome,
        code: TrajectoryCode = TrajectoryCode.SUCCESSFUL,
        message: str = '',
        *,
        prompt: bool = False,
    ) -> None:
        """Note how the goal under way ended, if there is one."""
        goal, self.goal = self.goal, None
        if goal is not None:
            self.ends.append(GoalEnd(goal, outcome, code, message, prompt))


def _beyond(error: Vector, tolerance: Vector) -> bool:
    return bool(((tolerance > 0.0) & (error > tolerance)).any())


def _invalid(reason: str) -> TrajectoryRejectedError:
    return TrajectoryRejectedError(TrajectoryCode.INVALID_GOAL, f'trajectory rejected: {reason}')
