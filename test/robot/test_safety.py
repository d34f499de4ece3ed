"""The supervisor: no way from a fault to a motion without a person, and every rule stops."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jepa_wm_ros.robot.cone import OrientationCone
from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.limits import FER, WORKSPACE_SUPERVISED, LimitError, Workspace
from jepa_wm_ros.robot.poses import Pose, apply_action
from jepa_wm_ros.robot.robot_mode import spoken_mode
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.robot.safety_rules import Admission, CommandCheck

HOME = Pose(np.array([0.45, 0.0, 0.4]), np.diag([1.0, -1.0, -1.0]))
MIDDLE = 0.5 * (FER.lower + FER.upper)
BOX = WORKSPACE_SUPERVISED
NOW = 100.0


def admission(**changes):
    values = {
        'actions': np.full((1, 7), 0.01),
        'plan_age_s': 0.2,
        'observation_pose': HOME,
        'measured_pose': HOME,
    }
    return Admission(**(values | changes))


def command(**changes):
    values = {
        'pose': HOME,
        'twist': np.zeros(6),
        'joint_positions': MIDDLE,
        'joint_velocities': np.zeros(7),
        'measured_pose': HOME,
    }
    return CommandCheck(**(values | changes))


def live(limits=None):
    """A supervisor that sees a living arm and camera at NOW."""
    supervisor = SafetySupervisor(limits=limits or SafetyLimits())
    supervisor.joints_seen(NOW, 0.002)
    supervisor.image_seen(NOW, 0.02)
    return supervisor


@pytest.fixture
def armed():
    supervisor = live()
    assert supervisor.arm(NOW) is None
    return supervisor


@pytest.fixture
def executing(armed):
    assert armed.admit(admission(), NOW) is None
    return armed


def test_starts_disarmed_and_refuses():
    supervisor = live()
    assert supervisor.state is SafetyState.DISARMED
    assert supervisor.admit(admission(), NOW).code is ResultCode.NOT_ARMED


def test_arms_executes_and_finishes(executing):
    assert executing.state is SafetyState.EXECUTING
    assert executing.watch(NOW, 0.01)
    assert executing.check(command())
    executing.finish()
    assert executing.state is SafetyState.ARMED


def test_does_not_arm_without_joint_states():
    supervisor = SafetySupervisor()
    refusal = supervisor.arm(NOW)
    assert refusal.code is ResultCode.JOINTS_STALE
    assert 'none yet' in refusal.message


@pytest.mark.parametrize(
    ('prepare', 'code'),
    [
        (lambda s: s.joints_seen(NOW - 0.2), ResultCode.JOINTS_STALE),
        (lambda s: s.joints_seen(NOW, 5.0), ResultCode.JOINTS_STALE),
        (lambda s: s.image_seen(NOW - 0.5), ResultCode.IMAGE_STALE),
        (lambda s: s.image_seen(NOW, 0.5), ResultCode.IMAGE_STALE),
        (lambda s: s.image_seen(NOW, frozen=True), ResultCode.IMAGE_FROZEN),
        (lambda s: s.publishers_seen(1), ResultCode.SECOND_PUBLISHER),
    ],
)
def test_inputs_in_doubt_refuse_a_plan(armed, prepare, code):
    prepare(armed)
    assert armed.admit(admission(), NOW).code is code
    assert armed.state is SafetyState.ARMED
    assert armed.counters.refused == 1


@pytest.mark.parametrize(
    ('change', 'code'),
    [
        ({'plan_age_s': 2.1}, ResultCode.PLAN_TOO_OLD),
        ({'plan_age_s': -0.2}, ResultCode.PLAN_TOO_OLD),
        ({'measured_pose': apply_action(HOME, [0.011, 0, 0, 0, 0, 0])}, ResultCode.DRIFTED),
        ({'measured_pose': apply_action(HOME, [0, 0, 0, 0, 0, 0.06])}, ResultCode.DRIFTED),
    ],
)
def test_plans_in_doubt_are_refused(armed, change, code):
    assert armed.admit(admission(**change), NOW).code is code
    assert armed.state is SafetyState.ARMED


def test_a_surprise_stops_the_arm_only_where_it_is_asked_to(armed):
    surprising = admission(surprised=True)
    armed.limits = dataclasses.replace(armed.limits, stop_on_surprise=True)
    refusal = armed.admit(surprising, NOW)
    assert refusal.code is ResultCode.SURPRISED
    assert 'stop_on_surprise' in refusal.message
    assert armed.counters.refused == 1
    armed.limits = dataclasses.replace(armed.limits, stop_on_surprise=False)
    assert armed.admit(surprising, NOW) is None


@pytest.mark.parametrize(
    'change',
    [
        {'actions': np.array([[0.0, math.nan, 0, 0, 0, 0, 0]])},
        {'actions': np.array([[0.0, 0, 0, 0, 0, 0, -math.inf]])},
        {'plan_age_s': math.nan},
        {'observation_pose': Pose(np.full(3, math.nan))},
        {'measured_pose': Pose(np.zeros(3), np.full((3, 3), math.nan))},
    ],
)
def test_plan_that_is_not_finite_latches_a_fault(armed, change):
    assert armed.admit(admission(**change), NOW).code is ResultCode.NOT_FINITE
    assert armed.fault.code is FaultCode.NOT_FINITE


@pytest.mark.parametrize(
    ('prepare', 'code'),
    [
        (lambda s: s.joints_seen(NOW - 0.2), FaultCode.JOINTS_STALE),
        (lambda s: s.image_seen(NOW - 0.5), FaultCode.IMAGE_STALE),
        (lambda s: s.image_seen(NOW, frozen=True), FaultCode.IMAGE_FROZEN),
        (lambda s: s.publishers_seen(2), FaultCode.SECOND_PUBLISHER),
    ],
)
def test_inputs_that_fail_during_a_motion_latch_a_fault(executing, prepare, code):
    prepare(executing)
    assert not executing.watch(NOW, 0.01)
    assert executing.fault.code is code
    assert executing.state is SafetyState.FAULT


def test_robot_that_must_say_that_it_may_move_is_asked(executing):
    executing.limits = SafetyLimits(max_ready_age_s=0.5)
    executing.robot_mode(spoken_mode(True), NOW)
    assert executing.watch(NOW, 0.01)
    executing.robot_mode(spoken_mode(False), NOW)
    assert not executing.watch(NOW, 0.01)
    assert executing.fault.code is FaultCode.ROBOT_MODE


@pytest.mark.parametrize('ready', [True, False])
def test_robot_that_says_nothing_or_no_is_not_armed(ready):
    supervisor = live(SafetyLimits(max_ready_age_s=0.5))
    assert supervisor.arm(NOW).code is ResultCode.NOT_ARMED
    supervisor.robot_mode(spoken_mode(ready), NOW - 0.6)
    assert 'robot_ready' in supervisor.arm(NOW).message
    supervisor.robot_mode(spoken_mode(True), NOW)
    assert supervisor.arm(NOW) is None


def test_late_picture_pauses_without_a_fault(executing):
    executing.limits = replace(executing.limits, image_period_s=0.07)
    executing.joints_seen(NOW + 0.15)
    assert not executing.watch(NOW + 0.15, 0.15)
    assert executing.state is SafetyState.EXECUTING
    assert 'no picture for 0.150 s' in executing.message
    executing.image_seen(NOW + 0.15)
    assert executing.watch(NOW + 0.15, 0.0)
    assert not executing.message


def test_late_joint_state_pauses_without_a_fault(executing):
    executing.limits = replace(executing.limits, joint_period_s=0.02)
    assert executing.watch(NOW + 0.03, 0.03)
    assert not executing.watch(NOW + 0.05, 0.02)
    assert executing.fault is None
    assert 'no joint state for' in executing.message
    executing.joints_seen(NOW + 0.05)
    assert executing.watch(NOW + 0.05, 0.0)


def test_time_that_we_slept_ourselves_is_nobodys_silence(executing):
    executing.limits = replace(executing.limits, joint_period_s=0.02, image_period_s=0.02)
    assert executing.watch(NOW + 0.06, 0.02)
    assert not executing.watch(NOW + 0.09, 0.03)
    executing.finish()
    assert not executing.message


def test_what_was_silent_before_a_motion_counts(armed):
    armed.limits = replace(armed.limits, image_period_s=0.07)
    armed.joints_seen(NOW + 0.12)
    assert armed.admit(admission(), NOW + 0.12) is None
    assert not armed.watch(NOW + 0.15, 0.03)


def far(metres):
    return apply_action(HOME, [metres, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ('change', 'code'),
    [
        ({'pose': far(1.0), 'measured_pose': far(1.0)}, FaultCode.OUTSIDE_WORKSPACE),
        ({'pose': far(0.11)}, FaultCode.NOT_FOLLOWING),
        ({'pose': apply_action(HOME, [0, 0, 0, 0, 0, 0.6])}, FaultCode.NOT_FOLLOWING),
        ({'joint_positions': FER.upper - 0.01}, FaultCode.JOINT_LIMIT),
        ({'joint_velocities': np.full(7, 2.4)}, FaultCode.TOO_FAST),
        ({'joint_velocities': np.full(7, -2.4)}, FaultCode.TOO_FAST),
        ({'jump': np.array([0, 0, 0.01, 0, 0, 0, 0])}, FaultCode.TOO_FAST),
        ({'jump': np.array([0, 0, 0, 0, 0, 0, math.nan])}, FaultCode.NOT_FINITE),
        ({'twist': np.array([0.7, 0, 0, 0, 0, 0])}, FaultCode.TOO_FAST),
        ({'twist': np.array([0, 0, 0, 0, 0, 1.4])}, FaultCode.TOO_FAST),
    ],
)
def test_command_that_breaks_a_rule_is_a_fault(executing, change, code):
    assert not executing.check(command(**change))
    assert executing.fault.code is code


def test_flange_stays_out_of_keep_out_boxes(executing):
    box = Workspace(lower=HOME.position, upper=HOME.position + 0.01)
    executing.limits = SafetyLimits(keep_out=(box,))
    assert executing.check(command(pose=far(-0.001)))
    assert not executing.check(command())
    assert 'keep-out box 1' in executing.fault.message


def test_flange_stays_in_the_cone(executing):
    cone = OrientationCone(axis=np.array([0.0, 0.0, -1.0]), angle_rad=0.0)
    executing.limits = SafetyLimits(workspace=dataclasses.replace(BOX, cone=cone))
    slightly, too_much = (apply_action(HOME, [0, 0, 0, a, 0, 0]) for a in (0.04, 0.06))
    assert executing.check(command(pose=slightly))
    assert not executing.check(command(pose=too_much))
    assert 'tilted by 3.4 deg' in executing.fault.message


def test_long_steps_are_shortened_and_keep_their_direction(armed):
    armed.limits = SafetyLimits(max_step_m=0.1, max_step_length_m=0.12)
    actions, changed = armed.clamp(np.array([[0.1, 0.1, -0.05, 0, 0, 0, 0], np.zeros(7)]))
    assert changed
    assert np.linalg.norm(actions[0, :3]) == pytest.approx(0.12)
    np.testing.assert_allclose(actions[0, :3] / actions[0, 0], [1.0, 1.0, -0.5])
    assert not actions[1].any()


@given(
    name=st.sampled_from(['twist', 'joint_positions', 'joint_velocities', 'pose']),
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
    place=st.integers(0, 2),
)
def test_no_command_that_is_not_finite_passes(name, bad, place):
    supervisor = live()
    supervisor.arm(NOW)
    supervisor.admit(admission(), NOW)
    values = HOME.position.copy() if name == 'pose' else np.array(getattr(command(), name))
    values[place] = bad
    changed = Pose(values, HOME.rotation) if name == 'pose' else values
    assert not supervisor.check(command(**{name: changed}))
    assert supervisor.fault.code is FaultCode.NOT_FINITE


def test_first_fault_stays_until_it_is_reset(executing):
    executing.latch(FaultCode.TOO_FAST, 'first')
    executing.latch(FaultCode.INTERNAL, 'second')
    assert executing.fault.message == 'first'
    assert executing.counters.faults == 1
    assert executing.reset().message == 'first'
    assert executing.fault is None
    assert executing.state is SafetyState.DISARMED


def test_reset_without_a_fault_changes_nothing(executing):
    assert executing.reset() is None
    assert executing.state is SafetyState.EXECUTING


def test_refusals_name_the_number_and_the_limit(armed):
    message = armed.admit(admission(plan_age_s=3.0), NOW).message
    assert '3.000 s' in message
    assert '2.0 s' in message


ZERO_LIMITS = [
    ('max_drift_m', {'measured_pose': far(1e-6)}, ResultCode.DRIFTED),
    ('max_plan_age_s', {'plan_age_s': 1e-3}, ResultCode.PLAN_TOO_OLD),
]


@pytest.mark.parametrize(('name', 'change', 'code'), ZERO_LIMITS)
def test_zero_is_a_limit_and_not_its_absence(name, change, code):
    supervisor = live(dataclasses.replace(SafetyLimits(), **{name: 0.0}))
    supervisor.arm(NOW)
    assert supervisor.admit(admission(**change), NOW).code is code
    assert supervisor.admit(admission(plan_age_s=0.0), NOW) is None


def test_zero_steps_clamp_every_action(armed):
    armed.limits = SafetyLimits(max_step_m=0.0, max_step_rad=0.0)
    actions, changed = armed.clamp(np.full((2, 7), 0.3))
    assert changed
    assert not actions[:, :6].any()
    assert (actions[:, 6] == 0.3).all()


def test_floor_at_zero_is_a_floor(executing):
    box = Workspace(lower=np.array([-1.0, -1.0, 0.0]), upper=np.ones(3))
    executing.limits = SafetyLimits(workspace=box)
    below = Pose(np.array([0.45, 0.0, -0.001]), HOME.rotation)
    assert not executing.check(command(pose=below, measured_pose=below))


@pytest.mark.parametrize('bad', [-0.1, math.nan])
def test_limits_that_are_no_limits_are_refused(bad):
    with pytest.raises(LimitError, match='max_drift_m'):
        SafetyLimits(max_drift_m=bad)


@given(st.lists(st.tuples(*[st.floats(-5, 5)] * 7), min_size=1, max_size=4))
def test_clamped_actions_are_inside_the_box_and_inner_ones_stay(rows):
    supervisor = SafetySupervisor()
    actions = np.array(rows)
    clamped, changed = supervisor.clamp(actions)
    limits = supervisor.limits
    assert np.abs(clamped[:, :3]).max() <= limits.max_step_m
    assert np.abs(clamped[:, 3:6]).max() <= limits.max_step_rad
    assert changed == bool((clamped != actions).any())
    again, changed_again = supervisor.clamp(clamped)
    assert not changed_again
    np.testing.assert_array_equal(again, clamped)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order: a motion needs arming after the last fault or stop."""

    def __init__(self):
        super().__init__()
        self.supervisor = SafetySupervisor()
        self.now = 0.0
        self.person_armed = False  # since the last fault, reset or disarm
        self.faulted = False

    @rule(duration=st.floats(0.0, 0.4))
    def time_passes(self, duration):
        self.now += duration

    @rule(latency=st.sampled_from([0.0, 0.01, 1.0]))
    def joints(self, latency):
        self.supervisor.joints_seen(self.now, latency)

    @rule(latency=st.sampled_from([0.0, 0.05, 1.0]), frozen=st.booleans())
    def picture(self, latency, frozen):
        self.supervisor.image_seen(self.now, latency, frozen=frozen)

    @rule(others=st.integers(0, 1))
    def publishers(self, others):
        self.supervisor.publishers_seen(others)

    @rule()
    def arm(self):
        if self.supervisor.arm(self.now) is None:
            assert not self.faulted
            self.person_armed = True

    @rule()
    def disarm(self):
        self.supervisor.disarm()
        self.person_armed = False

    @rule()
    def reset(self):
        self.supervisor.reset()
        if self.faulted:
            self.faulted = self.person_armed = False

    @rule()
    def finish(self):
        self.supervisor.finish()

    @rule(code=st.sampled_from(list(FaultCode)[1:]))
    def fault(self, code):
        self.supervisor.latch(code, code.name)

    @rule(bad=st.sampled_from([0.0, 0.0, math.nan]), age=st.sampled_from([0.1, 9.0]))
    def plan(self, bad, age):
        actions = np.full((1, 7), bad)
        refusal = self.supervisor.admit(admission(actions=actions, plan_age_s=age), self.now)
        if refusal is None:
            assert self.person_armed
            assert not self.faulted
            assert math.isfinite(bad)
            assert age < 1.0
            assert self.supervisor.joint_age_s(self.now) <= 0.1
            assert self.supervisor.image_age_s(self.now) <= 0.25

    @rule(change=st.sampled_from([{}, {'twist': np.full(6, math.nan)}, {'pose': far(1.0)}]))
    def command(self, change):
        if self.supervisor.check(command(**change)):
            assert self.person_armed
            assert not self.faulted
            assert not change

    @precondition(lambda self: self.supervisor.state is SafetyState.EXECUTING)
    @rule()
    def watch(self):
        if self.supervisor.watch(self.now, 0.01):
            assert self.supervisor.joint_age_s(self.now) <= 0.1
            assert self.supervisor.image_age_s(self.now) <= 0.25
            assert not self.supervisor.message

    @invariant()
    def fault_is_latched(self):
        state = self.supervisor.state
        if state is SafetyState.FAULT:
            self.faulted, self.person_armed = True, False
        assert (state is SafetyState.FAULT) == self.faulted
        assert (self.supervisor.fault is not None) == self.faulted
        if state in (SafetyState.ARMED, SafetyState.EXECUTING):
            assert self.person_armed


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
