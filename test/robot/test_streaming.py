"""Plans that replace each other while the arm moves."""

import numpy as np
import pytest
from arm_rig import PERIOD_S
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jepa_wm_ros.robot.delay import without_past
from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.motion import ExecutionSettings, MotionPlan
from jepa_wm_ros.robot.poses import Pose, apply_action, distance, from_euler

STEP_S = 0.4
AHEAD = [0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
LOOKAHEAD_S = ExecutionSettings().lookahead_s


def plan_of(*actions, pose=None):
    return MotionPlan(
        actions=np.array(actions, dtype=float),
        step_duration_s=STEP_S,
        observation_stamp_s=0.0,
        observation_pose=Pose(np.zeros(3)) if pose is None else pose,
    )


@pytest.fixture
def streaming(make_rig):
    return make_rig(settings=ExecutionSettings(streaming=True))


def test_what_is_left_of_a_plan_is_its_path_from_now_on():
    rest = without_past(plan_of(AHEAD, AHEAD), 0.5 * STEP_S)
    np.testing.assert_allclose(rest.observation_pose.position, [0.025, 0, 0])
    np.testing.assert_allclose(rest.actions[:, 0], [0.05, 0.025])
    assert rest.step_duration_s == STEP_S


def test_a_plan_without_delay_stays_as_it_is():
    whole = without_past(plan_of(AHEAD, [0, 0, 0, 0.1, 0.2, -0.3, 0.5]), 0.0)
    np.testing.assert_allclose(whole.actions, [AHEAD, [0, 0, 0, 0.1, 0.2, -0.3, 0.5]], atol=1e-12)


def test_whole_steps_that_are_past_are_left_out():
    rest = without_past(plan_of(AHEAD, [0, 0.03, 0, 0, 0, 0, 0.2]), STEP_S)
    np.testing.assert_allclose(rest.actions, [[0, 0.03, 0, 0, 0, 0, 0.2]], atol=1e-12)
    np.testing.assert_allclose(rest.observation_pose.position, [0.05, 0, 0])


@pytest.mark.parametrize('delay_s', [2 * STEP_S, 3.0])
def test_nothing_is_left_of_a_plan_that_would_have_ended(delay_s):
    assert without_past(plan_of(AHEAD, AHEAD), delay_s) is None


numbers = st.floats(-0.3, 0.3)
plans = st.lists(st.tuples(*[numbers] * 7), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(actions=plans, part=st.floats(0.0, 0.99))
def test_whatever_the_delay_the_end_is_that_of_the_plan(actions, part):
    start = from_euler([0.4, 0.1, 0.4], [3.0, 0.1, 0.5])
    plan = plan_of(*actions, pose=start)
    end = start
    for action in actions:
        end = apply_action(end, action)
    rest = without_past(plan, part * len(actions) * STEP_S)
    reached = rest.observation_pose
    for action in rest.actions:
        reached = apply_action(reached, action)
    offset, angle = distance(reached, end)
    assert offset < 1e-9
    assert angle < 1e-6
    assert len(rest.actions) * STEP_S >= (1 - part) * len(actions) * STEP_S - 1e-9


def test_a_plan_that_was_right_already_changes_nothing(streaming):
    """The same path planned again from a look on the way: the arm must not notice."""
    start = streaming.pose
    streaming.execute([AHEAD] * 4, age_s=0.0)
    streaming.step(40)  # 0.4 s: one step
    seen, stamp_s = streaming.pose, streaming.ros_s
    streaming.step(20)
    age_s = streaming.ros_s - stamp_s
    assert streaming.execute([AHEAD] * 3, age_s=age_s, pose=seen) is None
    streaming.run()
    assert streaming.codes == [ResultCode.PREEMPTED, ResultCode.SUCCEEDED]
    moved = streaming.pose.position - start.position
    # the arm lags behind the line at first, so the second plan ends a little earlier
    np.testing.assert_allclose(moved, [0.2, 0, 0], atol=0.04)
    assert (np.diff([c.pose.position[0] for c in streaming.sent]) > -1e-6).all()


def test_a_late_plan_leads_on_and_not_back(streaming):
    streaming.execute([AHEAD] * 4, age_s=0.0)
    seen, stamp_s = streaming.pose, streaming.ros_s
    streaming.step(60)
    at = streaming.sent[-1].pose.position[0]
    late = streaming.execute([AHEAD] * 4, age_s=streaming.ros_s - stamp_s, pose=seen)
    assert late is None
    streaming.run()
    xs = np.array([c.pose.position[0] for c in streaming.sent])
    assert xs[61:].min() >= at - 1e-6
    assert xs[-1] == pytest.approx(seen.position[0] + 0.2, abs=1e-6)


def test_a_plan_that_would_have_ended_is_refused_and_the_motion_goes_on(streaming):
    streaming.execute([AHEAD] * 4, age_s=0.0)
    seen, stamp_s = streaming.pose, streaming.ros_s
    streaming.step(60)
    refusal = streaming.execute(AHEAD, age_s=streaming.ros_s - stamp_s, pose=seen)
    assert refusal.code is ResultCode.PLAN_TOO_OLD
    streaming.run()
    assert streaming.codes == [ResultCode.SUCCEEDED]


def test_a_plan_seen_on_the_way_is_taken_after_the_arm_has_come_to_rest(streaming):
    streaming.execute([AHEAD], age_s=0.0)
    streaming.step(20)
    seen, stamp_s = streaming.pose, streaming.ros_s
    streaming.run()
    refusal = streaming.execute([AHEAD] * 4, age_s=streaming.ros_s - stamp_s, pose=seen)
    assert refusal is None
    streaming.run()
    assert streaming.codes == [ResultCode.SUCCEEDED] * 2


def test_a_blocking_executor_refuses_that_plan(rig):
    rig.execute([AHEAD], age_s=0.0)
    rig.step(20)
    seen, stamp_s = rig.pose, rig.ros_s
    rig.run()
    refusal = rig.execute([AHEAD] * 4, age_s=rig.ros_s - stamp_s, pose=seen)
    assert refusal.code is ResultCode.DRIFTED


small = st.floats(-0.08, 0.08)
moves = st.lists(st.tuples(small, small, small), min_size=2, max_size=4)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stream=st.lists(moves, min_size=2, max_size=5), latency=st.integers(5, 30))
def test_position_and_velocity_are_continuous_for_any_stream(make_rig, stream, latency):
    rig = make_rig(settings=ExecutionSettings(streaming=True))
    for actions in stream:
        seen, stamp_s = rig.pose, rig.ros_s
        rig.step(latency)
        actions = np.pad(np.array(actions), ((0, 0), (0, 4)))
        rig.execute(actions, age_s=rig.ros_s - stamp_s, pose=seen)
        rig.step(5)
    rig.run()
    assert rig.supervisor.fault is None
    positions = np.array([c.pose.position for c in rig.sent if not c.hold])
    speeds = np.diff(positions, axis=0) / PERIOD_S
    changes = np.linalg.norm(np.diff(speeds, axis=0), axis=1)
    # the first set-point of a motion lies the look-ahead beyond its start, not one period
    assert np.linalg.norm(speeds, axis=1).max() <= 0.5 * 1.02
    limit = rig.executor.settings.motion.max_acceleration_m_s2
    assert changes.max() <= 1.5 * limit * LOOKAHEAD_S
    joints = np.array([c.joint_positions for c in rig.sent])
    assert np.abs(np.diff(joints, axis=0)).max() <= rig.supervisor.limits.joints.velocity.max() * (
        1.1 * PERIOD_S
    )
