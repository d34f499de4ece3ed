"""Trajectories pass their way-points, keep their limits, and never jump."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.limits import WORKSPACE_CELL, MotionLimits
from jepa_wm_ros.robot.poses import (
    Pose,
    apply_action,
    distance,
    from_euler,
    vector_from_rotation,
)
from jepa_wm_ros.robot.trajectory import (
    MotionState,
    PoseTrajectory,
    TrajectoryError,
    waypoints_of,
)

START = from_euler([0.45, 0.0, 0.4], [math.pi, 0.0, 0.0])
LIMITS = MotionLimits()
steps = st.tuples(*[st.floats(-0.08, 0.08)] * 3, *[st.floats(-0.4, 0.4)] * 3)
plans = st.lists(steps, min_size=1, max_size=4)
durations = st.floats(0.1, 1.0)


def move(actions, duration_s=0.4, *, start=START, limits=LIMITS):
    origin = start.pose if isinstance(start, MotionState) else start
    return PoseTrajectory(start, waypoints_of(origin, actions), duration_s, limits=limits)


def jerk(trajectory):
    """The largest change of the acceleration in one second, roughly."""
    times = np.linspace(0.0, trajectory.duration_s, 101)[1:-1]
    accelerations = np.array([trajectory.state(time_s).acceleration for time_s in times])
    return np.abs(np.diff(accelerations, axis=0)).max() / (times[1] - times[0]) * 5.0


def twist_by_difference(trajectory, time_s, delta=1e-6):
    before, after = trajectory.sample(time_s - delta)[0], trajectory.sample(time_s + delta)[0]
    turn = vector_from_rotation(after.rotation @ before.rotation.T)
    return np.concatenate([after.position - before.position, turn]) / (2 * delta)


@given(plans, durations)
def test_starts_and_ends_at_rest_in_the_right_places(actions, duration_s):
    trajectory = move(actions, duration_s)
    first, start_twist = trajectory.sample(0.0)
    last, end_twist = trajectory.sample(trajectory.duration_s)
    assert max(distance(first, START)) < 1e-9
    assert max(distance(last, waypoints_of(START, actions)[-1])) < 1e-9
    np.testing.assert_allclose(start_twist, 0.0, atol=1e-9)
    np.testing.assert_allclose(end_twist, 0.0, atol=1e-9)


@given(plans, durations)
def test_passes_every_way_point_at_its_time(actions, duration_s):
    trajectory = move(actions, duration_s)
    step_s = trajectory.duration_s / len(actions)
    for number, waypoint in enumerate(waypoints_of(START, actions), start=1):
        assert max(distance(trajectory.sample(number * step_s - 1e-9)[0], waypoint)) < 1e-6


@given(plans, durations, st.floats(0.02, 0.98))
def test_twist_is_the_derivative_of_the_pose(actions, duration_s, part):
    trajectory = move(actions, duration_s)
    time_s = part * trajectory.duration_s
    found = trajectory.sample(time_s)[1]
    np.testing.assert_allclose(found, twist_by_difference(trajectory, time_s), atol=1e-4)


@settings(max_examples=50)
@given(plans, durations)
def test_limits_are_kept(actions, duration_s):
    trajectory = move(actions, duration_s)
    times = np.linspace(0.0, trajectory.duration_s, 161)
    states = [trajectory.state(time_s) for time_s in times[1:-1]]
    assert trajectory.stretch >= 1.0
    for names, limit in [
        (('twist', slice(0, 3)), LIMITS.max_speed_m_s),
        (('twist', slice(3, 6)), LIMITS.max_rotation_speed_rad_s),
        (('acceleration', slice(0, 3)), LIMITS.max_acceleration_m_s2),
    ]:
        peak = max(np.linalg.norm(getattr(state, names[0])[names[1]]) for state in states)
        assert peak <= 1.02 * limit


def test_motion_within_the_limits_is_not_stretched():
    trajectory = move([[0.08, 0, 0, 0, 0, 0]])
    assert trajectory.stretch == 1.0
    assert trajectory.duration_s == pytest.approx(0.4)
    peak = max(np.linalg.norm(trajectory.sample(t)[1]) for t in np.linspace(0, 0.4, 401))
    assert peak == pytest.approx(1.875 * 0.08 / 0.4, rel=1e-4)


def test_stretched_motion_reaches_the_limit_and_no_more():
    trajectory = move([[0.2, 0, 0, 0, 0, 0]], limits=MotionLimits(max_speed_m_s=0.25))
    peak = max(
        np.linalg.norm(trajectory.sample(t)[1]) for t in np.linspace(0, trajectory.duration_s, 501)
    )
    assert peak == pytest.approx(0.25, rel=1e-3)


@given(plans, durations, st.floats(1.0, 4.0), st.floats(0.0, 1.0))
def test_stretched_motion_is_the_same_but_slower(actions, duration_s, factor, part):
    trajectory = move(actions, duration_s)
    slower = trajectory.stretched(factor)
    assert slower.duration_s == pytest.approx(factor * trajectory.duration_s)
    assert slower.stretch == pytest.approx(factor * trajectory.stretch)
    pose, twist = trajectory.sample(part * trajectory.duration_s)
    later, slow = slower.sample(part * slower.duration_s)
    assert max(distance(pose, later)) < 1e-6
    np.testing.assert_allclose(slow * factor, twist, atol=1e-5)


def highest_share(trajectory):
    """The largest part of a limit that a trajectory takes."""
    times = np.linspace(0.0, trajectory.duration_s, 161)
    states = [trajectory.state(time_s) for time_s in times]
    twist = np.array([state.twist for state in states])
    acceleration = np.array([state.acceleration for state in states])
    return max(
        np.linalg.norm(twist[:, :3], axis=1).max() / LIMITS.max_speed_m_s,
        np.linalg.norm(twist[:, 3:], axis=1).max() / LIMITS.max_rotation_speed_rad_s,
        np.linalg.norm(acceleration[:, :3], axis=1).max() / LIMITS.max_acceleration_m_s2,
        np.linalg.norm(acceleration[:, 3:], axis=1).max()
        / LIMITS.max_rotation_acceleration_rad_s2,
    )


@settings(max_examples=60)
@given(plans, steps, durations, st.floats(0.0, 1.0))
@example([(0.0, 0.0, 0.0, 0.0, 0.25, -0.1875)], (0.0, 0.0, 0.0, 0.0, 0.0, 0.25), 0.6875, 0.28125)
def test_replacement_does_not_jump(actions, other, duration_s, part):
    first = move(actions, duration_s)
    state = first.state(part * first.duration_s)
    second = PoseTrajectory(state, [apply_action(START, other)], duration_s, limits=LIMITS)
    pose, twist = second.sample(0.0)
    assert max(distance(pose, state.pose)) < 1e-9
    np.testing.assert_allclose(twist, state.twist, atol=1e-9)
    going_on = PoseTrajectory(state, [apply_action(START, other)], duration_s)
    if highest_share(going_on) < 0.99:  # otherwise it has to be slower, or to stop accelerating
        soon = second.state(1e-4).acceleration
        np.testing.assert_allclose(soon, state.acceleration, atol=0.05 + 1e-4 * jerk(second))
    assert max(distance(second.sample(second.duration_s)[0], second.end)) < 1e-12


@given(st.lists(steps, min_size=2, max_size=4), durations)
def test_velocity_does_not_jump_at_way_points(actions, duration_s):
    trajectory = move(actions, duration_s)
    step_s = trajectory.duration_s / len(actions)
    for number in range(1, len(actions)):
        before = trajectory.sample(number * step_s - 1e-7)[1]
        after = trajectory.sample(number * step_s + 1e-7)[1]
        np.testing.assert_allclose(before, after, atol=1e-4)


def test_rotation_through_half_a_turn_goes_on_in_its_direction():
    actions = [[0, 0, 0, 0, 0, 0.9]] * 4
    trajectory = move(actions, 1.0, limits=None)
    turned = [trajectory.sample(t)[1][5] for t in np.linspace(0.1, 3.9, 50)]
    assert min(turned) > 0.0


@pytest.mark.parametrize('time_s', [-1.0, 0.0])
def test_before_the_start_is_the_start(time_s):
    pose, twist = move([[0.05, 0, 0, 0, 0, 0]]).sample(time_s)
    assert max(distance(pose, START)) < 1e-12
    assert not twist.any()


def test_way_points_are_relative_to_each_other():
    points = waypoints_of(START, [[0.1, 0, 0, 0, 0, 0], [0, 0.1, 0, 0, 0, 0]])
    np.testing.assert_allclose(points[1].position - START.position, [0.1, 0.1, 0.0])


def test_way_points_stay_in_the_workspace_and_go_on_from_its_border():
    out = [[1.0, 0, 0, 0, 0, 0], [-0.05, 0, 0, 0, 0, 0]]
    points = waypoints_of(START, out, WORKSPACE_CELL)
    assert points[0].position[0] == pytest.approx(0.60)
    assert points[1].position[0] == pytest.approx(0.55)


@pytest.mark.parametrize(
    ('waypoints', 'duration_s', 'reason'),
    [
        ([], 0.4, 'at least one'),
        ([START], 0.0, 'above 0'),
        ([START], math.nan, 'above 0'),
        ([Pose(np.full(3, math.nan))], 0.4, 'NaN'),
    ],
)
def test_nonsense_is_refused(waypoints, duration_s, reason):
    with pytest.raises(TrajectoryError, match=reason):
        PoseTrajectory(START, waypoints, duration_s)


def test_start_that_is_not_finite_is_refused():
    state = MotionState(START, np.full(6, math.nan), np.zeros(6))
    with pytest.raises(TrajectoryError, match='NaN'):
        PoseTrajectory(state, [START], 0.4)
