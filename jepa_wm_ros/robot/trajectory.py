"""Minimum-jerk trajectories of the flange through way-points.

The path is a spline of quintic polynomials in `x(t) = [p(t) - p0, phi(t)]`, where `phi` is the
rotation vector relative to the start: `R(t) = exp(phi(t)) R0`. Positions, velocities and
accelerations at the ends are given; at the inner way-points they follow from a continuous jerk
and snap, which gives the spline of least squared jerk. Because `phi = 0` at the start, a
trajectory that replaces another one takes over its pose, twist and acceleration: nothing jumps.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.limits import MotionLimits, Workspace
from jepa_wm_ros.robot.poses import (
    Pose,
    apply_action,
    rotation_from_vector,
    vector_from_rotation,
)

STRETCH_ATTEMPTS = 30
STRETCH_STEP = 1.1
PEAK_SAMPLES_PER_STEP = 48


_FRACTIONS = np.linspace(0.0, 1.0, PEAK_SAMPLES_PER_STEP + 1)
# Coefficients to first and second derivatives at these fractions: (fraction, power).
_FIRST = np.stack([k * _FRACTIONS ** max(k - 1, 0) for k in range(6)], axis=1)
_SECOND = np.stack([k * (k - 1) * _FRACTIONS ** max(k - 2, 0) for k in range(6)], axis=1)


class TrajectoryError(JepaWmError):
    """A trajectory cannot be made from what was given."""


def waypoints_of(
    start: Pose, actions: ArrayLike, workspace: Workspace | None = None
) -> list[Pose]:
    """Return the poses that a plan passes through.

    Args:
        start: Flange pose at the plan's observation, in the base frame.
        actions: `(H, >=6)` actions, each relative to the way-point before it [m, rad].
        workspace: Way-points are moved into this box; None leaves them where they are.

    Returns:
        One pose for each action; the next action starts from the (clipped) way-point.
    """
    poses: list[Pose] = []
    pose = start
    for action in np.atleast_2d(np.asarray(actions, dtype=np.float64)):
        pose = apply_action(pose, action)
        if workspace is not None:
            pose = workspace.clip_pose(pose)
        poses.append(pose)
    return poses


@dataclass(frozen=True, slots=True, eq=False)
class MotionState:
    """Pose, twist and acceleration of the flange at one moment.

    Attributes:
        pose: Flange in the base frame.
        twist: `(6,)` linear velocity [m/s] and angular velocity [rad/s], base frame.
        acceleration: `(6,)` linear [m/s^2] and angular [rad/s^2] acceleration, base frame.
    """

    pose: Pose
    twist: NDArray[np.float64]
    acceleration: NDArray[np.float64]

    @classmethod
    def at_rest(cls, pose: Pose) -> MotionState:
        """Return the state of a flange that stands still."""
        return cls(pose, np.zeros(6), np.zeros(6))


class Trajectory(Protocol):
    """A motion of the flange over time."""

    @property
    def duration_s(self) -> float:
        """How long the motion takes [s]."""

    def sample(self, time_s: float) -> tuple[Pose, NDArray[np.float64]]:
        """Return pose and `(6,)` twist [m/s, rad/s] (base frame) `time_s` after the start."""

    def state(self, time_s: float) -> MotionState:
        """Return the whole state `time_s` after the start."""


class PoseTrajectory:
    """A minimum-jerk motion from a start through way-points, ending at rest.

    Attributes:
        end: The last way-point, in the base frame.
    """

    def __init__(
        self,
        start: Pose | MotionState,
        waypoints: Sequence[Pose],
        step_duration_s: float,
        *,
        limits: MotionLimits | None = None,
    ) -> None:
        """Solve for the spline and stretch it in time until it keeps the limits.

        Args:
            start: Where the motion begins; a `Pose` begins at rest.
            waypoints: Poses in the base frame, one for each step; the motion ends at rest.
            step_duration_s: Time from one way-point to the next [s].
            limits: Speed and acceleration ceilings; None does not stretch.

        Raises:
            TrajectoryError: No way-points, numbers that are not finite or a step without length.
        """
        state = MotionState.at_rest(start) if isinstance(start, Pose) else start
        _require_finite(state, waypoints, step_duration_s)
        self._origin = state.pose
        self._knots = _knots(state.pose, waypoints)
        self._turns = bool(np.any(self._knots[:, 3:]) or np.any(state.twist[3:]))
        self.end = waypoints[-1]
        self._fit(state, step_duration_s, limits)

    @property
    def duration_s(self) -> float:
        """How long the motion takes [s]."""
        return self._step_s * len(self._coefficients)

    @property
    def stretch(self) -> float:
        """How many times longer the motion takes than asked for."""
        return self._stretch

    def stretched(self, factor: float) -> PoseTrajectory:
        """Return the same motion over `factor` times its time; it has to begin at rest."""
        slower = copy.copy(self)
        slower._step_s, slower._stretch = factor * self._step_s, factor * self._stretch
        return slower

    def sample(self, time_s: float) -> tuple[Pose, NDArray[np.float64]]:
        """Return pose and `(6,)` twist [m/s, rad/s] (base frame) `time_s` after the start.

        Before the start this is the start; after the end it is the end, at rest.
        """
        if time_s >= self.duration_s:
            return self.end, np.zeros(6)
        segment, fraction = self._locate(time_s)
        value, slope = _evaluate(self._coefficients[segment], fraction)
        twist = slope / self._step_s
        position = self._origin.position + value[:3]
        if not self._turns:
            return Pose(position, self._origin.rotation), twist
        twist[3:] = _left_jacobian(value[3:]) @ twist[3:]
        return Pose(position, rotation_from_vector(value[3:]) @ self._origin.rotation), twist

    def state(self, time_s: float) -> MotionState:
        """Return the whole state `time_s` after the start: where a replacement begins."""
        pose, twist = self.sample(time_s)
        if time_s >= self.duration_s:
            return MotionState.at_rest(pose)
        # A central difference is enough: only the continuity of the acceleration depends on it.
        delta = 1e-4 * self._step_s
        before, after = max(0.0, time_s - delta), min(self.duration_s, time_s + delta)
        change = self.sample(after)[1] - self.sample(before)[1]
        return MotionState(pose, twist, change / (after - before))

    def _locate(self, time_s: float) -> tuple[int, float]:
        """Return the segment and the fraction 0..1 of it at a time before the end."""
        steps = max(0.0, time_s / self._step_s)
        segment = min(int(steps), len(self._coefficients) - 1)
        return segment, min(1.0, steps - segment)

    def _fit(
        self, state: MotionState, step_duration_s: float, limits: MotionLimits | None
    ) -> None:
        """Choose the shortest stretched step that keeps the limits, or the least bad one."""
        fit = _fit(self._knots, state, step_duration_s, limits)
        if fit.excess > 1.0 and state.acceleration.any():
            # To go on accelerating for a stretched time would be too fast: let go of it at once.
            calm = MotionState(state.pose, state.twist, np.zeros(6))
            fit = min(
                fit, _fit(self._knots, calm, step_duration_s, limits), key=lambda fit: fit.excess
            )
        self._stretch, self._coefficients = fit.stretch, fit.coefficients
        self._step_s = step_duration_s * fit.stretch


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A spline, how far it is stretched, and by which factor it is still too fast (<= 1: not)."""

    excess: float
    stretch: float
    coefficients: NDArray[np.float64]


def _fit(
    knots: NDArray[np.float64],
    state: MotionState,
    step_duration_s: float,
    limits: MotionLimits | None,
) -> _Fit:
    """Stretch a spline in time until it keeps the limits; return the least bad one."""
    at_rest = not (state.twist.any() or state.acceleration.any())
    best, stretch = _Fit(math.inf, 1.0, np.zeros(0)), 1.0
    for _ in range(STRETCH_ATTEMPTS):
        step_s = step_duration_s * stretch
        coefficients = _solve_spline(knots, state, step_s)
        excess = 0.0 if limits is None else _excess(coefficients, step_s, limits)
        if excess < best.excess:
            best = _Fit(excess, stretch, coefficients)
        if excess <= 1.0:
            break
        # From rest the needed stretch is known; a motion under way grows with it: search.
        stretch *= excess * (1.0 + 1e-9) if at_rest else min(excess, STRETCH_STEP)
    return best


def _require_finite(state: MotionState, waypoints: Sequence[Pose], step_duration_s: float) -> None:
    """Raise TrajectoryError unless everything is finite and there is something to do."""
    if not waypoints:
        raise TrajectoryError('a trajectory needs at least one way-point')
    if not (math.isfinite(step_duration_s) and step_duration_s > 0.0):
        raise TrajectoryError(f'step_duration_s must be above 0, got {step_duration_s}')
    moving = np.isfinite(state.twist).all() and np.isfinite(state.acceleration).all()
    if not (moving and state.pose.finite and all(pose.finite for pose in waypoints)):
        raise TrajectoryError('a trajectory must not start at or pass through NaN or infinity')


def _knots(origin: Pose, waypoints: Sequence[Pose]) -> NDArray[np.float64]:
    """Return `(n + 1, 6)` knots relative to the origin, rotation vectors without jumps."""
    knots = np.zeros((len(waypoints) + 1, 6))
    for index, pose in enumerate(waypoints, start=1):
        vector = vector_from_rotation(pose.rotation @ origin.rotation.T)
        knots[index, :3] = pose.position - origin.position
        knots[index, 3:] = _nearest_branch(vector, knots[index - 1, 3:])
    return knots


def _nearest_branch(
    vector: NDArray[np.float64], previous: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the rotation vector equal to `vector` modulo 2 pi that is nearest to `previous`."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return vector
    other = vector * (1.0 - 2.0 * math.pi / angle)
    nearer = np.linalg.norm(other - previous) < np.linalg.norm(vector - previous)
    return other if nearer else vector


def _solve_spline(
    knots: NDArray[np.float64], state: MotionState, step_s: float
) -> NDArray[np.float64]:
    """Return `(n, 6, 6)` coefficients (segment, power, dimension) over fractions of a step."""
    count = len(knots)
    speed, acceleration = np.zeros((count, 6)), np.zeros((count, 6))
    speed[0] = state.twist * step_s
    acceleration[0] = state.acceleration * step_s**2
    if count > 2:
        _solve_inner_knots(knots, speed, acceleration)
    change = np.diff(knots, axis=0)
    v0, v1 = speed[:-1], speed[1:]
    a0, a1 = acceleration[:-1], acceleration[1:]
    cubic = 10.0 * change - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
    quartic = -15.0 * change + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
    quintic = 6.0 * change - 3.0 * v0 - 3.0 * v1 - 0.5 * a0 + 0.5 * a1
    return np.stack([knots[:-1], v0, 0.5 * a0, cubic, quartic, quintic], axis=1)


def _solve_inner_knots(
    knots: NDArray[np.float64], speed: NDArray[np.float64], acceleration: NDArray[np.float64]
) -> None:
    """Fill in speeds and accelerations of the inner knots: jerk and snap are continuous there."""
    count = len(knots)
    change = np.diff(knots, axis=0)
    matrix = np.zeros((2 * count, 2 * count))
    right = np.zeros((2 * count, 6))
    for ends, values in ((0, speed), (count, acceleration)):
        for knot in (0, count - 1):
            matrix[ends + knot, ends + knot] = 1.0
            right[ends + knot] = values[knot]
    for knot in range(1, count - 1):
        around = [knot - 1, knot, knot + 1]
        speeds, accelerations = matrix[:, :count], matrix[:, count:]
        speeds[knot, around] = [-24.0, 0.0, 24.0]
        accelerations[knot, around] = [-3.0, 18.0, -3.0]
        right[knot] = 60.0 * (change[knot] - change[knot - 1])
        speeds[count + knot, around] = [-168.0, -384.0, -168.0]
        accelerations[count + knot, around] = [-24.0, 0.0, 24.0]
        right[count + knot] = -360.0 * (change[knot] + change[knot - 1])
    solution = np.linalg.solve(matrix, right)
    speed[:], acceleration[:] = solution[:count], solution[count:]


def _excess(coefficients: NDArray[np.float64], step_s: float, limits: MotionLimits) -> float:
    """Return the factor by which time must be stretched to keep the limits; <= 1 when kept."""
    speed = _FIRST @ coefficients / step_s
    acceleration = _SECOND @ coefficients / step_s**2

    def peak(values: NDArray[np.float64]) -> float:
        return float(np.sqrt((values**2).sum(axis=-1).max()))

    return max(
        peak(speed[..., :3]) / limits.max_speed_m_s,
        peak(speed[..., 3:]) / limits.max_rotation_speed_rad_s,
        math.sqrt(peak(acceleration[..., :3]) / limits.max_acceleration_m_s2),
        math.sqrt(peak(acceleration[..., 3:]) / limits.max_rotation_acceleration_rad_s2),
    )


def _evaluate(
    coefficients: NDArray[np.float64], fraction: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `(6,)` value and slope of one segment at a fraction 0..1 (Horner's rule)."""
    value = coefficients[5]
    slope = np.zeros(6)
    for power in range(4, -1, -1):
        slope = slope * fraction + value
        value = value * fraction + coefficients[power]
    return value, slope


def _left_jacobian(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `J` with `omega = J(phi) phi'` for `R = exp(phi) R0` (base frame)."""
    x, y, z = vector.tolist()
    square = x * x + y * y + z * z
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if square < 1e-10:
        return np.eye(3) + 0.5 * cross
    angle = math.sqrt(square)
    return (
        np.eye(3)
        + ((1.0 - math.cos(angle)) / square) * cross
        + ((angle - math.sin(angle)) / (square * angle)) * (cross @ cross)
    )
