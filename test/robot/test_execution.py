"""The arm executor moves, settles, holds, and keeps every limit whatever it is asked for."""

import itertools
import math

import numpy as np
import pytest
from arm_rig import KINEMATICS, PERIOD_S
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.limits import FER, WORKSPACE_CELL, MotionLimits, Workspace
from jepa_wm_ros.robot.motion import ExecutionError, ExecutionSettings
from jepa_wm_ros.robot.poses import Pose, apply_action, distance

FORWARD = [0.05, 0.0, -0.05, 0.0, 0.0, 0.0, 0.0]
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]
MIDDLE = 25  # periods into a motion of 0.4 s, near its highest speed


def assert_holds(rig, *, braked=True):
    """The motion brakes, and the last command holds the arm where that leads it."""
    before = len(rig.sent)
    rig.run(most=16)  # 0.15 s
    last = rig.sent[-1]
    assert last.hold
    assert not last.joint_velocities.any()
    assert all(command.brake for command in rig.sent[before:-1])
    if braked:
        steps = np.diff([command.joint_positions for command in rig.sent[-16:]], axis=0)
        assert np.abs(np.diff(steps, axis=0)).max() <= FER.acceleration.max() * PERIOD_S**2
        rig.step()
        np.testing.assert_allclose(last.joint_positions, rig.joints)


def test_arrives_where_the_action_says_and_settles(rig):
    target = apply_action(rig.pose, FORWARD)
    assert rig.execute(FORWARD) is None
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]
    assert distance(rig.pose, target)[0] < 1e-4
    assert rig.supervisor.state is SafetyState.ARMED


def test_first_command_is_sent_with_the_acceptance(rig):
    assert not rig.sent
    rig.execute(FORWARD)
    assert len(rig.sent) == 1
    assert 0.0 < distance(rig.sent[0].pose, rig.pose)[0] < 0.001


def test_motion_takes_the_step_duration(rig):
    rig.execute(FAR)
    count = 0
    while rig.executor.motion is not None and rig.executor.motion.settling is None:
        rig.step()
        count += 1
    ahead_s = rig.executor.settings.lookahead_s
    assert count * PERIOD_S == pytest.approx(0.4 - ahead_s, abs=0.011)


def test_set_points_lie_ahead_of_their_time(rig):
    rig.execute(FAR)
    trajectory = rig.executor.motion.trajectory
    ahead_s = rig.executor.settings.lookahead_s
    rig.step(20)
    for tick in (0, 10, 20):
        expected = trajectory.sample(tick * PERIOD_S + ahead_s)[0]
        assert distance(rig.sent[tick].pose, expected)[0] < 1e-9


def test_velocities_are_the_derivative_of_the_positions(rig):
    rig.execute([FAR, FORWARD])
    rig.run()
    positions = np.array([command.joint_positions for command in rig.sent])
    velocities = np.array([command.joint_velocities for command in rig.sent])
    moving = slice(2, 70)
    expected = np.gradient(positions, PERIOD_S, axis=0)[moving]
    assert np.abs(velocities[moving] - expected).max() < 0.03
    assert np.abs(expected).max() > 0.5


def test_several_actions_pass_their_way_points(rig):
    actions = np.array([FORWARD, FAR, FORWARD])
    start = rig.pose
    rig.execute(actions)
    rig.run()
    executed = rig.results[0].executed
    assert [action.step for action in executed] == [0, 1, 2]
    total = sum(action.measured[:3] for action in executed)
    np.testing.assert_allclose(total, rig.pose.position - start.position, atol=1e-9)
    np.testing.assert_allclose(executed[1].commanded, FAR, atol=1e-9)
    np.testing.assert_allclose(executed[1].measured[:3], FAR[:3], atol=0.01)


def test_target_is_relative_to_the_pose_of_the_observation(rig):
    seen = apply_action(rig.pose, [0.005, 0, 0, 0, 0, 0])
    rig.execute(FORWARD, pose=seen)
    rig.run()
    assert distance(rig.pose, apply_action(seen, FORWARD))[0] < 1e-4


def test_target_outside_of_the_workspace_is_clipped_into_it(make_rig):
    box = Workspace(lower=np.array([0.3, 0.0, 0.0]), upper=np.array([0.6, 0.03, 0.5]))
    rig = make_rig(settings=ExecutionSettings(workspace=box))
    rig.execute(FAR)
    rig.run()
    assert rig.results[0].clamped
    assert rig.pose.position[1] == pytest.approx(0.03, abs=1e-4)


def test_huge_action_is_cut_to_the_step_box(rig):
    before = rig.pose
    rig.execute([0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    rig.run()
    assert rig.results[0].clamped
    assert rig.supervisor.counters.clamped == 1
    moved = rig.pose.position - before.position
    assert moved[1] == pytest.approx(rig.supervisor.limits.max_step_m, abs=1e-4)


def test_gripper_closes_by_what_the_action_says(rig):
    rig.execute([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75])
    rig.run()
    assert rig.gripper == pytest.approx(0.75)
    assert sum(command.gripper is not None for command in rig.sent) == 1
    assert rig.results[0].executed[0].measured[6] == pytest.approx(0.75)


def test_gripper_closes_step_by_step(rig):
    rig.execute([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]])
    rig.run()
    sent = [command.gripper for command in rig.sent if command.gripper is not None]
    assert sent == pytest.approx([0.25, 0.75])
    closed = [action.commanded[6] for action in rig.results[0].executed]
    assert closed == pytest.approx([0.25, 0.5])


def test_gripper_stays_within_its_range(rig):
    rig.gripper = 0.9
    rig.step()
    rig.execute([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75])
    rig.run()
    assert rig.gripper == 1.0


def test_command_does_not_jump_when_the_next_plan_begins(rig):
    for action in (FORWARD, FAR, FORWARD):
        assert rig.execute(action) is None
        rig.run()
    steps = np.diff([command.joint_positions for command in rig.sent], axis=0)
    assert np.abs(steps).max() <= FER.velocity.max() * PERIOD_S


def test_arm_that_does_not_arrive_is_reported_as_not_settled(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.follows = False
    rig.run()
    assert rig.codes == [ResultCode.NOT_SETTLED]
    assert 'mm' in rig.results[0].message
    assert rig.supervisor.state is SafetyState.ARMED


@pytest.mark.parametrize(
    ('action', 'unit'),
    [([0.0, 0.03, 0.0, 0.0, 0.0, 0.0, 0.0], 'mm'), ([0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0], 'deg')],
)
def test_a_step_without_motion_is_no_success(rig, action, unit):
    rig.follows = False
    rig.execute(action)
    rig.run()
    assert rig.codes == [ResultCode.NOT_MOVED]
    assert f'moved 0.0 {unit}' in rig.results[0].message
    assert len(rig.results[0].executed) == 1
    assert rig.supervisor.state is SafetyState.ARMED


def test_a_step_that_commands_no_motion_succeeds_without_one(rig):
    rig.execute(np.zeros(7))
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]


def test_arm_that_stays_behind_is_a_fault(make_rig):
    rig = make_rig(max_tracking_error_m=0.02)
    rig.execute(FAR)
    rig.follows = False
    rig.run()
    assert rig.codes == [ResultCode.FAULT]
    assert rig.supervisor.fault.code is FaultCode.NOT_FOLLOWING
    # A hold where it is stuck would be a jump of the command.
    steps = np.diff([command.joint_positions for command in rig.sent], axis=0)
    assert (np.abs(steps) <= FER.velocity * PERIOD_S).all()
    assert rig.sent[-1].hold


def test_second_plan_is_refused_while_the_first_is_executed(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    assert rig.execute(FAR).code is ResultCode.BUSY
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]


def test_second_plan_replaces_the_first_without_a_jump(make_rig):
    rig = make_rig(settings=ExecutionSettings(streaming=True))
    rig.execute(FAR)
    rig.step(MIDDLE)
    before = rig.sent[-1].joint_velocities
    speed_before = rig.executor.motion.trajectory.sample(rig.executor.motion.time_s)[1]
    assert rig.execute([-0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], age_s=0.0) is None
    assert rig.codes == [ResultCode.PREEMPTED]
    rig.run()
    assert rig.codes == [ResultCode.PREEMPTED, ResultCode.SUCCEEDED]
    velocities = np.array([command.joint_velocities for command in rig.sent])
    assert np.abs(np.diff(velocities, axis=0)).max() < 0.1
    assert np.linalg.norm(before) > 0.1
    assert np.linalg.norm(speed_before) > 0.1


def test_cancel_holds_and_stays_armed(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.executor.cancel(rig.now)
    assert_holds(rig)
    assert rig.codes == [ResultCode.CANCELED]
    assert rig.supervisor.state is SafetyState.ARMED
    sent = len(rig.sent)
    rig.step(20)
    assert len(rig.sent) == sent


def test_stop_holds_and_disarms(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.executor.disarm(rig.now)
    assert_holds(rig)
    assert rig.codes == [ResultCode.STOPPED]
    assert rig.supervisor.state is SafetyState.DISARMED
    assert rig.execute(FAR).code is ResultCode.NOT_ARMED


def test_disarming_a_resting_arm_that_we_command_holds_it(rig):
    rig.execute(FORWARD)
    rig.run()
    commanded = rig.sent[-1]
    rig.executor.disarm(rig.now)
    assert rig.sent[-1].hold
    np.testing.assert_array_equal(rig.sent[-1].joint_positions, commanded.joint_positions)


@pytest.mark.parametrize('ask', ['disarm', 'cancel'])
def test_an_arm_that_was_never_commanded_needs_no_hold(rig, ask):
    getattr(rig.executor, ask)(rig.now)
    rig.step(20)
    assert not rig.sent


def test_a_resting_arm_that_others_have_moved_is_not_pulled_back(rig):
    rig.execute(FORWARD)
    rig.run()
    sent = len(rig.sent)
    rig.follows = False
    for _ in range(20):
        rig.joints = rig.joints + 0.005
        rig.step()
    rig.executor.disarm(rig.now)
    assert len(rig.sent) == sent
    assert 'jump' in rig.executor.gate.reason


def test_disarmed_executor_never_sends_anything(make_rig):
    rig = make_rig(armed=False)
    assert rig.execute(FAR).code is ResultCode.NOT_ARMED
    rig.executor.disarm(rig.now)
    rig.executor.cancel(rig.now)
    rig.step(50)
    assert not rig.sent


def test_joint_states_that_stop_hold_the_arm_and_latch_a_fault(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.joints_live = False
    limit = rig.supervisor.limits.max_joint_age_s
    rig.step(math.ceil(limit / PERIOD_S) + 2)
    assert rig.supervisor.fault.code is FaultCode.JOINTS_STALE
    assert_holds(rig)
    assert rig.codes == [ResultCode.FAULT]


def test_camera_that_freezes_holds_within_two_frames(rig):
    rig.execute([FAR, FAR])
    rig.step(MIDDLE)
    rig.camera = 'frozen'
    rig.step(14)
    assert rig.supervisor.fault.code is FaultCode.IMAGE_FROZEN
    assert_holds(rig)


def test_plan_is_refused_while_the_camera_is_frozen(rig):
    rig.camera = 'frozen'
    rig.step(10)
    assert rig.execute(FORWARD).code is ResultCode.IMAGE_FROZEN
    rig.camera = 'live'
    rig.step(10)
    assert rig.execute(FORWARD) is None


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_plan_that_is_not_finite_moves_nothing_and_latches_a_fault(rig, bad):
    action = [*FORWARD]
    action[4] = bad
    assert rig.execute(action).code is ResultCode.NOT_FINITE
    rig.step(20)
    assert not rig.sent
    assert rig.supervisor.fault.code is FaultCode.NOT_FINITE


def test_observation_pose_that_is_not_finite_moves_nothing(rig):
    pose = Pose(np.full(3, np.nan), np.eye(3))
    assert rig.execute(FORWARD, pose=pose).code is ResultCode.NOT_FINITE
    assert not rig.sent


def test_joint_states_that_are_not_finite_end_a_motion_in_a_fault(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    said = rig.executor.joints_seen(rig.ros_s, np.full(7, np.nan), 0.0, rig.now)
    assert 'not finite' in said
    assert rig.supervisor.fault.code is FaultCode.JOINTS_INVALID
    assert_holds(rig)


def test_plan_of_an_arm_that_has_moved_since_is_refused(rig):
    elsewhere = apply_action(rig.pose, [0.02, 0, 0, 0, 0, 0])
    refusal = rig.execute(FORWARD, pose=elsewhere)
    assert refusal.code is ResultCode.DRIFTED
    assert '20.0 mm' in refusal.message


@pytest.mark.parametrize('age_s', [2.5, -0.5])
def test_plan_of_the_wrong_age_is_refused(rig, age_s):
    assert rig.execute(FORWARD, age_s=age_s).code is ResultCode.PLAN_TOO_OLD


def test_target_out_of_reach_is_refused_before_anything_moves(make_rig):
    everywhere = Workspace(lower=np.full(3, -2.0), upper=np.full(3, 2.0))
    rig = make_rig(
        settings=ExecutionSettings(workspace=everywhere),
        workspace=everywhere,
        max_step_m=1.0,
        max_step_length_m=2.0,
    )
    refusal = rig.execute([1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0])
    assert refusal.code is ResultCode.UNREACHABLE
    assert '% of the motion' in refusal.message
    assert not rig.sent
    assert rig.supervisor.state is SafetyState.ARMED


def test_clock_that_jumps_back_during_a_motion_is_a_fault(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.ros_s -= 10.0
    rig.executor.tick(rig.now)
    assert rig.supervisor.fault.code is FaultCode.CLOCK_JUMP
    assert_holds(rig)


def test_own_process_that_slept_is_not_taken_for_a_silent_robot(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    rig.ros_s += 0.3
    rig.steady_s += 0.3
    rig.executor.tick(rig.now)
    rig.executor.picture_seen(rig.ros_s - 0.01, False, rig.now)
    rig.step(1)
    assert rig.supervisor.fault is None
    before, after = rig.sent[-2], rig.sent[-1]
    assert distance(before.pose, after.pose)[0] < 0.4 * 3 * PERIOD_S


def test_ticks_that_come_late_stretch_the_motion_instead_of_jumping(rig):
    rig.execute(FAR)
    for _ in range(20):
        rig.executor.picture_seen(rig.ros_s, False, rig.now)
        rig.step(period_s=0.028)
    assert rig.supervisor.counters.held == 0
    poses = [command.pose for command in rig.sent]
    longest = max(distance(a, b)[0] for a, b in itertools.pairwise(poses))
    assert longest <= 0.375 * 2 * PERIOD_S * 1.01


def test_arm_that_was_moved_while_disarmed_starts_from_where_it_is(rig):
    rig.execute(FORWARD)
    rig.run()
    rig.executor.disarm(rig.now)
    rig.sent.clear()
    rig.follows = False
    for _ in range(20):
        rig.joints = rig.joints + 0.002
        rig.step()
    rig.executor.arm(rig.now)
    rig.execute(FORWARD)
    assert np.abs(rig.sent[0].joint_positions - rig.joints).max() < 0.005


def test_simulated_time_that_stands_still_ends_in_a_fault_by_the_steady_clock(rig):
    rig.execute(FAR)
    rig.step(MIDDLE)
    for _ in range(30):
        rig.steady_s += PERIOD_S
        rig.executor.tick(rig.now)
    assert rig.supervisor.fault.code is FaultCode.JOINTS_STALE


@pytest.mark.parametrize('shape', [(0, 7), (1, 6), (7,), (1, 8)])
def test_plan_of_a_wrong_shape_is_not_a_plan(rig, shape):
    plan = rig.plan(FORWARD)
    with pytest.raises(ExecutionError, match='shape'):
        type(plan)(
            actions=np.zeros(shape),
            step_duration_s=0.4,
            observation_stamp_s=0.0,
            observation_pose=plan.observation_pose,
        )


numbers = st.floats(-0.3, 0.3)
actions = st.lists(st.tuples(*[numbers] * 7), min_size=1, max_size=3)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plans=st.lists(actions, min_size=1, max_size=3), duration=st.floats(0.05, 1.0),
       gaps=st.lists(st.integers(1, 12), min_size=1, max_size=6))  # fmt: skip
def test_commands_keep_every_limit_for_any_plan(make_rig, plans, duration, gaps):
    motion = MotionLimits(max_speed_m_s=0.4, max_rotation_speed_rad_s=0.8)
    rig = make_rig(settings=ExecutionSettings(motion=motion, streaming=True), max_drift_m=1.0,
                   max_drift_rad=4.0)  # fmt: skip
    for number, plan in enumerate(plans):
        rig.execute(plan, step_duration_s=duration, age_s=0.0)
        rig.step(gaps[number % len(gaps)])
    for _ in range(3000):
        if rig.executor.motion is None:
            break
        rig.step()
    limits = rig.supervisor.limits
    moves = [command for command in rig.sent if not command.hold]
    for command in moves:
        assert limits.workspace.contains(command.pose.position, tolerance=1e-5)
        margin = 0.0 if command.brake else limits.joint_margin_rad
        assert limits.joints.margin(command.joint_positions) >= margin
        assert np.isfinite(command.joint_positions).all()
        assert distance(KINEMATICS.forward(command.joint_positions), command.pose)[0] < 1e-4
    steps = np.diff([command.joint_positions for command in rig.sent], axis=0)
    if len(steps):
        assert (np.abs(steps).max(axis=0) <= 1.06 * limits.joints.velocity * 2 * PERIOD_S).all()
    if rig.supervisor.fault is None and rig.codes[-1:] == [ResultCode.SUCCEEDED]:
        assert WORKSPACE_CELL.contains(rig.pose.position, tolerance=1e-3)


def test_a_clock_that_is_set_back_while_the_arm_rests_is_doubt_and_no_fault(rig):
    rig.ros_s -= 10.0
    rig.step()
    assert rig.supervisor.state is SafetyState.ARMED
    assert rig.execute(FORWARD).code is ResultCode.JOINTS_IMPLAUSIBLE
    rig.step(80)
    assert rig.execute(FORWARD) is None
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]


def test_in_a_dry_run_each_motion_begins_where_the_arm_is(make_rig):
    rig = make_rig(
        settings=ExecutionSettings(follows=False, settle_timeout_s=0.0),
        max_tracking_error_m=math.inf,
        max_tracking_error_rad=math.inf,
    )
    rig.follows = False
    for _ in range(2):
        before = len(rig.sent)
        rig.execute(FORWARD)
        assert np.abs(rig.sent[before].joint_positions - rig.joints).max() < 0.005
        rig.run()
    assert rig.codes == [ResultCode.NOT_SETTLED, ResultCode.NOT_SETTLED]
