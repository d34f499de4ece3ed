"""Following joint trajectories between two commands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.sim.following import TrajectoryCommandError, TrajectoryFollower, Waypoint

REST = np.zeros(7)
small = st.tuples(*(st.floats(-0.2, 0.2) for _ in range(7))).map(np.array)


@pytest.fixture
def follower():
    return TrajectoryFollower(READY_POSTURE, FER)


def test_it_holds_until_told_otherwise(follower):
    positions, velocities = follower.sample(100.0)
    assert np.array_equal(positions, READY_POSTURE)
    assert not velocities.any()
    assert not follower.moving


@settings(deadline=None)
@given(small, small)
def test_it_passes_every_waypoint_with_its_speed_and_then_holds(first, second):
    follower = TrajectoryFollower(READY_POSTURE, FER)
    points = [
        Waypoint(1.0, READY_POSTURE + first, first),
        Waypoint(2.5, READY_POSTURE + second, REST),
    ]
    follower.follow(10.0, points)
    positions, velocities = follower.sample(11.0 - 1e-9)
    assert positions == pytest.approx(points[0].positions, abs=1e-6)
    assert velocities == pytest.approx(first, abs=1e-6)
    positions, velocities = follower.sample(12.5)
    assert np.array_equal(positions, points[1].positions)
    assert not velocities.any()
    assert not follower.moving


def test_velocities_are_the_slope_of_the_positions(follower):
    follower.follow(0.0, [Waypoint(1.0, READY_POSTURE + 0.3, REST)])
    for moment in np.linspace(0.05, 0.95, 19):
        _, speed = follower.sample(moment - 1e-5)
        before, after = follower.sample(moment - 1e-5)[0], follower.sample(moment + 1e-5)[0]
        assert (after - before) / 2e-5 == pytest.approx(speed, abs=1e-3)


def test_a_replacement_jumps_neither_in_position_nor_in_speed(follower):
    follower.follow(0.0, [Waypoint(1.0, READY_POSTURE + 0.3, REST)])
    positions, velocities = follower.sample(0.5)
    assert np.abs(velocities).max() > 0.1
    follower.follow(0.5, [Waypoint(1.0, READY_POSTURE - 0.1, REST)])
    replaced, speed = follower.sample(0.5)
    assert replaced == pytest.approx(positions)
    assert speed == pytest.approx(velocities)


def test_without_speeds_the_way_is_straight(follower):
    follower.follow(0.0, [Waypoint(1.0, READY_POSTURE + 0.4)])
    positions, velocities = follower.sample(0.25)
    assert positions == pytest.approx(READY_POSTURE + 0.1)
    assert velocities == pytest.approx(np.full(7, 0.4))


def test_far_targets_are_approached_no_faster_than_the_joints_allow(follower):
    follower.follow(0.0, [Waypoint(0.01, READY_POSTURE + 0.5)])
    moments = np.arange(0, 2, 0.01)
    positions = np.array([follower.sample(moment)[0] for moment in moments])
    assert (np.abs(np.diff(positions, axis=0)) <= FER.velocity * 0.01 + 1e-9).all()
    assert positions[-1] == pytest.approx(READY_POSTURE + 0.5)


def test_targets_outside_of_the_joint_limits_are_clipped(follower):
    follower.follow(0.0, [Waypoint(1.0, FER.upper + 1.0)])
    assert np.array_equal(follower.sample(60.0)[0], FER.upper)


def test_holding_forgets_the_trajectory(follower):
    follower.follow(0.0, [Waypoint(1.0, READY_POSTURE + 0.4, REST)])
    here, _ = follower.sample(0.5)
    follower.hold(here)
    assert np.array_equal(follower.sample(2.0)[0], here)


@pytest.mark.parametrize(
    'points',
    [
        [],
        [Waypoint(-0.1, READY_POSTURE)],
        [Waypoint(1.0, READY_POSTURE), Waypoint(1.0, READY_POSTURE)],
        [Waypoint(1.0, np.full(7, np.nan))],
        [Waypoint(1.0, READY_POSTURE, np.full(7, np.inf))],
        [Waypoint(1.0, np.zeros(6))],
        [Waypoint(np.nan, READY_POSTURE)],
    ],
)
def test_broken_trajectories_are_refused_and_the_old_one_goes_on(follower, points):
    follower.follow(0.0, [Waypoint(1.0, READY_POSTURE + 0.4, REST)])
    with pytest.raises(TrajectoryCommandError):
        follower.follow(0.5, points)
    assert follower.sample(1.0)[0] == pytest.approx(READY_POSTURE + 0.4)
