"""ros2_control's joint_trajectory_controller: what it accepts, how it moves, when it aborts.

Of its many rules, those are in here that decide whether a client works: joints by name in any
order, but all of them; a stamp of zero begins now, points that are past are dropped, and a
trajectory that is past altogether is rejected; since Jazzy the last point must be at rest; a new
trajectory replaces the one under way, beginning at the measured state (or at the desired one, with
`interpolate_from_desired_state`); positions alone are joined by lines, with velocities by cubics;
at the end, or when nobody commands any more, the last point is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.sim.following import Knot, Waypoint, interpolate

Vector = NDArray[np.float64]

_REST_RAD_S = 1e-4


class TrajectoryCode(IntEnum):
    """Error codes of `FollowJointTrajectory`."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class TrajectoryRejectedError(JepaWmError):
    """The controller does not take a trajectory.

    Attributes:
        code: Why, as a result of the action says it.
    """

    def __init__(self, code: TrajectoryCode, message: str) -> None:
        """Make the error."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryControllerSettings:
    """How the controller is configured; the defaults are those of Jazzy.

    Attributes:
        joints: Its joints, base to flange.
        interpolate_from_desired_state: Whether a new trajectory begins at the desired state.
        allow_nonzero_velocity_at_trajectory_end: Whether the last point may have a velocity.
        path_tolerance_rad: Most distance between desired and measured joints; 0 does not look.
        goal_tolerance_rad: The same at the end; 0 does not look.
        goal_time_s: How long after its end a goal may take to come within the tolerance [s].
    """

    joints: tuple[str, ...]
    interpolate_from_desired_state: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False
    path_tolerance_rad: float = 0.0
    goal_tolerance_rad: float = 0.0
    goal_time_s: float = 0.0


class JointTrajectoryController:
    """Plays joint trajectories.

    Attributes:
        settings: How it is configured.
        outcome: How the trajectory under way ended; None while it is played.
    """

    def __init__(self, settings: TrajectoryControllerSettings) -> None:
        """Make a controller; it has to be activated."""
        self.settings = settings
        self.outcome: TrajectoryCode | None = TrajectoryCode.SUCCESSFUL

    def activate(self, now_s: float, joints: Vector) -> None:
        """Hold joint positions (7,) [rad]."""
        self._knots = [Knot(now_s, joints, np.zeros_like(joints))]
        self._seen = (now_s, joints, np.zeros_like(joints))
        self.outcome = TrajectoryCode.SUCCESSFUL

    @property
    def error(self) -> Vector:
        """Desired minus measured joints (7,) [rad] in the last cycle."""
        desired, _ = self._desired(self._seen[0])
        difference: Vector = desired - self._seen[1]
        return difference

    def check(self, names: Sequence[str], points: Sequence[Waypoint], start_s: float) -> None:
        """Look whether a trajectory can be taken.

        Args:
            names: Its joints.
            points: Its points, in the order of `names`.
            start_s: How long ago its stamp is [s]; 0 for a stamp of zero.

        Raises:
            TrajectoryRejectedError: It cannot.
        """
        if sorted(names) != sorted(self.settings.joints):
            raise TrajectoryRejectedError(
                TrajectoryCode.INVALID_JOINTS,
                f'the trajectory is for {", ".join(names) or "no joints"}, this controller has '
                f'{", ".join(self.settings.joints)}',
            )
        count, times = len(names), [point.time_s for point in points]
        if not points or (np.diff(times) <= 0.0).any():
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

    def follow(
        self, now_s: float, names: Sequence[str], points: Sequence[Waypoint], start_s: float = 0.0
    ) -> None:
        """Replace what is played by a trajectory.

        Raises:
            TrajectoryRejectedError: It is not taken; what is played goes on.
        """
        self.check(names, points, start_s)
        order = [list(names).index(name) for name in self.settings.joints]
        begin = self._beginning(now_s)
        self._knots = [begin] + [
            Knot(
                now_s + point.time_s - start_s,
                np.asarray(point.positions)[order],
                None if point.velocities is None else np.asarray(point.velocities)[order],
            )
            for point in points
            if point.time_s > start_s or point is points[-1]
        ]
        self.outcome = None

    def cancel(self, now_s: float) -> None:
        """Stop playing, and hold where the arm is."""
        self._knots = [Knot(now_s, self._seen[1], np.zeros_like(self._seen[1]))]
        self.outcome = TrajectoryCode.SUCCESSFUL

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return joint targets for the next cycle."""
        speed = (joints - self._seen[1]) / max(period_s, 1e-6)
        self._seen = (now_s, joints, speed)
        while len(self._knots) > 1 and now_s >= self._knots[1].time_s:
            del self._knots[0]
        if self.outcome is None:
            self._judge(now_s)
        return self._desired(now_s)

    def _beginning(self, now_s: float) -> Knot:
        """Return the state at which a new trajectory begins."""
        if self.settings.interpolate_from_desired_state:
            return Knot(now_s, *self._desired(now_s))
        return Knot(now_s, self._seen[1], self._seen[2])

    def _desired(self, now_s: float) -> tuple[Vector, Vector]:
        if len(self._knots) == 1 or now_s <= self._knots[0].time_s:
            first = self._knots[0]
            return first.positions, np.zeros_like(first.positions)
        if now_s >= self._knots[1].time_s:
            return self._knots[-1].positions, np.zeros_like(self._knots[-1].positions)
        return interpolate(self._knots[0], self._knots[1], now_s)

    def _judge(self, now_s: float) -> None:
        """Notice the end of the trajectory, or that the arm does not follow."""
        settings, error = self.settings, float(np.abs(self.error).max())
        if len(self._knots) > 1:
            if 0.0 < settings.path_tolerance_rad < error:
                self._abort(now_s, TrajectoryCode.PATH_TOLERANCE_VIOLATED)
        elif not 0.0 < settings.goal_tolerance_rad < error:
            self.outcome = TrajectoryCode.SUCCESSFUL
        elif settings.goal_time_s and now_s > self._knots[0].time_s + settings.goal_time_s:
            self._abort(now_s, TrajectoryCode.GOAL_TOLERANCE_VIOLATED)

    def _abort(self, now_s: float, code: TrajectoryCode) -> None:
        self.cancel(now_s)
        self.outcome = code


def _invalid(reason: str) -> TrajectoryRejectedError:
    return TrajectoryRejectedError(TrajectoryCode.INVALID_GOAL, f'trajectory rejected: {reason}')
