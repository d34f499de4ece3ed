import numpy as np
import pytest

from jepa_wm_ros.robot.description import ARM_JOINTS, READY_POSTURE
from jepa_wm_ros.robot.gripper import GripperCodec, GripperError
from jepa_wm_ros.robot.joint_buffer import JointBufferError
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.robot.poses import Pose, from_euler, to_euler
from jepa_wm_ros.robot.state import RobotSample, RobotState, RobotStateError


@pytest.fixture(scope='module')
def kinematics():
    return Kinematics()


def state(kinematics=None, **kwargs):
    settings = {'joint_names': ARM_JOINTS, 'gripper_joint': 'finger_joint'} | kwargs
    return RobotState(codec=GripperCodec.preset('sim'), kinematics=kinematics, **settings)


def test_the_pose_is_forward_kinematics_between_two_joint_states(kinematics):
    robot = state(kinematics)
    moved = READY_POSTURE + 0.02
    robot.add_joints(1.00, [*ARM_JOINTS, 'finger_joint'], [*READY_POSTURE, 0.0])
    robot.add_joints(1.02, [*ARM_JOINTS, 'finger_joint'], [*moved, 0.8])
    sample = robot.at(1.01)
    expected = kinematics.forward(READY_POSTURE + 0.01)
    np.testing.assert_allclose(sample.pose.position, expected.position, atol=1e-9)
    assert sample.gripper == pytest.approx(0.5)
    np.testing.assert_allclose(robot.position, kinematics.forward(moved).position)


def test_joints_come_in_any_order_and_with_strangers(kinematics):
    robot = state(kinematics)
    names = ['wheel', *reversed(ARM_JOINTS)]
    robot.add_joints(1.0, names, [9.0, *READY_POSTURE[::-1]])
    expected = kinematics.forward(READY_POSTURE).position
    np.testing.assert_allclose(robot.at(1.0).pose.position, expected)
    assert robot.at(1.0).gripper == 0.0


def test_messages_without_the_arm_are_ignored(kinematics):
    robot = state(kinematics)
    robot.add_joints(1.0, ARM_JOINTS[:6], READY_POSTURE[:6])
    assert robot.position is None
    with pytest.raises(JointBufferError, match='no joint states'):
        robot.at(1.0)


def test_a_state_too_far_from_the_picture_is_not_used(kinematics):
    robot = state(kinematics, max_gap_s=0.05)
    robot.add_joints(1.0, ARM_JOINTS, READY_POSTURE)
    assert robot.skew_s(1.03) == pytest.approx(0.03)
    assert robot.skew_s(0.9) == 0.0
    with pytest.raises(JointBufferError, match='did the joint states stop'):
        robot.at(1.06)


def test_a_gripper_of_another_kind_is_noticed(kinematics):
    with pytest.raises(GripperError, match='right gripper preset'):
        state(kinematics).add_joints(1.0, ['finger_joint'], [3.0])


def test_poses_of_the_driver_are_interpolated_the_short_way():
    robot = state()
    # half a turn apart in quaternion sign, 0.2 rad apart in truth
    before, after = (
        from_euler([0.4, 0, 0.4], [np.pi - 0.1, 0, 0]),
        from_euler([0.5, 0, 0.4], [-np.pi + 0.1, 0, 0]),
    )
    robot.add_pose(1.0, before)
    robot.add_pose(1.08, after)
    pose = robot.at(1.04).pose
    np.testing.assert_allclose(pose.position, [0.45, 0, 0.4])
    assert abs(to_euler(pose)[0]) == pytest.approx(np.pi, abs=1e-6)


def test_a_pose_that_the_flange_cannot_have_reached_is_left_out():
    robot = state()
    here = from_euler([0.4, 0, 0.4], [np.pi, 0, 0])
    ghost = from_euler([0.6, 0, 0.4], [np.pi, 0, 0])
    turned = from_euler([0.4, 0, 0.4], [np.pi, 0, 1.0])
    for number in range(5):
        stamp_s = 1.0 + 0.02 * number
        assert robot.add_pose(stamp_s, here) == ''
        assert 'jumped by 200 mm' in robot.add_pose(stamp_s + 0.01, ghost)
        assert 'two sources' in robot.add_pose(stamp_s - 0.01, turned)
    np.testing.assert_allclose(robot.at(1.05).pose.position, here.position)
    assert robot.rejected == 10
    # A message that was overtaken leaves the younger ones as they are.
    assert robot.add_pose(1.07, here) == ''
    robot.at(1.01)
    # The arm was moved while nobody looked.
    assert robot.add_pose(2.0, ghost) == ''
    np.testing.assert_allclose(robot.at(2.0).pose.position, ghost.position)


def test_proprioception_is_what_the_model_asks_for():
    sample = RobotSample(Pose(np.array([0.4, 0.1, 0.3])), 0.25)
    np.testing.assert_allclose(sample.proprio(('gripper', 'z', 'roll')), [0.25, 0.3, 0.0])
    assert sample.proprio(()) is None
    with pytest.raises(RobotStateError, match='force; there are: x, y, z'):
        sample.proprio(('x', 'force'))


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda q: np.degrees(q), 'degrees'),
        (lambda q: q * np.nan, 'not finite'),
        (lambda q: q + 0.3, 'jumped by 0.300 rad'),
    ],
    ids=['degrees', 'NaN', 'ghost'],
)
def test_joint_states_that_cannot_be_true_are_left_out_and_told(kinematics, damage, words):
    robot = state(kinematics)
    assert robot.add_joints(1.00, ARM_JOINTS, READY_POSTURE) is None
    told = robot.add_joints(1.01, ARM_JOINTS, damage(READY_POSTURE))
    assert words in told.message
    assert robot.rejected == 1
    robot.add_joints(1.02, ARM_JOINTS, READY_POSTURE)
    for stamp_s in (1.00, 1.01, 1.02):
        np.testing.assert_allclose(robot.at(stamp_s).joints, READY_POSTURE)
    with pytest.raises(JointBufferError, match=f'1 were left out, .* {words}'):
        robot.at(5.0)


def test_nothing_is_known_between_two_lives_of_the_arm(kinematics):
    robot = state(kinematics, max_gap_s=10.0)
    elsewhere = READY_POSTURE + 2.0 * np.eye(7)[0]
    robot.add_joints(1.0, ARM_JOINTS, READY_POSTURE)
    for stamp_s in (1.1, 1.2, 1.3, 1.4, 1.5):  # a simulation was reset: its arm stays there
        robot.add_joints(stamp_s, ARM_JOINTS, elsewhere)
    np.testing.assert_allclose(robot.at(1.5).joints, elsewhere)
    with pytest.raises(JointBufferError):
        robot.at(1.2)


def test_an_arm_of_another_make_within_the_widest_range_is_believed(kinematics):
    robot = state(kinematics)
    fr3_only = [*READY_POSTURE[:5], 4.4, 0.0]
    assert robot.add_joints(1.0, ARM_JOINTS, fr3_only) is None
    assert state(kinematics, limits=FER).add_joints(1.0, ARM_JOINTS, fr3_only) is not None
