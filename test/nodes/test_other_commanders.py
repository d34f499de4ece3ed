"""Somebody else at our controller, on real topics: seen, told, and the arm stops."""

import pytest
from action_msgs.srv import CancelGoal
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from driver_rig import FR3, DriverRig
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import SafetyStatus
from moveit_msgs.srv import ServoCommandType
from rclpy.action import ActionClient
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.robot.poses import distance

Code = ExecuteActions.Result
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]
CONTROLLER = 'fr3_arm_controller'
ACTION = f'{CONTROLLER}/follow_joint_trajectory'
JOINT_JOG = 0


# Nothing here is about age: a machine with much else to do is not to be the reason of a fault.
AGELESS = {
    'max_joint_age_s': 5.0,
    'max_image_age_s': 5.0,
    'hold_floor_s': 5.0,
    'max_plan_age_s': 30.0,
    'settle_timeout_s': 20.0,
}
PATIENCE_S = 40.0


def rig_for(graph, driver, *, emulator=None, publisher=None):
    return DriverRig(graph, driver, emulator=emulator, publisher=AGELESS | (publisher or {}))


class Operator:
    """Somebody with clients of his own."""

    def __init__(self, rig):
        self.rig, self.graph = rig, rig.graph
        self.node = rig.graph.node('operator')
        self.client = ActionClient(self.node, FollowJointTrajectory, ACTION)
        self.cancel = self.node.create_client(CancelGoal, f'{ACTION}/_action/cancel_goal')

    def send(self, seconds, turn=0.2):
        """Send the controller a goal of his own; return its handle."""
        self.graph.spin_until(self.client.server_is_ready)
        positions = self.rig.positions
        positions[0] += turn
        point = JointTrajectoryPoint(
            positions=positions.tolist(), time_from_start=Duration(sec=seconds)
        )
        trajectory = JointTrajectory(joint_names=FR3['joint_names'], points=[point])
        goal = FollowJointTrajectory.Goal(trajectory=trajectory)
        handle = self.graph.result_of(self.client.send_goal_async(goal))
        assert handle.accepted
        return handle

    def cancel_all(self):
        self.graph.spin_until(self.cancel.service_is_ready)
        self.graph.result_of(self.cancel.call_async(CancelGoal.Request()))


def set_off(rig):
    """Begin a long motion; return its handle once the arm moves."""
    rig.arm()
    start = rig.pose
    handle = rig.send(FAR, FAR, FAR, step_duration_s=0.8)
    rig.graph.spin_until(lambda: distance(rig.pose, start)[0] > 0.02, PATIENCE_S)
    return handle


def ended_by_a_fault(rig, handle, words):
    result = rig.result(handle)
    assert result.code in (Code.FAULT, Code.CONTROLLER), result.message
    assert words in result.message
    rig.graph.spin_until(lambda: rig.status.state == SafetyStatus.FAULT)


def test_a_goal_that_an_operator_cancels_is_a_fault(graph):
    rig = rig_for(graph, 'joint_trajectory_action')
    operator = Operator(rig)
    handle = set_off(rig)
    operator.cancel_all()
    ended_by_a_fault(rig, handle, 'cancelled, and not by us')


@pytest.mark.parametrize('aborts', [False, True])
def test_a_goal_that_another_clients_goal_replaces_is_a_fault_and_the_arm_stops(graph, aborts):
    rig = rig_for(graph, 'joint_trajectory_action', emulator={'aborts_replaced_goals': aborts})
    operator = Operator(rig)
    handle = set_off(rig)
    theirs = operator.send(60)
    ended_by_a_fault(rig, handle, 'else commands the arm')
    # within its minute
    response = graph.result_of(theirs.get_result_async())
    assert response.status in (5, 6)


def test_a_controller_that_is_switched_off_in_a_motion_is_a_fault(graph):
    rig = rig_for(graph, 'joint_trajectory_action')
    handle = set_off(rig)
    rig.set(rig.emulator, controller_active=False)
    ended_by_a_fault(rig, handle, 'gave the motion up')


@pytest.mark.parametrize('driver', ['joint_trajectory', 'joint_trajectory_action'])
def test_while_a_goal_of_another_client_is_under_way_the_arm_cannot_be_armed(graph, driver):
    rig = rig_for(graph, driver)
    theirs = Operator(rig).send(60)
    graph.spin_until(lambda: 'is not ours' in (said := rig.ask_to_arm().message) and said)
    assert '/operator' in rig.ask_to_arm().message
    graph.result_of(theirs.cancel_goal_async())
    graph.result_of(theirs.get_result_async())
    rig.arm()


def test_a_goal_of_another_client_during_a_streamed_motion_is_a_fault(graph):
    rig = rig_for(graph, 'joint_trajectory')
    operator = Operator(rig)
    handle = set_off(rig)
    operator.send(60)
    ended_by_a_fault(rig, handle, 'is not ours')


def test_a_publisher_on_the_topic_keeps_the_action_driver_from_being_armed(graph):
    rig = rig_for(graph, 'joint_trajectory_action')
    topic = f'{CONTROLLER}/joint_trajectory'
    publisher = rig.node.create_publisher(JointTrajectory, topic, 1)
    graph.spin_until(lambda: 'others command the arm' in rig.ask_to_arm().message)
    rig.node.destroy_publisher(publisher)
    rig.arm()


def test_plans_that_replace_each_other_are_no_fault(graph):
    rig = rig_for(graph, 'joint_trajectory_action', publisher={'execution': 'streaming'})
    rig.arm()
    handles = [rig.send(FAR, step_duration_s=0.8)]
    for _ in range(3):
        before = rig.pose
        graph.spin_until(lambda b=before: distance(rig.pose, b)[0] > 0.01, PATIENCE_S)
        handles.append(rig.send(FAR, step_duration_s=0.8))
    codes = [rig.result(handle).code for handle in handles]
    assert set(codes[:-1]) <= {Code.PREEMPTED, Code.SUCCEEDED}
    assert codes[-1] == Code.SUCCEEDED
    assert rig.status.state != SafetyStatus.FAULT


def test_a_switched_servo_is_a_fault_and_arming_switches_it_back(graph):
    rig = rig_for(graph, 'servo_twist')
    node = rig.graph.node('operator')
    switch = node.create_client(ServoCommandType, 'servo_node/switch_command_type')
    handle = set_off(rig)
    request = ServoCommandType.Request(command_type=JOINT_JOG)
    assert graph.result_of(switch.call_async(request)).success
    ended_by_a_fault(rig, handle, 'switched its command type')
    assert rig.reset_fault().success
    rig.arm()
    start = rig.pose
    rig.send(FAR, step_duration_s=0.8)
    graph.spin_until(lambda: distance(rig.pose, start)[0] > 0.02, PATIENCE_S)


def test_a_paused_servo_is_a_fault_and_keeps_the_arm_from_being_armed(graph):
    rig = rig_for(graph, 'servo_twist')
    node = rig.graph.node('operator')
    pause = node.create_client(SetBool, 'servo_node/pause_servo')
    handle = set_off(rig)
    assert graph.result_of(pause.call_async(SetBool.Request(data=True))).success
    ended_by_a_fault(rig, handle, 'MoveIt Servo')
    assert rig.reset_fault().success
    graph.spin_until(lambda: 'says nothing' in rig.ask_to_arm().message)
