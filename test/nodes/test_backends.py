"""What each backend writes for a set-point, and what it asks of its controller."""

from types import SimpleNamespace

import numpy as np
import pytest
from cleared import cleared, route, stop_route
from rclpy.clock import Clock

from jepa_wm_ros.nodes.backends import BACKENDS, make_backend
from jepa_wm_ros.nodes.backends.backend import ServoSettings, Wiring
from jepa_wm_ros.nodes.backends.servo import ServoError
from jepa_wm_ros.robot.motion import ArmCommand, RoutePoint
from jepa_wm_ros.robot.poses import Pose, distance, from_euler
from jepa_wm_ros.robot.tool import FRANKA_HAND, Tool
from jepa_wm_ros.ros.conversions import decode_pose

NAMES = [f'fr3_joint{number}' for number in range(1, 8)]
FLANGE = from_euler((0.4, 0.1, 0.5), (np.pi, 0.0, 0.0))
JOINTS = np.linspace(-0.3, 0.3, 7)
SPEEDS = np.full(7, 0.5)
SERVO = ServoSettings(release='switch', gain=4.0, linear_scale=0.4, rotational_scale=0.8,
                      max_speed_m_s=0.3, max_rotation_speed_rad_s=0.6)  # fmt: skip


class Publisher:
    def __init__(self, topic):
        self.topic_name, self.sent, self.listeners = '/' + topic, [], 1

    def publish(self, message):
        self.sent.append(message)

    def get_subscription_count(self):
        return self.listeners

    def wait_for_all_acked(self, _):
        return True


class FakeNode:
    """As much of a node as backends use."""

    def __init__(self):
        self.publishers, self.clients, self.timers, self.calls = [], [], [], []

    def create_lifecycle_publisher(self, kind, topic, qos):
        self.publishers.append(Publisher(topic))
        return self.publishers[-1]

    def create_client(self, kind, name):
        self.clients.append(name)
        return SimpleNamespace(
            service_is_ready=lambda: False, call_async=lambda request: self.call(request)
        )

    def call(self, request):
        self.calls.append(request)
        return Answer()

    def create_subscription(self, kind, topic, callback, qos):
        self.heard = (topic, callback)

    def create_timer(self, period_s, callback):
        self.timers.append(callback)

    def get_clock(self):
        return Clock()

    def get_publishers_info_by_topic(self, topic):
        return []

    def guard(self, callback):
        return callback


def make(name, **wiring):
    node = FakeNode()
    backend = make_backend(
        name,
        Wiring(
            node=node,
            base_frame='fr3_link0',
            joint_names=NAMES,
            **({'lookahead_s': 0.03, 'hold_time_s': 0.05, 'brake_time_s': 0.2} | wiring),
        ),
    )
    return backend, node


def command(**fields):
    return ArmCommand(
        **({'pose': FLANGE, 'joint_positions': JOINTS, 'joint_velocities': SPEEDS} | fields)
    )


def seconds(duration):
    return duration.sec + duration.nanosec * 1e-9


def test_a_moving_set_point_is_followed_by_where_the_arm_comes_to_rest():
    backend, node = make('joint_trajectory')
    backend.send(cleared(command()))
    point, rest = node.publishers[0].sent[0].points
    assert node.publishers[0].sent[0].joint_names == NAMES
    assert seconds(point.time_from_start) == pytest.approx(0.03)
    assert seconds(rest.time_from_start) == pytest.approx(0.23)
    np.testing.assert_allclose(point.velocities, SPEEDS)
    np.testing.assert_allclose(rest.positions, JOINTS + 0.5 * 0.2 * SPEEDS)
    np.testing.assert_array_equal(rest.velocities, 0.0)


def test_a_hold_is_one_point_at_rest_with_time_to_brake():
    backend, node = make('joint_trajectory')
    backend.send(cleared(command(joint_velocities=np.zeros(7), hold=True)))
    (point,) = node.publishers[0].sent[0].points
    assert seconds(point.time_from_start) == pytest.approx(0.05)
    np.testing.assert_array_equal(point.positions, JOINTS)


def test_poses_are_those_of_the_drivers_end_effector_in_the_base_frame():
    backend, node = make('cartesian_pose', tool=FRANKA_HAND)
    backend.send(cleared(command()))
    sent = node.publishers[0].sent[0]
    assert sent.header.frame_id == 'fr3_link0'
    assert sent.header.stamp.sec > 0
    expected = FRANKA_HAND.of_flange(FLANGE)
    assert distance(decode_pose(sent.pose), expected) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_a_dry_run_shows_the_flange_whatever_the_driver_means():
    backend, node = make('dry_run', tool=FRANKA_HAND, command_topic='target_pose', servo=SERVO)
    backend.send(cleared(command()))
    assert node.publishers[0].topic_name == '/dry_run_pose'
    assert node.clients == []
    assert backend.topic is None
    assert not backend.moves
    assert distance(decode_pose(node.publishers[0].sent[0].pose), FLANGE)[0] < 1e-12


def twist_of(message):
    linear, angular = message.twist.linear, message.twist.angular
    return np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])


@pytest.mark.parametrize(('linear', 'angular'), [(0.4, 0.8), (1.0, 1.0)])
def test_twists_are_in_the_unit_that_servo_is_configured_for(linear, angular):
    servo = ServoSettings(release='switch', linear_scale=linear, rotational_scale=angular)
    backend, node = make('servo_twist', servo=servo, measured=lambda: FLANGE)
    twist = np.array([0.2, 0.0, -0.1, 0.0, 0.4, 0.0])
    backend.send(cleared(command(twist=twist)))
    sent = node.publishers[0].sent[0]
    assert sent.header.frame_id == 'fr3_link0'
    np.testing.assert_allclose(twist_of(sent), twist / np.repeat([linear, angular], 3))


def test_unitless_twists_never_exceed_one():
    backend, node = make('servo_twist', servo=SERVO, measured=Pose.identity)
    backend.send(cleared(command(twist=np.full(6, 3.0))))
    assert np.abs(twist_of(node.publishers[0].sent[0])).max() <= 0.75 + 1e-9


def test_a_turning_tool_also_moves():
    tool = Tool.at((0.0, 0.0, 0.1), (0.0, 0.0, 0.0))
    unit = ServoSettings(release='switch')
    backend, node = make('servo_twist', servo=unit, tool=tool, measured=Pose.identity)
    backend.send(cleared(command(pose=Pose.identity(), twist=np.array([0.0, 0, 0, 1.0, 0, 0]))))
    np.testing.assert_allclose(twist_of(node.publishers[0].sent[0])[:3], [0.0, -0.1, 0.0])


@pytest.mark.parametrize('fields', [{'hold': True}, {}])
def test_a_hold_and_an_arm_that_is_not_seen_are_zero_twists(fields):
    measured = None if not fields else FLANGE
    backend, node = make('servo_twist', servo=SERVO, measured=lambda: measured)
    backend.send(cleared(command(twist=np.ones(6), **fields)))
    np.testing.assert_array_equal(twist_of(node.publishers[0].sent[0]), 0.0)


def test_servo_is_asked_below_the_name_of_its_own_topic():
    backend, node = make(
        'servo_twist', servo=SERVO, command_topic='left/servo_node/delta_twist_cmds'
    )
    assert node.clients == ['/left/servo_node/switch_command_type']
    assert 'has not agreed' in backend.obstacle()
    humble = ServoSettings(release='start')
    _, node = make('servo_twist', servo=humble, command_topic='servo_node/delta_twist_cmds')
    assert node.clients == ['/servo_node/start_servo']


@pytest.mark.parametrize(
    ('release', 'code', 'words'),
    [('switch', 2, 'singularity'), ('switch', 5, 'collision'), ('start', 5, 'joint limit')],
)
def test_a_halt_of_servo_is_complained_about_with_its_cause(release, code, words):
    complaints = []
    _, node = make('servo_twist', servo=ServoSettings(release=release), complain=complaints.append)
    _, callback = node.heard
    callback(SimpleNamespace(code=code, data=code, message=''))
    callback(SimpleNamespace(code=1, data=1, message='slow'))
    assert len(complaints) == 1
    assert words in complaints[0]


def test_servo_on_humble_takes_no_poses_and_twists_need_a_servo():
    with pytest.raises(ServoError, match='takes no poses'):
        make('cartesian_pose', servo=ServoSettings(release='start'))
    with pytest.raises(ServoError, match='parameter servo'):
        make('servo_twist')


@pytest.mark.parametrize('name', ['joint_trajectory', 'cartesian_pose'])
def test_a_topic_without_a_listener_is_an_obstacle(name):
    backend, node = make(name)
    assert backend.obstacle() == ''
    node.publishers[0].listeners = 0
    assert 'nobody listens' in backend.obstacle()


class FakeClient:
    """An action client whose answers the test gives."""

    def __init__(self, *_):
        self.goals, self.answers, self.ids = [], [], []

    def send_goal_async(self, goal, goal_uuid):
        self.goals.append(goal)
        self.ids.append(bytes(goal_uuid.uuid))
        self.answers.append(Answer())
        return self.answers[-1]

    def server_is_ready(self):
        return True


class Answer:
    def add_done_callback(self, callback):
        self.callback = callback

    def give(self, result):
        self.result = lambda: result
        self.callback(self)


class Handle:
    def __init__(self, accepted=True):
        self.accepted, self.cancelled, self.outcome = accepted, 0, Answer()

    def get_result_async(self):
        return self.outcome

    def cancel_goal_async(self):
        self.cancelled += 1
        self.answer = Answer()
        return self.answer


@pytest.fixture
def action(monkeypatch):
    from jepa_wm_ros.nodes.backends import joint_trajectory_action

    monkeypatch.setattr(joint_trajectory_action, 'ActionClient', FakeClient)
    complaints = []
    backend, _ = make('joint_trajectory_action', complain=complaints.append)
    backend.complaints = complaints
    return backend


ROUTE = [RoutePoint(0.1, JOINTS, SPEEDS), RoutePoint(0.2, JOINTS, np.zeros(7))]


def test_a_motion_is_one_goal_and_set_points_on_the_way_are_not_sent(action):
    action.play(route(ROUTE))
    action.send(cleared(command()))
    (goal,) = action._client.goals
    times = [seconds(p.time_from_start) for p in goal.trajectory.points]
    assert times == pytest.approx([0.1, 0.2])
    assert not action.delivered()
    action._client.answers[0].give(Handle())
    assert action.delivered()


def test_braking_replaces_the_motion_and_set_points_on_the_way_are_not_sent(action):
    action.play(route(ROUTE))
    action._client.answers[0].give(Handle())
    action.play(stop_route(JOINTS, SPEEDS))
    for _ in range(3):
        action.send(cleared(command(brake=True)))
    action.send(cleared(command(hold=True)))
    _, brake = action._client.goals
    (point,) = brake.trajectory.points
    np.testing.assert_allclose(point.positions, JOINTS + 0.5 * 0.2 * SPEEDS)
    np.testing.assert_array_equal(point.velocities, 0.0)


@pytest.mark.parametrize('early', [True, False])
def test_a_hold_cancels_the_motion_also_when_it_was_not_yet_accepted(action, early):
    handle = Handle()
    action.play(route(ROUTE))
    if not early:
        action._client.answers[0].give(handle)
    action.play(route([]))
    if early:
        action._client.answers[0].give(handle)
    assert handle.cancelled == 1


def test_no_points_cancel_the_motion(action):
    handle = Handle()
    action.play(route(ROUTE))
    action._client.answers[0].give(handle)
    action.play(route([]))
    assert handle.cancelled == 1
    assert len(action._client.goals) == 1


def test_only_the_goal_that_counts_is_complained_about(action):
    result = SimpleNamespace(error_code=-4, error_string='path tolerance')
    aborted = SimpleNamespace(status=6, result=result)
    first, second = Handle(), Handle()
    action.play(route(ROUTE))
    action._client.answers[0].give(first)
    action.play(route(ROUTE))
    first.outcome.give(aborted)
    assert action.complaints == []
    action._client.answers[1].give(second)
    second.outcome.give(aborted)
    assert 'code -4' in action.complaints[0]
    action.play(route(ROUTE))
    action._client.answers[2].give(Handle(accepted=False))
    assert 'rejected' in action.complaints[1]


def test_all_backends_have_a_maker():
    assert set(BACKENDS) == {
        'joint_trajectory', 'joint_trajectory_action', 'cartesian_pose', 'servo_twist', 'dry_run',
    }  # fmt: skip
