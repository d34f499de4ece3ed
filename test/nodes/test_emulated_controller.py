"""The emulated joint_trajectory_controller on topic and action, as docs/conformance.md says."""

import math

import pytest
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from driver_rig import FR3, SLOW_EMULATOR
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.driver_emulator import DriverEmulator
from jepa_wm_ros.ros.spinning import autostart

NAMES = FR3['joint_names']
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
Result = FollowJointTrajectory.Result


class Rig:
    """The emulator, and a client of its controller."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        overrides = [
            Parameter(name, value=value) for name, value in (SLOW_EMULATOR | parameters).items()
        ]
        self.emulator = graph.add(
            DriverEmulator(context=graph.context, parameter_overrides=overrides)
        )
        assert autostart(self.emulator)
        node = graph.node('lab')
        self.joints = []
        node.create_subscription(
            JointState, 'joint_states', self._on_joints, qos_profile_sensor_data
        )
        name = 'fr3_arm_controller'
        self.topic = node.create_publisher(JointTrajectory, f'{name}/joint_trajectory', 1)
        self.client = ActionClient(node, FollowJointTrajectory, f'{name}/follow_joint_trajectory')
        graph.spin_until(
            lambda: (
                self.joints
                and self.client.server_is_ready()
                and self.topic.get_subscription_count()
            ),
            30.0,
        )

    def _on_joints(self, message):
        self.joints = list(message.position)

    @property
    def controller(self):
        return self.emulator._arm.controller

    def to(self, seconds, angle=0.1, names=NAMES, **point):
        """Write a trajectory that turns the first joint by an angle."""
        positions = [self.joints[0] + angle, *self.joints[1:7]][: len(names)]
        whole, part = divmod(seconds, 1.0)
        time = Duration(sec=int(whole), nanosec=int(part * 1e9))
        points = [JointTrajectoryPoint(positions=positions, time_from_start=time, **point)]
        return JointTrajectory(joint_names=list(names), points=points)

    def send(self, trajectory, **goal):
        goal = FollowJointTrajectory.Goal(trajectory=trajectory, **goal)
        return self.graph.result_of(self.client.send_goal_async(goal))

    def end(self, handle):
        """Wait for the end of a goal; return its state and its code."""
        response = self.graph.result_of(handle.get_result_async(), 20.0)
        return response.status, response.result.error_code

    def set(self, **parameters):
        done = self.emulator.set_parameters(
            [Parameter(name, value=value) for name, value in parameters.items()]
        )
        assert all(result.successful for result in done)


def test_a_goal_is_reached(graph):
    rig = Rig(graph)
    target = rig.joints[0] + 0.1
    assert rig.end(rig.send(rig.to(0.4))) == (SUCCEEDED, Result.SUCCESSFUL)
    graph.spin_until(lambda: abs(rig.joints[0] - target) < 0.01)


@pytest.mark.parametrize(
    ('aborts', 'end'),
    [(False, (CANCELED, Result.SUCCESSFUL)), (True, (ABORTED, Result.INVALID_GOAL))],
)
def test_a_second_goal_ends_the_first(graph, aborts, end):
    rig = Rig(graph, aborts_replaced_goals=aborts)
    first = rig.send(rig.to(5.0))
    second = rig.send(rig.to(0.3, -0.05))
    assert rig.end(first) == end
    assert rig.end(second) == (SUCCEEDED, Result.SUCCESSFUL)


def test_a_message_on_the_topic_takes_the_trajectory_and_leaves_the_goal(graph):
    rig = Rig(graph)
    handle = rig.send(rig.to(60.0))
    rig.topic.publish(rig.to(0.3, -0.05))
    # the goal would have taken a minute
    assert rig.end(handle) == (SUCCEEDED, Result.SUCCESSFUL)


@pytest.mark.parametrize('wrong', ['empty', 'foreign'])
def test_a_message_that_is_refused_leaves_all_as_it_is(graph, wrong):
    rig = Rig(graph)
    target = rig.joints[0] + 0.1
    handle = rig.send(rig.to(0.6))
    names = NAMES if wrong == 'empty' else [n.replace('fr3', 'panda') for n in NAMES]
    message = rig.to(0.1, -0.3, names)
    if wrong == 'empty':
        message.points = []
    rig.topic.publish(message)
    assert rig.end(handle) == (SUCCEEDED, Result.SUCCESSFUL)
    graph.spin_until(lambda: abs(rig.joints[0] - target) < 0.01)


def test_a_cancelled_goal_ends_cancelled(graph):
    rig = Rig(graph)
    handle = rig.send(rig.to(60.0))
    graph.result_of(handle.cancel_goal_async())
    assert rig.end(handle) == (CANCELED, Result.SUCCESSFUL)


@pytest.mark.parametrize(
    'spoil',
    [
        lambda message: message.points.clear(),
        lambda message: message.joint_names.pop(),
        lambda message: setattr(message.points[0], 'velocities', [0.1] * 7),
        lambda message: setattr(message.points[0], 'effort', [0.0] * 7),
        lambda message: setattr(message.points[0], 'accelerations', [0.0] * 3),
        lambda message: setattr(message.header.stamp, 'sec', 1),
    ],
    ids=['empty', 'partial', 'moving end', 'effort', 'accelerations', 'past'],
)
def test_goals_that_are_wrong_are_rejected(graph, spoil):
    rig = Rig(graph)
    message = rig.to(0.3)
    spoil(message)
    assert not rig.send(message).accepted


def test_deactivation_ends_the_goal_and_an_inactive_controller_takes_none(graph):
    rig = Rig(graph)
    handle = rig.send(rig.to(60.0))
    rig.set(controller_active=False)
    assert rig.end(handle) == (ABORTED, Result.INVALID_GOAL)
    assert not rig.send(rig.to(0.3)).accepted
    rig.topic.publish(rig.to(0.1, 0.4))
    rig.set(controller_active=True)
    assert rig.end(rig.send(rig.to(0.2, 0.0))) == (SUCCEEDED, Result.SUCCESSFUL)


def test_numbers_that_are_not_finite_are_accepted_and_end_the_controller(graph):
    rig = Rig(graph)
    handle = rig.send(rig.to(0.3, math.nan))
    assert handle.accepted
    assert rig.end(handle) == (ABORTED, Result.INVALID_GOAL)
    assert rig.controller.failed
    assert not rig.send(rig.to(0.3)).accepted
    graph.spin_until(lambda: all(math.isfinite(joint) for joint in rig.joints))


def test_the_tolerances_of_a_goal_are_its_own(graph):
    rig = Rig(graph)
    strict = [JointTolerance(name=NAMES[0], position=1e-6)]
    assert rig.end(rig.send(rig.to(0.5, 0.3), path_tolerance=strict)) == (
        ABORTED,
        Result.PATH_TOLERANCE_VIOLATED,
    )
