"""A whole motion in joint space: the flange goes where the trajectory goes, and ends at rest."""

from functools import partial

import numpy as np
import pytest

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.joint_route import RouteError, joint_route
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import apply_action, distance
from jepa_wm_ros.robot.trajectory import PoseTrajectory

KINEMATICS = Kinematics()


def solve(time_s, pose, seed, posture_step_rad):
    return KINEMATICS.inverse(pose, seed, posture_step_rad=posture_step_rad)


def route(action, solver=solve, **options):
    start = KINEMATICS.forward(READY_POSTURE)
    trajectory = PoseTrajectory(start, [apply_action(start, action)], 0.5)
    rest = np.zeros(7)
    return trajectory, joint_route(solver, trajectory, READY_POSTURE, velocities=rest, **options)


def test_the_flange_follows_the_trajectory_and_rests_at_its_end():
    trajectory, points = route([0.05, -0.03, 0.02, 0.0, 0.0, 0.1])
    for point in points:
        wanted, _ = trajectory.sample(point.time_s)
        assert distance(KINEMATICS.forward(point.positions), wanted)[0] < 1e-4
    assert points[-1].time_s == pytest.approx(trajectory.duration_s)
    np.testing.assert_array_equal(points[-1].velocities, 0.0)


def test_times_increase_in_steps_of_20_ms_at_most_and_velocities_are_slopes():
    _, points = route([0.05, 0.0, 0.0, 0.0, 0.0, 0.0])
    steps = np.diff([0.0, *(point.time_s for point in points)])
    assert (steps > 0.0).all()
    assert steps.max() <= 0.02 + 1e-9
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        slope = (after.positions - before.positions) / (after.time_s - before.time_s)
        np.testing.assert_allclose(at.velocities, slope, atol=1e-9)


def test_a_route_that_leaves_the_reach_of_the_arm_is_refused_with_a_reason():
    with pytest.raises(RouteError, match='into the motion'):
        route([0.6, 0.0, 0.5, 0.0, 0.0, 0.0])


def test_the_solver_is_told_the_time():
    times = []

    def spy(time_s, *rest):
        times.append(time_s)
        return solve(time_s, *rest)

    _, points = route([0.01, 0.0, 0.0, 0.0, 0.0, 0.0], partial(spy))
    assert times == [point.time_s for point in points]


def test_a_slower_pace_takes_longer_on_the_same_path():
    _, fast = route([0.05, 0.0, 0.0, 0.0, 0.0, 0.0])
    _, slow = route([0.05, 0.0, 0.0, 0.0, 0.0, 0.0], pace=0.25)
    assert slow[-1].time_s == pytest.approx(4.0 * fast[-1].time_s)
    for quick, lazy in zip(fast, slow, strict=True):
        np.testing.assert_allclose(lazy.positions, quick.positions, atol=1e-9)
        np.testing.assert_allclose(lazy.velocities, 0.25 * quick.velocities, atol=1e-9)


def test_what_is_behind_is_left_out():
    trajectory, whole = route([0.05, 0.0, 0.0, 0.0, 0.0, 0.0])
    middle = whole[len(whole) // 2]
    rest = joint_route(
        solve, trajectory, middle.positions, velocities=middle.velocities, begin_s=middle.time_s
    )
    assert rest[-1].time_s == pytest.approx(trajectory.duration_s - middle.time_s)
    assert distance(KINEMATICS.forward(rest[-1].positions), trajectory.end)[0] < 1e-4
