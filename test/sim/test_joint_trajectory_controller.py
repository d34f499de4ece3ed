"""The emulated joint_trajectory_controller does what docs/conformance.md says of the real one."""

from functools import partial

import numpy as np
import pytest

from jepa_wm_ros.sim.drivers.joint_trajectory import (
    GoalOutcome,
    JointTrajectoryController,
    Tolerances,
    TrajectoryCode,
    TrajectoryControllerSettings,
    TrajectoryRejectedError,
)
from jepa_wm_ros.sim.following import Waypoint

JOINTS = tuple(f'fr3_joint{number}' for number in range(1, 8))
START = np.zeros(7)
REST = np.zeros(7)
PERIOD_S = 0.004
SUCCEEDED, CANCELED, ABORTED = GoalOutcome


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


def to(time_s, angle, speed=REST):
    return Waypoint(time_s, np.full(7, angle), speed)


def ends(made):
    return [(end.goal, end.outcome, end.code) for end in made.ends]


# -- accept, reject ------------------------------------------------------------------------------


def test_a_goal_succeeds_when_its_trajectory_has_ended_and_its_end_is_held():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.2, 0.1)])
    assert play(made, 0.1) == pytest.approx(np.full(7, 0.05), abs=0.005)
    assert made.goal == 'a'
    assert not made.ends
    np.testing.assert_allclose(play(made, 5.0, 0.1), np.full(7, 0.1), atol=1e-9)
    assert ends(made) == [('a', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]
    assert made.goal is None


def test_without_a_tolerance_a_goal_succeeds_wherever_the_arm_is():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.2, 0.1)])
    play(made, 0.21, follow=lambda target: START)
    assert ends(made) == [('a', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]


def test_joints_are_found_by_name():
    made = controller()
    target = np.arange(7) / 100
    made.follow(0.0, JOINTS[::-1], [Waypoint(0.1, target[::-1], REST)])
    np.testing.assert_allclose(play(made, 0.2), target, atol=1e-9)


@pytest.mark.parametrize('by', ['topic', 'action'])
@pytest.mark.parametrize(
    ('names', 'points', 'age_s', 'code'),
    [
        (JOINTS[:6], [Waypoint(0.1, START[:6], None)], 0.0, TrajectoryCode.INVALID_JOINTS),
        ((), [], 0.0, TrajectoryCode.INVALID_JOINTS),
        (
            ('panda_joint1', *JOINTS[1:]),
            [Waypoint(0.1, START)],
            0.0,
            TrajectoryCode.INVALID_JOINTS,
        ),
        (JOINTS, [], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.2, START), Waypoint(0.1, START)], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START), Waypoint(0.1, START)], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START[:3])], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START, START[:3])], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START, np.full(7, 1e-6))], 0.0, TrajectoryCode.INVALID_GOAL),
        (JOINTS, [Waypoint(0.1, START)], 0.2, TrajectoryCode.OLD_HEADER_TIMESTAMP),
    ],
    ids=[
        'few', 'none', 'foreign', 'empty', 'backwards', 'equal times', 'short', 'short speeds',
        'moving end', 'past',
    ],
)  # fmt: skip
def test_what_is_wrong_is_rejected_and_what_is_played_goes_on(by, names, points, age_s, code):
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.1, 0.1)])
    take = made.follow if by == 'topic' else partial(made.accept, goal='b')
    with pytest.raises(TrajectoryRejectedError) as caught:
        take(now_s=0.0, names=names, points=points, start_s=age_s)
    assert caught.value.code is code
    np.testing.assert_allclose(play(made, 0.2), np.full(7, 0.1), atol=1e-9)
    assert ends(made) == [('a', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]


def test_a_moving_end_is_taken_where_it_is_allowed_and_then_the_last_position_is_held():
    made = controller(allow_nonzero_velocity_at_trajectory_end=True)
    made.follow(0.0, JOINTS, [to(0.1, 0.1, np.full(7, 0.5))])
    np.testing.assert_allclose(play(made, 1.0), np.full(7, 0.1), atol=1e-9)


def test_a_speed_at_the_end_below_the_resolution_of_a_float_is_none():
    controller().follow(0.0, JOINTS, [to(0.1, 0.1, np.full(7, 1e-7))])


def test_a_name_that_is_there_twice_is_not_noticed():
    made = controller()
    made.follow(0.0, JOINTS, [to(0.1, 0.1)])
    play(made, 0.2)
    names = (JOINTS[1], *JOINTS[1:])
    made.follow(0.2, names, [Waypoint(0.1, np.full(7, 0.3), REST)])
    there = play(made, 0.4, 0.2)
    assert there[1:] == pytest.approx(np.full(6, 0.3))
    # the joint that is left out has the number before in a buffer: a velocity, which is zero
    assert there[0] == pytest.approx(0.0)


@pytest.mark.parametrize('spoiled', ['positions', 'velocities'])
def test_what_is_not_finite_is_taken_and_ends_the_controller_at_the_hardware(spoiled):
    made = controller()
    numbers = {'positions': np.full(7, 0.1), 'velocities': REST.copy()} | {
        spoiled: np.full(7, np.nan)
    }
    made.accept(0.0, 'a', JOINTS, [Waypoint(0.1, **numbers)])
    joints = play(made, 0.2)
    assert np.isfinite(joints).all()
    assert np.abs(joints).max() < 1e-9
    assert made.failed
    assert not made.active
    assert ends(made) == [('a', ABORTED, TrajectoryCode.INVALID_GOAL)]


# -- stamps --------------------------------------------------------------------------------------


def test_a_trajectory_that_is_under_way_by_its_stamp_is_joined_where_it_is():
    made = controller()
    points = [to(0.1, 0.2, None), to(0.3, 0.4, None)]
    made.follow(0.0, JOINTS, points, start_s=0.2)
    first, _ = made.update(0.0, PERIOD_S, START)
    assert first == pytest.approx(np.full(7, 0.3))  # a jump, as with the real one
    np.testing.assert_allclose(play(made, 0.2), np.full(7, 0.4), atol=1e-9)


def test_a_first_point_that_is_still_to_come_is_approached_from_the_arm():
    made = controller()
    made.follow(0.0, JOINTS, [to(0.4, 0.4, None)], start_s=0.2)
    assert play(made, 0.1)[0] == pytest.approx(0.2, abs=0.01)


def test_a_stamp_in_the_future_makes_the_way_longer_and_not_later():
    made = controller()
    made.follow(0.0, JOINTS, [to(0.1, 0.4, None)], start_s=-0.3)
    assert play(made, 0.2)[0] == pytest.approx(0.2, abs=0.01)
    assert play(made, 0.5, 0.2)[0] == pytest.approx(0.4)


def test_a_first_point_at_time_zero_is_there_at_once():
    made = controller()
    made.follow(0.0, JOINTS, [to(0.0, 0.3)])
    assert made.update(PERIOD_S, PERIOD_S, START)[0] == pytest.approx(np.full(7, 0.3))


def test_positions_alone_are_joined_by_lines_and_with_velocities_by_cubics():
    line, cubic = controller(), controller()
    line.follow(0.0, JOINTS, [to(0.4, 0.4, None)])
    cubic.follow(0.0, JOINTS, [to(0.4, 0.4)])
    assert play(line, 0.1)[0] == pytest.approx(0.1, abs=1e-6)
    assert play(cubic, 0.1)[0] < 0.07


# -- replacement ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('aborts', 'outcome', 'code', 'words'),
    [
        (False, CANCELED, TrajectoryCode.SUCCESSFUL, ''),
        (True, ABORTED, TrajectoryCode.INVALID_GOAL, 'preempted'),
    ],
)
def test_a_second_goal_ends_the_first_at_once(aborts, outcome, code, words):
    made = controller(aborts_replaced_goals=aborts)
    made.accept(0.0, 'a', JOINTS, [to(0.4, 0.4)])
    play(made, 0.1)
    made.accept(0.1, 'b', JOINTS, [to(0.2, -0.1)])
    (end,) = made.ends
    assert (end.goal, end.outcome, end.code, end.prompt) == ('a', outcome, code, True)
    assert words in end.message
    np.testing.assert_allclose(play(made, 0.4, 0.1), np.full(7, -0.1), atol=1e-9)
    assert ends(made)[1:] == [('b', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]


def test_a_message_on_the_topic_replaces_the_trajectory_and_leaves_the_goal():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.2, 0.4)])
    play(made, 0.1)
    made.follow(0.1, JOINTS, [to(0.5, -0.1)])
    play(made, 0.5, 0.1)
    assert not made.ends  # its own trajectory would have ended long ago
    np.testing.assert_allclose(play(made, 0.7, 0.5), np.full(7, -0.1), atol=1e-9)
    assert ends(made) == [('a', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]


@pytest.mark.parametrize('desired', [True, False])
def test_a_new_trajectory_begins_at_the_measured_state_unless_told_otherwise(desired):
    made = controller(interpolate_from_desired_state=desired)
    made.follow(0.0, JOINTS, [to(0.2, 0.2, None)])
    lagging = 0.03
    play(made, 0.1, follow=lambda target: target - lagging)
    made.follow(0.1, JOINTS, [to(0.1, 0.2, None)])
    first, _ = made.update(0.1 + 1e-9, PERIOD_S, np.full(7, 0.1 - lagging))
    assert first[0] == pytest.approx(0.1 if desired else 0.1 - lagging, abs=0.01)


# -- cancel --------------------------------------------------------------------------------------


def test_a_cancelled_goal_is_held_where_the_arm_is():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.4, 0.4)])
    here = play(made, 0.2, follow=lambda target: target - 0.02)
    made.cancel(0.2, 'a')
    assert ends(made) == [('a', CANCELED, TrajectoryCode.SUCCESSFUL)]
    assert play(made, 1.0, 0.2) == pytest.approx(here, abs=0.01)


def test_cancelling_a_goal_that_has_ended_changes_nothing():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.1, 0.1)])
    play(made, 0.2)
    made.follow(0.2, JOINTS, [to(0.2, 0.3)])
    made.cancel(0.3, 'a')
    assert len(made.ends) == 1
    np.testing.assert_allclose(play(made, 0.5, 0.2), np.full(7, 0.3), atol=1e-9)


# -- tolerances, timeouts ------------------------------------------------------------------------


def test_an_arm_that_does_not_follow_aborts_the_goal_and_is_held_where_it_is():
    made = controller(path_tolerance_rad=0.05)
    made.accept(0.0, 'a', JOINTS, [to(0.4, 0.4)])
    stuck = play(made, 0.4, follow=lambda target: START)
    assert ends(made) == [('a', ABORTED, TrajectoryCode.PATH_TOLERANCE_VIOLATED)]
    assert made.update(0.404, PERIOD_S, stuck)[0] == pytest.approx(START)


def test_a_trajectory_of_the_topic_that_is_not_followed_is_held_and_nobody_is_told():
    made = controller(path_tolerance_rad=0.05)
    made.follow(0.0, JOINTS, [to(0.4, 0.4)])
    play(made, 0.4, follow=lambda target: START)
    assert made.holding
    assert not made.ends


def test_an_arm_that_stays_off_the_goal_aborts_after_the_goal_time():
    made = controller(goal_tolerance_rad=0.01, goal_time_s=0.1)
    made.accept(0.0, 'a', JOINTS, [to(0.1, 0.1)])
    play(made, 0.15, follow=lambda target: target - 0.05)
    assert not made.ends
    play(made, 0.3, 0.15, follow=lambda target: target - 0.05)
    assert ends(made) == [('a', ABORTED, TrajectoryCode.GOAL_TOLERANCE_VIOLATED)]


def test_without_a_goal_time_an_arm_that_stays_off_the_goal_is_waited_for():
    made = controller(goal_tolerance_rad=0.01)
    made.accept(0.0, 'a', JOINTS, [to(0.1, 0.1)])
    play(made, 5.0, follow=lambda target: target - 0.05)
    assert not made.ends
    play(made, 5.1, 5.0)
    assert ends(made) == [('a', SUCCEEDED, TrajectoryCode.SUCCESSFUL)]


def test_a_command_timeout_holds_the_measured_position_once_the_trajectory_has_ended():
    made = controller(cmd_timeout_s=0.2)
    made.follow(0.0, JOINTS, [to(0.1, 0.1)])
    away = play(made, 0.25, follow=lambda target: target - 0.05)
    assert not made.holding
    play(made, 0.35, 0.25, follow=lambda target: away)
    assert made.holding
    assert made.update(0.4, PERIOD_S, away)[0] == pytest.approx(away)


def test_a_command_timeout_shorter_than_the_goal_time_does_not_count():
    made = controller(cmd_timeout_s=0.2, goal_time_s=0.3, goal_tolerance_rad=0.01)
    made.follow(0.0, JOINTS, [to(0.1, 0.1)])
    play(made, 0.35, follow=lambda target: target - 0.05)
    assert not made.holding


def test_tolerances_of_a_goal_count_zero_leaves_and_minus_one_erases():
    own = TrajectoryControllerSettings(
        joints=JOINTS, path_tolerance_rad=0.2, goal_tolerance_rad=0.3, goal_time_s=0.4
    ).tolerances
    asked = own.asked_for(JOINTS, [(JOINTS[0], 0.1), (JOINTS[1], -1.0)], [(JOINTS[2], 0.0)], 0.0)
    assert asked.path[:3] == pytest.approx([0.1, 0.0, 0.2])
    assert asked.goal[2] == pytest.approx(0.3)
    assert asked.goal_time_s == pytest.approx(0.4)


@pytest.mark.parametrize('wrong', [('panda_joint1', 0.1), (JOINTS[0], -0.5)])
def test_a_tolerance_that_makes_no_sense_leaves_all_as_they_were(wrong):
    own = TrajectoryControllerSettings(joints=JOINTS, path_tolerance_rad=0.2).tolerances
    assert own.asked_for(JOINTS, [(JOINTS[1], 0.1), wrong], [], 0.0) is own


def test_the_tolerances_of_a_goal_are_looked_at():
    made = controller()
    strict = Tolerances(np.full(7, 0.05), REST, 0.0)
    made.accept(0.0, 'a', JOINTS, [to(0.4, 0.4)], tolerances=strict)
    play(made, 0.4, follow=lambda target: START)
    assert ends(made) == [('a', ABORTED, TrajectoryCode.PATH_TOLERANCE_VIOLATED)]


# -- not active ----------------------------------------------------------------------------------


def test_deactivation_in_mid_goal_aborts_it_and_the_arm_keeps_its_last_command():
    made = controller()
    made.accept(0.0, 'a', JOINTS, [to(0.4, 0.4)])
    here = play(made, 0.2)
    made.deactivate()
    assert ends(made) == [('a', ABORTED, TrajectoryCode.INVALID_GOAL)]
    assert 'deactivate' in made.ends[0].message
    assert play(made, 1.0, 0.2) == pytest.approx(here)


def test_an_inactive_controller_rejects_goals_and_drops_what_comes_on_the_topic():
    made = controller()
    made.deactivate()
    with pytest.raises(TrajectoryRejectedError, match='not running'):
        made.accept(0.0, 'a', JOINTS, [to(0.1, 0.1)])
    made.follow(0.0, JOINTS, [to(0.1, 0.1)])
    assert play(made, 0.2) == pytest.approx(START)
    made.activate(0.2, START)
    assert play(made, 0.4, 0.2) == pytest.approx(START)
