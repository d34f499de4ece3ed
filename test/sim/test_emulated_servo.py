"""The emulated MoveIt Servo has the rules of the real one."""

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
    ('twist', 'frame'), [(3 * FORWARD, 'fr3_link0'), (FORWARD, ''), (np.full(6, np.nan), 'base')]
)
def test_twists_beyond_one_without_a_frame_or_not_finite_are_invalid(twist, frame):
    servo = make()
    assert not servo.twist(0.0, twist, frame)
    assert servo.code is ServoCode.INVALID


def test_twists_in_metres_may_be_larger_than_one_of_a_unit():
    assert make(unitless=False).twist(0.0, 1.5 * FORWARD, 'fr3_link0')


def test_slows_down_and_halts_near_a_singularity():
    stretched = np.array([0.0, 0.3, 0.0, -0.12, 0.0, 1.2, 0.0])
    servo = make(joints=stretched, joint_margin_rad=0.0)
    outward = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    joints, _ = run(servo, 0.1, lambda now: servo.twist(now, outward, 'base'), joints=stretched)
    assert servo.code is ServoCode.HALT_FOR_SINGULARITY
    np.testing.assert_allclose(joints, stretched, atol=1e-6)


def test_halts_before_a_joint_limit():
    limit = KINEMATICS.limits.upper[5]
    near = READY_POSTURE.copy()
    near[5] = limit - 0.11
    servo = make(joints=near)
    tilt = np.array([0.0, 0.0, 0.0, 0.0, -1.0, 0.0])
    joints, _ = run(servo, 1.0, lambda now: servo.twist(now, tilt, 'base'), joints=near)
    tilt = -tilt
    other, _ = run(servo, 1.0, lambda now: servo.twist(now, tilt, 'base'), joints=joints)
    assert max(joints[5], other[5]) < limit - 0.09


def test_follows_a_pose_of_the_tool():
    servo = make(tool=FRANKA_HAND, command_type=CommandType.POSE)
    start = FRANKA_HAND.of_flange(KINEMATICS.forward(READY_POSTURE))
    target = Pose(start.position + np.array([0.05, 0.02, -0.03]), start.rotation)
    joints, _ = run(servo, 1.0, lambda now: servo.pose(now, target, 'fr3_link0'))
    away_m, turned_rad = distance(FRANKA_HAND.of_flange(KINEMATICS.forward(joints)), target)
    assert away_m < 1e-3
    assert turned_rad < 1e-2
