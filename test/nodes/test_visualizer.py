"""What RViz gets, checked by a subscriber."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import Plan, SafetyStatus
from nav_msgs.msg import Path
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from jepa_wm_ros.evaluation.palette import PLANNER, rgb
from jepa_wm_ros.nodes.visualizer import VisualizerNode
from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, READY_POSTURE
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, encode_pose, encode_stamp, now_s
from jepa_wm_ros.ros.images import decode_image, encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.viz.colours import STATE_COLOURS

START = Pose(np.array([0.45, 0.05, 0.35]))
ACTIONS = np.array([[0.05, 0, 0, 0, 0, 0, 0], [0, 0.05, 0.02, 0, 0, 0, 0]])
ELITES = np.stack([ACTIONS, -ACTIONS, 0.5 * ACTIONS])
COSTS = [1.0, 4.0, 2.0]
WAY = START.position + np.array([[0, 0, 0], [0.05, 0, 0], [0.05, 0.05, 0.02]])
SECONDS = {'timeout_s': 20.0}


class Robot:
    """All that the visualizer listens to, and a display that listens to it."""

    def __init__(self, graph):
        self.graph = graph
        node = self.node = graph.node('robot')
        self._plans = node.create_publisher(Plan, 'plan', qos.latest())
        self._safety = node.create_publisher(SafetyStatus, 'safety_status', qos.latched())
        self._joints = node.create_publisher(JointState, 'joint_states', qos.latest())
        self._goals = node.create_publisher(Image, 'goal_image', qos.latched())
        self._goal_poses = node.create_publisher(PoseStamped, 'goal_pose', qos.latched())
        self.joints = READY_POSTURE.copy()
        self.stamp_s = 0.0
        node.create_timer(0.02, self._report)
        self.seen = {}

    def _report(self):
        self.stamp_s = now_s(self.node)
        message = JointState(name=list(ARM_JOINTS), position=self.joints.tolist())
        message.header.stamp = encode_stamp(self.stamp_s)
        self._joints.publish(message)

    def plan(self, **changes):
        message = Plan(
            horizon=2, action_dim=7, execute_steps=1, step_duration_s=0.4, goal_id='g', cost=0.5
        )
        message.header.stamp = self.node.get_clock().now().to_msg()
        message.observation_pose = encode_pose(START)
        message.actions = ACTIONS.ravel().tolist()
        message.elites, message.elite_costs = ELITES.ravel().tolist(), COSTS
        message.cost_now, message.cost_noop = 2.0, 3.0
        for name, value in changes.items():
            setattr(message, name, value)
        self.graph.spin_until(lambda: self.node.count_subscribers('plan'), **SECONDS)
        self._plans.publish(message)

    def status(self, state, message=''):
        self._safety.publish(SafetyStatus(state=state, message=message))

    def capture(self, stamp_s):
        picture = np.zeros((4, 4, 3), np.uint8)
        self._goals.publish(encode_image(picture, stamp=encode_stamp(stamp_s)))

    def goal_pose(self, pose):
        self._goal_poses.publish(PoseStamped(pose=encode_pose(pose)))

    def listen(self, kind, topic, profile=None):
        messages = self.seen[topic] = []
        keep = self.node.create_subscription(kind, topic, messages.append, profile or 10)
        return messages, keep

    def wait(self, messages, condition=lambda message: True):
        """The newest message, as soon as it is as it should be."""
        self.graph.spin_until(lambda: messages and condition(messages[-1]), **SECONDS)
        return messages[-1]


@pytest.fixture
def robot(graph):
    return Robot(graph)


@pytest.fixture
def make_visualizer(graph):
    nodes = []

    def make(**parameters):
        overrides = [
            Parameter(k, value=v) for k, v in ({'display_rate_hz': 10.0} | parameters).items()
        ]
        node = graph.add(VisualizerNode(context=graph.context, parameter_overrides=overrides))
        assert autostart(node)
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.trigger_shutdown()


def shapes(array):
    result = {}
    for marker in array.markers:
        result.setdefault(marker.ns, []).append(marker)
    return result


def points(marker):
    return np.array([[p.x, p.y, p.z] for p in marker.points])


def has(*layers):
    return lambda array: set(layers) <= {marker.ns for marker in array.markers}


def test_plan_elites_and_candidates_are_where_the_plan_leads(robot, make_visualizer):
    make_visualizer()
    messages, _ = robot.listen(MarkerArray, 'plan_markers')
    robot.plan()
    found = shapes(robot.wait(messages, has('plan', 'elites', 'candidates')))
    path = next(m for m in found['plan'] if m.type == Marker.LINE_STRIP)
    np.testing.assert_allclose(points(path), WAY)
    ends = np.array([points(marker)[-1] for marker in found['elites']])
    np.testing.assert_allclose(ends, START.position + ELITES[..., :3].sum(1))
    opacity = [marker.color.a for marker in found['elites']]
    assert opacity == sorted(opacity, reverse=True)
    balls = next(m for m in found['candidates'] if m.type == Marker.SPHERE_LIST)
    brightness = [c.r + c.g + c.b for c in balls.colors]
    assert np.argsort(brightness).tolist() == np.argsort(COSTS)[::-1].tolist()
    np.testing.assert_allclose(points(balls), ends)


def test_markers_keep_the_conventions(robot, make_visualizer):
    make_visualizer(marker_lifetime_s=2.5)
    plans, _ = robot.listen(MarkerArray, 'plan_markers')
    scenes, _ = robot.listen(MarkerArray, 'scene_markers')
    robot.plan()
    robot.goal_pose(START)
    arrays = robot.wait(plans), robot.wait(scenes, has('goal', 'status'))
    markers = [marker for array in arrays for marker in array.markers]
    assert len({(marker.ns, marker.id) for marker in markers}) == len(markers)
    for marker in markers:
        turn = marker.pose.orientation
        assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0)
        assert marker.header.frame_id == BASE_FRAME
        assert marker.header.stamp.sec > 0
        assert marker.lifetime.sec + marker.lifetime.nanosec / 1e9 == pytest.approx(2.5)
        assert marker.action == Marker.ADD
        used = 'z' if marker.type == Marker.TEXT_VIEW_FACING else 'x'
        assert getattr(marker.scale, used) > 0
        assert marker.color.a > 0
    again = robot.wait(plans, lambda array: array is not arrays[0])
    assert [(m.ns, m.id) for m in again.markers] == [(m.ns, m.id) for m in arrays[0].markers]


def test_the_paths_are_those_of_plan_and_arm(robot, make_visualizer):
    make_visualizer()
    planned, _ = robot.listen(Path, 'planned_path')
    executed, _ = robot.listen(Path, 'executed_path')
    robot.plan()
    path = robot.wait(planned)
    found = [decode_pose(stamped.pose).position for stamped in path.poses]
    np.testing.assert_allclose(found, WAY)
    assert path.header.frame_id == BASE_FRAME
    first = robot.wait(executed, lambda path: path.poses)
    robot.joints = READY_POSTURE + 0.1
    second = robot.wait(executed, lambda path: len(path.poses) > len(first.poses))
    kinematics = Kinematics()
    for stamped, joints in (
        (first.poses[0], READY_POSTURE),
        (second.poses[-1], READY_POSTURE + 0.1),
    ):
        expected = kinematics.forward(joints).position
        np.testing.assert_allclose(decode_pose(stamped.pose).position, expected, atol=1e-9)


def test_boxes_are_those_that_are_enforced_in_the_colour_of_the_state(
    graph, robot, make_visualizer
):
    enforcer = graph.node('action_publisher')
    for name, value in {
        'workspace_lower': [0.3, -0.2, 0.2],
        'workspace_upper': [0.6, 0.2, 0.5],
        'supervised_lower': [0.2, -0.3, 0.1],
        'supervised_upper': [0.7, 0.3, 0.6],
        'keep_out': [0.4, 0.0, 0.2, 0.5, 0.1, 0.4],
    }.items():
        enforcer.declare_parameter(name, value)
    make_visualizer()
    messages, _ = robot.listen(MarkerArray, 'scene_markers')
    robot.status(SafetyStatus.ARMED)

    def colour(array, state):
        wanted = np.array(rgb(STATE_COLOURS[state])) / 255
        edges = shapes(array).get('supervised', [])
        return edges and np.allclose(
            [edges[0].color.r, edges[0].color.g, edges[0].color.b], wanted
        )

    found = shapes(robot.wait(messages, lambda array: colour(array, 'ARMED')))
    (solid,) = (m for m in found['workspace'] if m.type == Marker.CUBE)
    assert (solid.pose.position.x, solid.scale.y) == (pytest.approx(0.45), pytest.approx(0.4))
    np.testing.assert_allclose(points(found['supervised'][0]).max(0), [0.7, 0.3, 0.6])
    (forbidden,) = found['keep_out']
    assert (forbidden.pose.position.z, forbidden.scale.x) == (
        pytest.approx(0.3),
        pytest.approx(0.1),
    )
    robot.status(SafetyStatus.FAULT, 'too fast')
    fault = robot.wait(messages, lambda array: colour(array, 'FAULT'))
    assert shapes(fault)['status'][0].text.startswith('FAULT: too fast')
    enforcer.set_parameters([Parameter('supervised_upper', value=[0.7, 0.3, 0.9])])
    robot.wait(messages, lambda array: points(shapes(array)['supervised'][0]).max() == 0.9)


def test_boxes_are_shown_where_no_keep_out_boxes_are_known(graph, robot, make_visualizer):
    enforcer = graph.node('action_publisher')
    for name, value in (('lower', 0.1), ('upper', 0.5)):
        enforcer.declare_parameter(f'workspace_{name}', [value] * 3)
        enforcer.declare_parameter(f'supervised_{name}', [value] * 3)
    make_visualizer()
    messages, _ = robot.listen(MarkerArray, 'scene_markers')
    robot.wait(messages, has('workspace', 'supervised'))


def test_a_captured_goal_is_shown_where_the_arm_was_then(robot, make_visualizer):
    node = make_visualizer()
    messages, _ = robot.listen(MarkerArray, 'scene_markers')
    robot.graph.spin_until(lambda: node._feed.view.trail.count, **SECONDS)
    robot.capture(robot.stamp_s)
    robot.joints = READY_POSTURE + 0.3
    goal = shapes(robot.wait(messages, has('goal')))['goal']
    axes = next(marker for marker in goal if marker.type == Marker.LINE_LIST)
    expected = Kinematics().forward(READY_POSTURE)
    np.testing.assert_allclose(decode_pose(axes.pose).position, expected.position, atol=1e-9)
    np.testing.assert_allclose(decode_pose(axes.pose).rotation, expected.rotation, atol=1e-9)
    assert len(axes.points) == len(axes.colors) == 6
    robot.capture(0.0)  # a picture from somewhere: nobody knows where it was taken
    robot.wait(messages, lambda array: not has('goal')(array))


def test_the_cost_plot_shows_the_plans(robot, make_visualizer):
    make_visualizer()
    messages, _ = robot.listen(Image, 'cost_image')
    robot.plan(cost_now=4.0)
    blank = decode_image(robot.wait(messages))
    robot.plan(cost_now=1.0)

    def blue(message):
        return int((decode_image(message) == rgb(PLANNER)).all(-1).sum())

    before = int((blank == rgb(PLANNER)).all(-1).sum())
    robot.wait(messages, lambda message: blue(message) > before)


def test_the_robot_is_described_and_its_frames_move(robot, make_visualizer):
    make_visualizer()
    text, _ = robot.listen(String, 'robot_description', qos.latched())
    fixed, _ = robot.listen(TFMessage, '/tf_static', qos.latched())
    moving, _ = robot.listen(TFMessage, '/tf')
    assert '<robot' in robot.wait(text).data
    still, moved = robot.wait(fixed).transforms, robot.wait(moving).transforms
    parents = {t.child_frame_id: (t.header.frame_id, t.transform) for t in (*still, *moved)}
    pose, frame = Pose.identity(), 'panda_link8'
    while frame != BASE_FRAME:
        frame, step = parents[frame]
        at, turn = step.translation, step.rotation
        pose = decode_pose(
            PoseStamped().pose.__class__(position=point(at), orientation=turn)
        ).compose(pose)
    np.testing.assert_allclose(
        pose.position, Kinematics().forward(READY_POSTURE).position, atol=1e-9
    )


def test_a_robot_of_the_package_is_described_by_its_name(robot, make_visualizer):
    make_visualizer(urdf='droid_cell_fr3.urdf')
    text, _ = robot.listen(String, 'robot_description', qos.latched())
    assert 'fr3_link8' in robot.wait(text).data


def point(vector):
    from geometry_msgs.msg import Point

    return Point(x=vector.x, y=vector.y, z=vector.z)


def test_a_robot_state_publisher_is_not_talked_over(robot, make_visualizer):
    node = make_visualizer(publish_robot=False)
    topics = {publisher.topic_name for publisher in node.publishers}
    assert not topics & {'/tf', '/tf_static', '/robot_description'}


def test_nothing_is_made_while_nobody_listens_and_at_most_at_the_rate(
    robot, make_visualizer, monkeypatch
):
    node = make_visualizer(display_rate_hz=10.0)
    made = []
    make = node._made
    monkeypatch.setattr(
        node, '_made', lambda topic, stamp: made.append(topic) or make(topic, stamp)
    )
    robot.plan()
    robot.graph.spin_until(lambda: node._feed.view.plan is not None, **SECONDS)
    ticks = node._feed._ticks
    robot.graph.spin_until(lambda: node._feed._ticks > ticks + 3, **SECONDS)
    assert made == []
    messages, keep = robot.listen(TFMessage, '/tf')
    robot.wait(messages)
    assert set(made) == {'/tf'}
    robot.node.destroy_subscription(keep)
    robot.graph.spin_until(lambda: not node._heard('/tf'), **SECONDS)
    count, ticks = len(made), node._feed._ticks
    robot.graph.spin_until(lambda: node._feed._ticks > ticks + 3, **SECONDS)
    assert len(made) == count


def test_fast_joint_states_are_looked_at_at_the_display_rate(robot, make_visualizer, monkeypatch):
    node = make_visualizer(display_rate_hz=10.0)
    looks = []
    take = type(node._feed.view).take_joints
    monkeypatch.setattr(
        type(node._feed.view),
        'take_joints',
        lambda view, *args: looks.append(args[0]) or take(view, *args),
    )
    robot.graph.spin_until(lambda: len(looks) >= 5, **SECONDS)
    ticks, before = node._feed._ticks, len(looks)
    robot.graph.spin_until(lambda: node._feed._ticks >= ticks + 10, **SECONDS)
    assert len(looks) - before <= 11  # fifty joint states a second were sent
    assert looks == sorted(looks)


def test_a_plan_that_makes_no_sense_is_reported_and_the_node_lives(robot, make_visualizer):
    node = make_visualizer()
    robot.plan(actions=[float('nan')] * 14)
    robot.graph.spin_until(lambda: node._error_count, **SECONDS)
    assert node.failure is None
    robot.plan()
    robot.graph.spin_until(lambda: node._feed.view.plan is not None, **SECONDS)


def test_an_old_plan_is_no_longer_shown(robot, make_visualizer):
    node = make_visualizer(plan_display_s=0.3)
    messages, _ = robot.listen(MarkerArray, 'plan_markers')
    robot.plan()
    robot.wait(messages)
    robot.graph.spin_until(lambda: node._plan_age_s() > 0.3, **SECONDS)
    count, ticks = len(messages), node._feed._ticks
    robot.graph.spin_until(lambda: node._feed._ticks > ticks + 12, **SECONDS)
    assert len(messages) <= count + 1  # one may have been on its way
