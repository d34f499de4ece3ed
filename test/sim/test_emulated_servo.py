"""The emulated MoveIt Servo has the rules of the real one."""

import math

import numpy as np
import pytest

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, distance
from jepa_wm_ros.robot.tool import FRANKA_HAND, Tool
from jepa_wm_ros.sim.drivers.servo import CommandType, MoveItServo, MoveItServoSettings, ServoCode

PERIOD_S = 0.004
KINEMATICS = Kinematics()
FORWARD = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0])


def make(tool=None, joints=READY_POSTURE, command_type=CommandType.TWIST, **settings):
    servo = MoveItServo(KINEMATICS, tool or Tool(), MoveItServoSettings(**settings))
    servo.activate(0.0, joints)
    servo.switch(command_type)
    return servo


def run(servo, seconds, command=None, joints=READY_POSTURE, now_s=0.0):
    """Let time pass with a command each 10 ms, or none; return joints and time."""
    for cycle in range(round(seconds / PERIOD_S)):
        if command is not None and cycle % 3 == 0:
            command(now_s)
        now_s += PERIOD_S
        joints, _ = servo.update(now_s, PERIOD_S, joints)
    return joints, now_s


def test_listens_to_jogs_only_until_it_is_switched():
    servo = MoveItServo(KINEMATICS, Tool())
    servo.activate(0.0, READY_POSTURE)
    assert not servo.twist(0.0, FORWARD, 'fr3_link0')
    assert not servo.switch(7)
    assert servo.switch(CommandType.TWIST)
    assert servo.twist(0.0, FORWARD, 'fr3_link0')
    assert not servo.pose(0.0, Pose.identity(), 'fr3_link0')


def test_a_unitless_twist_is_a_part_of_the_scale():
    servo = make()
    joints, _ = run(servo, 0.5, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    moved = KINEMATICS.forward(joints).position - KINEMATICS.forward(READY_POSTURE).position
    assert moved == pytest.approx([0.5 * 0.4 * 0.5, 0.0, 0.0], abs=0.006)


def test_halts_a_tenth_of_a_second_after_the_last_command():
    servo = make()
    joints, now_s = run(servo, 0.3, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    halted, now_s = run(servo, 0.25, joints=joints, now_s=now_s)
    still, _ = run(servo, 0.5, joints=halted, now_s=now_s)
    went = np.linalg.norm(
        KINEMATICS.forward(halted).position - KINEMATICS.forward(joints).position
    )
    assert 0.01 < went < 0.03
    np.testing.assert_allclose(still, halted, atol=1e-5)


@pytest.mark.parametrize(
    ('twist', 'frame'),
    [(FORWARD, ''), (FORWARD, 'world'), (np.full(6, np.nan), 'fr3_link0')],
)
def test_twists_of_another_frame_or_not_finite_are_invalid_and_end_the_one_before(twist, frame):
    servo = make()
    assert servo.twist(0.0, FORWARD, 'fr3_link0')
    assert not servo.twist(0.0, twist, frame)
    assert servo.code is ServoCode.INVALID
    joints, _ = run(servo, 0.2)
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.code is ServoCode.INVALID  # said until a command is good
    run(servo, 0.05, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    assert servo.code is ServoCode.NO_WARNING


def test_unitless_twists_beyond_one_are_taken():
    servo = make()
    assert servo.twist(0.0, 2 * FORWARD, 'fr3_link0')
    joints, _ = run(servo, 0.3, lambda now: servo.twist(now, 2 * FORWARD, 'fr3_link0'))
    moved = KINEMATICS.forward(joints).position - KINEMATICS.forward(READY_POSTURE).position
    assert moved[0] == pytest.approx(0.4 * 0.3, abs=0.01)


def test_twists_in_metres_are_no_faster_than_the_scale():
    servo = make(unitless=False)
    joints, _ = run(servo, 0.3, lambda now: servo.twist(now, 4 * FORWARD, 'fr3_link0'))
    moved = KINEMATICS.forward(joints).position - KINEMATICS.forward(READY_POSTURE).position
    assert moved[0] == pytest.approx(0.4 * 0.3, abs=0.01)


@pytest.mark.parametrize('age_s', [0.1, 5.0, math.inf], ids=['limit', 'old', 'no stamp'])
def test_a_command_without_a_fresh_stamp_halts_at_once(age_s):
    servo = make()
    assert not servo.twist(0.0, FORWARD, 'fr3_link0', age_s)
    joints, _ = run(servo, 0.2, lambda now: servo.twist(now, FORWARD, 'fr3_link0', age_s))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.code is ServoCode.NO_WARNING


def test_a_stamp_in_the_future_counts_longer():
    servo = make()
    assert servo.twist(0.0, FORWARD, 'fr3_link0', -0.3)
    joints, _ = run(servo, 0.5)
    moved = KINEMATICS.forward(joints).position - KINEMATICS.forward(READY_POSTURE).position
    assert moved[0] == pytest.approx(0.5 * 0.4 * 0.4, abs=0.01)


def test_a_switched_type_drops_commands_and_the_status_does_not_tell():
    servo = make()
    joints, now_s = run(servo, 0.2, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    assert servo.switch(CommandType.POSE)
    taken = []
    halted, now_s = run(
        servo,
        0.1,
        lambda now: taken.append(servo.twist(now, FORWARD, 'fr3_link0')),
        joints=joints,
        now_s=now_s,
    )
    assert taken
    assert not any(taken)
    still, now_s = run(servo, 0.3, joints=halted, now_s=now_s)
    np.testing.assert_allclose(still, halted, atol=1e-4)
    assert servo.code is ServoCode.NO_WARNING
    assert not servo.silent
    assert servo.switch(CommandType.TWIST)
    assert servo.twist(now_s, FORWARD, 'fr3_link0')


def test_switching_to_the_type_that_is_set_changes_nothing():
    servo = make()
    servo.twist(0.0, FORWARD, 'fr3_link0')
    assert servo.switch(CommandType.TWIST)
    joints, _ = run(servo, 0.05)
    assert np.abs(joints - READY_POSTURE).max() > 1e-4


def test_a_paused_servo_is_silent_and_goes_on_with_what_is_fresh():
    servo = make()
    servo.pause(True)
    joints, now_s = run(servo, 0.2, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.silent
    servo.pause(False)
    assert not servo.silent
    joints, _ = run(servo, 0.05, now_s=now_s)
    assert np.abs(joints - READY_POSTURE).max() > 1e-4


def test_a_servo_whose_controller_is_inactive_does_not_notice():
    servo = make()
    servo.deactivate()
    joints, _ = run(servo, 0.2, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.code is ServoCode.NO_WARNING
    assert not servo.silent


def test_humble_has_to_be_started_and_says_nothing_before():
    servo = make(humble=True)
    assert servo.silent
    joints, now_s = run(servo, 0.1, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.start()
    assert not servo.silent
    moved, _ = run(servo, 0.1, lambda now: servo.twist(now, FORWARD, ''), now_s=now_s)
    assert np.abs(moved - READY_POSTURE).max() > 1e-4


@pytest.mark.parametrize(
    ('twist', 'age_s'),
    [(3 * FORWARD, 0.0), (np.full(6, np.nan), 0.0), (FORWARD, math.inf)],
    ids=['beyond one', 'not finite', 'no stamp'],
)
def test_humble_skips_in_silence_what_it_does_not_take(twist, age_s):
    servo = make(humble=True)
    servo.start()
    joints, _ = run(servo, 0.2, lambda now: servo.twist(now, twist, 'fr3_link0', age_s))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert servo.code is ServoCode.NO_WARNING


def test_humble_stopped_or_paused_says_that_all_is_well_until_it_is_started():
    servo = make(humble=True)
    servo.start()
    servo.pause(True)
    joints, now_s = run(servo, 0.2, lambda now: servo.twist(now, FORWARD, 'fr3_link0'))
    np.testing.assert_array_equal(joints, READY_POSTURE)
    assert not servo.silent
    assert servo.code is ServoCode.NO_WARNING
    servo.start()
    moved, _ = run(servo, 0.1, now_s=now_s)
    assert np.abs(moved - READY_POSTURE).max() > 1e-4


def test_poses_that_are_not_finite_or_of_another_frame_are_invalid():
    servo = make(command_type=CommandType.POSE)
    assert not servo.pose(0.0, Pose(np.full(3, np.nan)), 'fr3_link0')
    assert servo.code is ServoCode.INVALID
    servo = make(command_type=CommandType.POSE)
    assert not servo.pose(0.0, Pose.identity(), '')
    assert servo.code is ServoCode.INVALID


def test_twists_in_metres_may_be_larger_than_one_of_a_unit():
    assert make(unitless=False).twist(0.0, 1.5 * FORWARD, 'fr3_link0')


def test_slows_down_and_halts_near_a_singularity():
    stretched = np.array([0.0, 0.3, 0.0, -0.12, 0.0, 1.2, 0.0])
    servo = make(joints=stretched, joint_margin_rad=0.0)
    outward = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    joints, _ = run(
        servo, 0.1, lambda now: servo.twist(now, outward, 'fr3_link0'), joints=stretched
    )
    assert servo.code is ServoCode.HALT_FOR_SINGULARITY
    np.testing.assert_allclose(joints, stretched, atol=1e-6)


def test_halts_before_a_joint_limit():
    limit = KINEMATICS.limits.upper[5]
    near = READY_POSTURE.copy()
    near[5] = limit - 0.11
    servo = make(joints=near)
    tilt = np.array([0.0, 0.0, 0.0, 0.0, -1.0, 0.0])
    joints, _ = run(servo, 1.0, lambda now: servo.twist(now, tilt, 'fr3_link0'), joints=near)
    tilt = -tilt
    other, _ = run(servo, 1.0, lambda now: servo.twist(now, tilt, 'fr3_link0'), joints=joints)
    assert max(joints[5], other[5]) < limit - 0.09


def test_follows_a_pose_of_the_tool():
    servo = make(tool=FRANKA_HAND, command_type=CommandType.POSE)
    start = FRANKA_HAND.of_flange(KINEMATICS.forward(READY_POSTURE))
    target = Pose(start.position + np.array([0.05, 0.02, -0.03]), start.rotation)
    joints, _ = run(servo, 1.0, lambda now: servo.pose(now, target, 'fr3_link0'))
    away_m, turned_rad = distance(FRANKA_HAND.of_flange(KINEMATICS.forward(joints)), target)
    assert away_m < 1e-3
    assert turned_rad < 1e-2
