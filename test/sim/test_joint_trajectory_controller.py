"""The emulated joint_trajectory_controller takes what the real one takes, and nothing else."""

import numpy as np
import pytest

from jepa_wm_ros.sim.drivers.joint_trajectory import (
    JointTrajectoryController,
    TrajectoryCode,
    TrajectoryControllerSettings,
    TrajectoryRejectedError,
)
from jepa_wm_ros.sim.following import Waypoint

JOINTS = tuple(f'fr3_joint{number}' for number in range(1, 8))
START = np.zeros(7)
REST = np.zeros(7)
PERIOD_S = 0.004


def controller(**settings):
    made = JointTrajectoryController(TrajectoryControllerSettings(joints=JOINTS, **settings))
    made.activate(0.0, START)
    return made


def play(made, until_s, now_s=0.0, follow=lambda target: target):
    """Run the controller in front of an arm; return its last joints."""
    joints = made._seen[1]
    while now_s < until_s - 1e-9:
        now_s += PERIOD_S
        target, _ = made.update(now_s, PERIOD_S, joints)
        joints = follow(target)
    return joints


def test_a_trajectory_ends_where_it_should_and_is_held_without_further_commands():
    made = controller()
    made.follow(0.0, JOINTS, [Waypoint(0.2, np.full(7, 0.1), REST)])
    assert play(made, 0.1) == pytest.approx(np.full(7, 0.05), abs=0.005)
    assert made.outcome is None
    np.testing.assert_allclose(play(made, 5.0, 0.1), np.full(7, 0.1), atol=1e-9)
    assert made.outcome is TrajectoryCode.SUCCESSFUL


def test_joints_are_found_by_name():
    made = controller()
    target = np.arange(7) / 100
    made.follow(0.0, JOINTS[::-1], [Waypoint(0.1, target[::-1], REST)])
    np.testing.assert_allclose(play(made, 0.2), target, atol=1e-9)


@pytest.mark.parametrize(
    ('names', 'points', 'age_s', 'code'),
    [
        (JOINTS[:6], [Waypoint(0.1, START[:6], None)], 0.0, TrajectoryCode.INVALID_JOINTS),
        (
            ('panda_joint1', *JOINTS[1:]),
            [Waypoint(0.1, START)],
            0.0,
            TrajectoryCode.INVALID_JOINTS,
        ),
        (JOINTS, [], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.2, START), Waypoint(0.1, START)], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START[:3])], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START, np.full(7, 0.5))], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START)], 0.2, TrajectoryCode.OLD_HEADER_TIMESTAMP),
    ],
    ids=['few', 'foreign', 'empty', 'backwards', 'short', 'moving end', 'past'],
)
def test_what_is_wrong_is_rejected_and_what_is_played_goes_on(names, points, age_s, code):
    made = controller()
    made.follow(0.0, JOINTS, [Waypoint(0.1, np.full(7, 0.1), REST)])
    with pytest.raises(TrajectoryRejectedError) as caught:
        made.follow(0.0, names, points, age_s)
    assert caught.value.code is code
    np.testing.assert_allclose(play(made, 0.2), np.full(7, 0.1), atol=1e-9)


def test_a_moving_end_is_taken_where_it_is_allowed():
    made = controller(allow_nonzero_velocity_at_trajectory_end=True)
    made.follow(0.0, JOINTS, [Waypoint(0.1, START, np.full(7, 0.5))])


def test_points_that_are_past_are_dropped():
    made = controller()
    points = [Waypoint(0.1, np.full(7, 9.0), REST), Waypoint(0.3, np.full(7, 0.1), REST)]
    made.follow(0.0, JOINTS, points, start_s=0.2)
    np.testing.assert_allclose(play(made, 0.11), np.full(7, 0.1), atol=1e-9)


def test_positions_alone_are_joined_by_lines_and_with_velocities_by_cubics():
    line, cubic = controller(), controller()
    line.follow(0.0, JOINTS, [Waypoint(0.4, np.full(7, 0.4))])
    cubic.follow(0.0, JOINTS, [Waypoint(0.4, np.full(7, 0.4), REST)])
    assert play(line, 0.1)[0] == pytest.approx(0.1, abs=1e-6)
    assert play(cubic, 0.1)[0] < 0.07


@pytest.mark.parametrize('desired', [True, False])
def test_a_new_trajectory_begins_at_the_measured_state_unless_told_otherwise(desired):
    made = controller(interpolate_from_desired_state=desired)
    made.follow(0.0, JOINTS, [Waypoint(0.2, np.full(7, 0.2))])
    lagging = 0.03
    play(made, 0.1, follow=lambda target: target - lagging)
    made.follow(0.1, JOINTS, [Waypoint(0.1, np.full(7, 0.2))])
    first, _ = made.update(0.1 + 1e-9, PERIOD_S, np.full(7, 0.1 - lagging))
    assert first[0] == pytest.approx(0.1 if desired else 0.1 - lagging, abs=0.01)


def test_a_cancelled_trajectory_is_held_where_the_arm_is():
    made = controller()
    made.follow(0.0, JOINTS, [Waypoint(0.4, np.full(7, 0.4))])
    here = play(made, 0.2)
    made.cancel(0.2)
    assert play(made, 1.0, 0.2) == pytest.approx(here, abs=0.005)


def test_an_arm_that_does_not_follow_aborts_the_trajectory():
    made = controller(path_tolerance_rad=0.05)
    made.follow(0.0, JOINTS, [Waypoint(0.4, np.full(7, 0.4))])
    play(made, 0.4, follow=lambda target: START)
    assert made.outcome is TrajectoryCode.PATH_TOLERANCE_VIOLATED


def test_an_arm_that_stays_off_the_goal_aborts_after_the_goal_time():
    made = controller(goal_tolerance_rad=0.01, goal_time_s=0.1)
    made.follow(0.0, JOINTS, [Waypoint(0.1, np.full(7, 0.1))])
    play(made, 0.15, follow=lambda target: target - 0.05)
    assert made.outcome is None
    play(made, 0.3, 0.15, follow=lambda target: target - 0.05)
    assert made.outcome is TrajectoryCode.GOAL_TOLERANCE_VIOLATED
