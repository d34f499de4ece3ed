"""What the supervisor sees: stamps, modes, switches, and what it makes of them."""

import math

import pytest

from jepa_wm_ros.robot.belief import QUIET_S
from jepa_wm_ros.robot.faults import FaultCode, ResultCode
from jepa_wm_ros.robot.robot_mode import READY, franka_mode, spoken_mode
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_inputs import SafetyInputs, Signal
from jepa_wm_ros.robot.safety_limits import SafetyLimits

NOW = 50.0
REFLEX, USER_STOPPED = 4, 5


def seeing(**limits) -> SafetySupervisor:
    """A supervisor that has just seen all there is to see."""
    supervisor = SafetySupervisor(limits=SafetyLimits(**limits))
    supervisor.joints_seen(NOW)
    supervisor.image_seen(NOW)
    return supervisor


def after_a_no(supervisor) -> float:
    """The moment at which a no does not count any more; joint states go on."""
    later = NOW + QUIET_S + 0.01
    supervisor.joints_seen(later)
    supervisor.image_seen(later)
    return later


def test_age_grows_from_the_stamp():
    assert Signal(NOW, 0.03).age(NOW + 0.1) == pytest.approx(0.13)
    assert math.isinf(Signal().age(NOW))


def test_stamp_that_is_a_little_early_is_a_matter_of_clocks():
    assert Signal(NOW, -0.05).age(NOW) == 0.0


@pytest.mark.parametrize('latency', [-0.2, -100.0])
def test_stamp_from_the_future_is_no_stamp(latency):
    supervisor = SafetySupervisor()
    supervisor.joints_seen(NOW, latency)
    refusal = supervisor.arm(NOW)
    assert refusal.code is ResultCode.JOINTS_STALE
    assert 'in the future' in refusal.message


def test_joint_states_of_another_arm_are_named():
    supervisor = SafetySupervisor()
    supervisor.joints_missing('the message lacks panda_joint1')
    assert 'lacks panda_joint1' in supervisor.arm(NOW).message
    supervisor.joints_seen(NOW)
    assert supervisor.arm(NOW) is None


@pytest.mark.parametrize('skew', [0.11, math.inf, math.nan])
def test_picture_far_from_its_joint_state_is_none(skew):
    supervisor = SafetySupervisor()
    supervisor.joints_seen(NOW)
    supervisor.image_seen(NOW, skew_s=skew)
    assert math.isinf(supervisor.image_age_s(NOW))
    doubt = supervisor._inputs.doubt(NOW, supervisor.limits)
    assert doubt.result is ResultCode.IMAGE_STALE
    assert 'from its joint state' in doubt.message


def test_zero_skew_is_a_limit():
    supervisor = seeing(max_skew_s=0.0)
    supervisor.image_seen(NOW + 1.0, skew_s=1e-6)
    assert supervisor.image_age_s(NOW + 1.0) == pytest.approx(1.0)
    supervisor.image_seen(NOW + 1.0, skew_s=0.0)
    assert supervisor.image_age_s(NOW + 1.0) == 0.0


@pytest.mark.parametrize(
    ('mode', 'word'),
    [
        (franka_mode(REFLEX, ['cartesian_reflex']), 'cartesian_reflex'),
        (franka_mode(USER_STOPPED), 'user stop'),
        (franka_mode(2, collision=True), 'collision'),
    ],
)
def test_robot_that_must_not_move_is_believed_unasked(mode, word):
    supervisor = seeing()
    assert supervisor.arm(NOW) is None
    supervisor.disarm()
    supervisor.robot_mode(mode, NOW)
    refusal = supervisor.arm(NOW)
    assert refusal.code is ResultCode.NOT_ARMED
    assert word in refusal.message
    later = after_a_no(supervisor)
    supervisor.robot_mode(READY, later)
    assert supervisor.arm(later) is None


def test_yes_of_one_does_not_outvote_the_no_of_another():
    supervisor = seeing()
    supervisor.robot_mode(franka_mode(REFLEX), NOW)
    supervisor.robot_mode(READY, NOW, source='robot_ready')
    later = after_a_no(supervisor)
    assert 'reflex' in supervisor.arm(later).message
    supervisor.robot_mode(READY, later)
    assert supervisor.arm(later) is None


@pytest.mark.parametrize('who', ['robot', 'switch'])
def test_a_yes_that_follows_a_no_at_once_may_be_somebody_elses(who):
    supervisor = seeing(max_deadman_age_s=5.0)
    supervisor.deadman_seen(NOW, pressed=True)
    assert supervisor.arm(NOW) is None
    for yes in (False, True):  # two nodes on one topic: who speaks last does not win
        if who == 'robot':
            supervisor.robot_mode(spoken_mode(yes), NOW)
        else:
            supervisor.deadman_seen(NOW, pressed=yes)
    assert supervisor._inputs.doubt(NOW + 0.01, supervisor.limits).fault is FaultCode.ROBOT_MODE
    later = after_a_no(supervisor)
    assert supervisor._inputs.doubt(later, supervisor.limits) is None


def test_gripper_that_falls_silent_is_in_doubt_and_one_that_never_spoke_is_not():
    supervisor = seeing(max_gripper_age_s=1.0)
    inputs, limits = supervisor._inputs, supervisor.limits
    assert inputs.doubt(NOW, limits) is None
    supervisor.gripper_seen(NOW - 0.9)
    assert inputs.doubt(NOW, limits) is None
    supervisor.gripper_seen(NOW - 1.1)
    doubt = inputs.doubt(NOW, limits)
    assert doubt.result is ResultCode.JOINTS_STALE
    assert 'gripper is 1.100 s old' in doubt.message
    supervisor.gripper_seen(NOW, latency_s=1.1)
    assert 'gripper' in inputs.doubt(NOW, limits).message
    supervisor.gripper_seen(NOW)
    assert inputs.doubt(NOW, limits) is None


def test_robot_that_falls_silent_where_it_has_to_speak_is_in_doubt():
    supervisor = seeing(max_ready_age_s=0.5)
    supervisor.robot_mode(READY, NOW - 0.4)
    assert supervisor.arm(NOW) is None
    doubt = supervisor._inputs.doubt(NOW + 0.11, SafetyLimits(max_ready_age_s=0.5))
    assert doubt.fault is FaultCode.JOINTS_STALE  # the first rule that objects
    supervisor.joints_seen(NOW + 0.11)
    doubt = supervisor._inputs.doubt(NOW + 0.11, SafetyLimits(max_ready_age_s=0.5))
    assert doubt.fault is FaultCode.ROBOT_MODE


def test_dead_mans_switch_has_to_be_pressed_and_its_sender_to_live():
    supervisor = seeing(max_deadman_age_s=0.5)
    assert 'press it' in supervisor.arm(NOW).message
    supervisor.deadman_seen(NOW, pressed=True)
    assert supervisor.arm(NOW) is None
    supervisor.deadman_seen(NOW, pressed=False)
    assert not supervisor._inputs.deadman.age(NOW) <= 0.5
    supervisor.deadman_seen(NOW, pressed=True)
    supervisor.joints_seen(NOW + 0.6)
    assert 'press it' in supervisor.arm(NOW + 0.6).message


def test_switch_that_nobody_asks_for_is_not_missed():
    inputs = SafetyInputs()
    inputs.joints = inputs.image = Signal(NOW)
    assert inputs.doubt(NOW, SafetyLimits()) is None
