"""Through each emulated driver the arm goes where it is told, and stops when it must."""

from dataclasses import replace

import numpy as np
import pytest
from driver_rig import DRIVERS, FR3, DriverRig
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import SafetyStatus

from jepa_wm_ros.robot.poses import apply_action, distance

Code = ExecuteActions.Result
STEP = [0.03, -0.04, 0.02, 0.0, 0.0, 0.1, 0.0]
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize('driver', DRIVERS)
def test_the_arm_goes_where_it_is_told(graph, driver):
    rig = DriverRig(graph, driver)
    rig.arm()
    target = apply_action(rig.pose, STEP)
    result = rig.execute(STEP)
    assert result.code == Code.SUCCEEDED, result.message
    metres, radians = distance(rig.pose, target)
    assert metres < 0.011
    assert radians < 0.06


@pytest.mark.parametrize('driver', ['joint_trajectory_action', 'crisp', 'servo_twist'])
def test_a_cancelled_motion_ends_at_rest_on_the_way(graph, driver):
    rig = DriverRig(graph, driver)
    rig.arm()
    start = rig.pose
    handle = rig.send(FAR, FAR, step_duration_s=0.6)
    graph.spin_until(lambda: distance(rig.pose, start)[0] > 0.02)
    graph.result_of(handle.cancel_goal_async())
    assert rig.result(handle).code == Code.CANCELED

    def rests():
        before = rig.positions
        deadline = rig.node.get_clock().now().nanoseconds + 200_000_000
        graph.spin_until(lambda: rig.node.get_clock().now().nanoseconds > deadline)
        return np.abs(rig.positions - before).max() < 2e-3

    graph.spin_until(rests)
    assert distance(rig.pose, start)[0] < 0.15


def test_an_action_that_the_controller_rejects_is_a_fault_with_a_reason(graph):
    wrong = [name.replace('fr3', 'panda') for name in FR3['joint_names']]
    rig = DriverRig(graph, 'joint_trajectory_action')
    rig.arm()
    backend = rig.publisher._backend
    backend._wiring = replace(backend._wiring, joint_names=wrong)
    result = rig.execute(FAR)
    assert result.code == Code.FAULT
    assert 'rejected the motion' in result.message
    graph.spin_until(lambda: rig.status.state == SafetyStatus.FAULT)


def test_an_action_that_the_controller_gives_up_is_a_fault_with_its_code(graph):
    rig = DriverRig(graph, 'joint_trajectory_action', emulator={'path_tolerance_rad': 1e-6})
    rig.arm()
    result = rig.execute(FAR)
    assert result.code == Code.FAULT
    assert 'code -4' in result.message
    assert 'path tolerance' in result.message


def test_a_second_publisher_keeps_crisp_from_being_armed(graph):
    rig = DriverRig(graph, 'crisp')
    rig.node.create_publisher(PoseStamped, 'target_pose', 1)
    graph.spin_until(lambda: rig.node.count_publishers('target_pose') == 2)
    graph.spin_until(lambda: 'others command the arm' in rig.ask_to_arm().message)


def test_a_tool_that_is_not_the_drivers_keeps_the_arm_from_being_armed(graph):
    rig = DriverRig(graph, 'crisp', publisher={'tool_position': [0.0, 0.0, 0.0]})
    graph.spin_until(lambda: 'cm from where' in rig.ask_to_arm().message)


@pytest.mark.parametrize(
    ('driver', 'wrong', 'words'),
    [
        (
            'joint_trajectory',
            {'command_topic': 'other/joint_trajectory'},
            'nobody listens on /other',
        ),
        ('joint_trajectory_action', {'command_topic': 'other'}, 'the action other has no server'),
        ('crisp', {'gripper_driver': 'franka'}, 'load_gripper:=true'),
    ],
)
def test_a_driver_that_is_not_there_keeps_the_arm_from_being_armed(graph, driver, wrong, words):
    rig = DriverRig(graph, driver, publisher=wrong)
    graph.spin_until(lambda: words in rig.ask_to_arm().message)


def test_a_reflex_during_a_motion_is_a_fault_and_never_recovers_by_itself(graph):
    rig = DriverRig(
        graph, 'joint_trajectory', publisher={'robot_mode': 'franka', 'require_ready': True}
    )
    rig.arm()
    start = rig.pose
    handle = rig.send(FAR, FAR, step_duration_s=0.6)
    graph.spin_until(lambda: distance(rig.pose, start)[0] > 0.02)
    rig.set(rig.emulator, mode='reflex')
    result = rig.result(handle)
    assert result.code == Code.FAULT
    assert 'reflex' in result.message
    rig.set(rig.emulator, mode='idle')
    graph.spin_until(lambda: rig.status.state == SafetyStatus.FAULT)
    assert rig.status.fault_code == SafetyStatus.ROBOT_MODE
    assert rig.execute(FAR).code == Code.FAULT


def test_a_user_stop_keeps_the_arm_from_being_armed(graph):
    rig = DriverRig(
        graph,
        'joint_trajectory',
        emulator={'mode': 'user_stopped'},
        publisher={'robot_mode': 'franka', 'require_ready': True},
    )
    graph.spin_until(lambda: 'user stop' in rig.ask_to_arm().message)


def test_the_controller_brakes_and_holds_when_commands_end_in_the_middle(graph):
    rig = DriverRig(graph, 'joint_trajectory')
    rig.arm()
    start = rig.pose
    rig.send(FAR, FAR, step_duration_s=0.6)
    graph.spin_until(lambda: distance(rig.pose, start)[0] > 0.03)
    graph.executor.remove_node(rig.publisher)  # as if it had been killed
    before, speed = rig.positions, []
    for _ in range(40):
        rig.joints = {}
        graph.spin_until(lambda: rig.joints)
        speed.append(np.abs(rig.positions - before).max())
        before = rig.positions
    assert max(speed[-5:]) < 1e-3
    assert distance(rig.pose, start)[0] < 0.12
