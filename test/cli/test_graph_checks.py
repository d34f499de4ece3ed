"""What the doctor makes of a graph: a sound one, and each thing that can be wrong with it."""

import math
from dataclasses import replace

import pytest

from jepa_wm_ros.cli.expectations import expectations
from jepa_wm_ros.cli.findings import Level
from jepa_wm_ros.cli.graph_checks import CHECKS, full_name, lost_part, rate_hz
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.image_source import ImageFacts
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import from_euler
from jepa_wm_ros.robot.tool import FRANKA_HAND
from jepa_wm_ros.ros.drivers import ARMS
from jepa_wm_ros.ros.inspection import GraphFacts, JointSample, Series
from jepa_wm_ros.ros.sources import Endpoint
from jepa_wm_ros.ros.systems import SYSTEMS

IMAGE, JOINTS = '/camera/camera/color/image_raw', '/joint_states'
COMMAND = '/fr3_arm_controller/joint_trajectory'
ACTION = '/fr3_arm_controller/follow_joint_trajectory'
FRANKA = {'driver': 'franka_ros2', 'camera': 'realsense', 'robot_type': 'fr3'}


@pytest.fixture(scope='module')
def wanted():
    return expectations(SYSTEMS['franka'], FRANKA, ARMS['franka_ros2'].backend)


@pytest.fixture
def facts(wanted):
    """A graph in which all is well."""
    facts = GraphFacts()
    facts.topics = {IMAGE: ['sensor_msgs/msg/Image'], JOINTS: ['sensor_msgs/msg/JointState']}
    facts.publishers = {
        IMAGE: [endpoint('/camera/camera', 'sensor_msgs/msg/Image')],
        JOINTS: [endpoint('/joint_state_publisher', 'sensor_msgs/msg/JointState')],
        COMMAND: [endpoint('/action_publisher', 'trajectory_msgs/msg/JointTrajectory')],
    }
    facts.subscribers = {
        COMMAND: [endpoint('/fr3_arm_controller', 'trajectory_msgs/msg/JointTrajectory')]
    }
    facts.pictures.stamps = [k / 30 for k in range(60)]
    facts.pictures.ages = [0.02] * 60
    facts.pictures.encodings, facts.pictures.size = {'rgb8'}, (640, 360)
    facts.joints.stamps = [k / 100 for k in range(200)]
    facts.joints.ages = [0.002] * 200
    facts.joints.positions = dict(zip(wanted.joint_names, READY_POSTURE.tolist(), strict=True))
    facts.joints.positions['fr3_finger_joint1'] = 0.04
    facts.joints.samples = [
        JointSample(stamp_s=k / 100, arrived_s=k / 100, positions=dict(facts.joints.positions))
        for k in range(200)
    ]
    facts.pictures.frames = {'eye'}
    facts.pictures.seen = [(picture(k / 30), k / 30) for k in range(60)]
    facts.nodes = ['/camera/camera', '/action_publisher', '/encoder', '/planner', '/rviz', '/rviz']
    facts.clients = {ACTION: [], '/execute': [endpoint('/planner', 'x')]}
    facts.servers = {ACTION: [endpoint('/fr3_arm_controller', 'x')]}
    return facts


def picture(stamp_s, frame='eye'):
    return ImageFacts(frame=frame, stamp_s=stamp_s, encoding='rgb8', size=(640, 360))


def endpoint(node, kind, **quality):
    return Endpoint(node=node, kind=kind, **{'reliable': True, 'latched': False, **quality})


def test_nothing_is_wrong_with_a_sound_graph(facts, wanted):
    found = {title: check(facts, wanted) for title, check in CHECKS}
    assert {title: one for title, one in found.items() if one.level is not Level.GOOD} == {}


def test_a_busy_computer_is_no_wrong_clock(facts, wanted):
    facts.joints.ages = [0.01] * 40 + [0.9] * 160
    assert dict(CHECKS)['clocks'](facts, wanted).level is Level.GOOD


def silence_camera(facts):
    facts.publishers[IMAGE] = []
    facts.topics['/other'] = ['sensor_msgs/msg/Image']


def compress(facts):
    facts.publishers[IMAGE] = [endpoint('/c', 'sensor_msgs/msg/CompressedImage')]


def lose(facts):
    del facts.pictures.stamps[10:40:2]


def skew(facts):
    facts.joints.ages = [-3.0] * 200


def panda(facts):
    facts.joints.positions = {
        name.replace('fr3', 'panda'): value for name, value in facts.joints.positions.items()
    }


def double(facts, topic, node):
    """Let a node of another process publish, too."""
    kind = facts.publishers[topic][0].kind
    facts.publishers[topic].append(Endpoint(node=node, kind=kind, gid=b'other process ..'))


def tell(facts, number, **positions):
    """Let one message say something else."""
    sample = facts.joints.samples[number]
    facts.joints.samples[number] = replace(sample, positions={**sample.positions, **positions})


def tell_degrees(facts):
    facts.joints.samples = [
        replace(one, positions={name: math.degrees(q) for name, q in one.positions.items()})
        for one in facts.joints.samples
    ]


def set_frame(facts, number):
    stamp_s = facts.pictures.seen[number][1]
    facts.pictures.seen[number] = (picture(stamp_s, 'wrist'), stamp_s)


FAULTS = [
    ('camera', lambda f: double(f, IMAGE, '/second'), '/camera/camera, /second (2 publishers)'),
    ('camera frame', lambda f: set_frame(f, 30), "now one is in 'wrist'"),
    ('camera frame', lambda f: f.pictures.seen.clear(), 'no pictures'),
    ('joint states', lambda f: double(f, JOINTS, '/ghost'), '/ghost, /joint_state_publisher (2'),
    ('joint values', tell_degrees, '200 of 200 messages cannot be true'),
    ('joint values', tell_degrees, 'degrees'),
    ('joint values', lambda f: tell(f, 50, fr3_joint1=1.0), 'fr3_joint1 jumped'),
    ('joint values', lambda f: f.joints.samples.clear(), 'no message has all joints'),
    ('other commanders', lambda f: double(f, COMMAND, '/moveit'), ': /moveit; stop them'),
    ('other commanders', lambda f: double(f, COMMAND, '/action_publisher'), '/action_publisher'),
    (
        'controller clients',
        lambda f: f.servers[ACTION].append(endpoint('/other', 'x')),
        f'the action {ACTION} has /fr3_arm_controller, /other (2 servers)',
    ),
    ('second system', lambda f: f.nodes.append('/planner'), 'more than one node is called /pl'),
    (
        'second system',
        lambda f: f.servers.update({'/execute': [endpoint('/a', 'x'), endpoint('/b', 'x')]}),
        'the action /execute has /a, /b (2 servers)',
    ),
    ('camera', silence_camera, 'there are pictures on /other'),
    ('camera', compress, 'the encoder takes sensor_msgs/msg/Image'),
    ('camera', lambda f: f.pictures.stamps.clear(), 'silent'),
    (
        'camera',
        lambda f: f.publishers[IMAGE].append(f.publishers[IMAGE][0]),
        '/camera/camera (2 publishers); stop all but one',
    ),
    ('encoding', lambda f: f.pictures.encodings.add('yuv422'), 'yuv422'),
    ('picture size', lambda f: setattr(f.pictures, 'size', (64, 48)), '64 x 48'),
    ('picture rate', lambda f: f.pictures.__setattr__('stamps', [0.0, 0.5]), '2.0 Hz'),
    ('lost pictures', lose, '25 % of the pictures are lost'),
    ('clocks', skew, 'joint states wrong'),
    ('joint states', lambda f: f.publishers[JOINTS].clear(), 'nobody publishes /joint_states'),
    ('joint states', lambda f: f.joints.__setattr__('stamps', [0.0, 0.1]), '10 Hz'),
    ('joint names', panda, 'there are: panda_joint1'),
    ('joint limits', lambda f: f.joints.positions.update(fr3_joint2=2.5), 'outside'),
    ('joint limits', lambda f: f.joints.positions.update(fr3_joint2=math.nan), 'nan'),
    ('gripper', lambda f: f.joints.positions.update(fr3_finger_joint1=0.08), 'preset'),
    ('controller listens', lambda f: f.subscribers.clear(), 'nobody listens'),
    (
        'controller listens',
        lambda f: f.subscribers.update({COMMAND: [endpoint('/c', 'std_msgs/msg/Float64')]}),
        'takes std_msgs/msg/Float64',
    ),
    (
        'controller listens',
        lambda f: f.subscribers.update(
            {COMMAND: [endpoint('/c', 'trajectory_msgs/msg/JointTrajectory', latched=True)]}
        ),
        'hear nothing',
    ),
    (
        'controllers',
        lambda f: setattr(f, 'controllers', {'fr3_arm_controller': 'inactive'}),
        'fr3_arm_controller is inactive',
    ),
]


def test_camera_slower_than_declared_is_found(facts, wanted):
    check = dict(CHECKS)['picture rate']
    rate = rate_hz(facts.pictures)
    assert check(facts, replace(wanted, camera_rate_hz=rate)).level is Level.GOOD
    found = check(facts, replace(wanted, camera_rate_hz=2.0 * rate))
    assert found.level is Level.BAD
    assert 'camera_rate_hz' in found.advice


@pytest.mark.parametrize(('title', 'break_it', 'words'), FAULTS)
def test_what_is_wrong_is_found_and_has_a_remedy(facts, wanted, title, break_it, words):
    break_it(facts)
    found = dict(CHECKS)[title](facts, wanted)
    assert found.level is Level.BAD
    assert words in found.found
    assert found.advice


def test_an_arm_near_a_limit_is_a_warning(facts, wanted):
    facts.joints.positions['fr3_joint2'] = wanted.joints.upper[1] - 0.01
    assert dict(CHECKS)['joint limits'](facts, wanted).level is Level.DOUBTFUL


def test_who_can_send_goals_to_the_controller_is_named_as_a_warning(facts, wanted):
    check = dict(CHECKS)['controller clients']
    facts.clients[ACTION] = [endpoint('/move_group', 'x')]
    found = check(facts, wanted)
    assert found.level is Level.DOUBTFUL
    assert f'others can send goals to {ACTION}: /move_group' in found.found


def test_our_own_client_of_the_controller_is_none_of_the_others(facts):
    given = {**FRANKA, 'driver': 'franka_ros2_action'}
    wanted = expectations(SYSTEMS['franka'], given, ARMS['franka_ros2_action'].backend)
    check = dict(CHECKS)['controller clients']
    facts.clients[ACTION] = [endpoint('/action_publisher', 'x')]
    assert check(facts, wanted).level is Level.GOOD
    facts.clients[ACTION].append(endpoint('/action_publisher', 'x'))
    assert '/action_publisher' in check(facts, wanted).found


@pytest.mark.parametrize(
    ('turn_rad', 'shift_m', 'words'),
    [(0.0, 0.0, ''), (math.radians(20.0), 0.0, 'turned by 20.0 degrees'), (0.0, 0.03, '3.0 cm')],
)
def test_the_end_effector_of_the_driver_is_compared_with_the_joints(
    facts, wanted, turn_rad, shift_m, words
):
    wanted = replace(wanted, driver_pose='current_pose', tool=FRANKA_HAND)
    check = dict(CHECKS)['end effector']
    assert 'no pose of the end effector on /current_pose' in check(facts, wanted).found
    flange = Kinematics().forward(READY_POSTURE)
    set_in_desk = FRANKA_HAND.in_flange.compose(
        from_euler((shift_m, 0.0, 0.0), (0.0, 0.0, turn_rad))
    )
    facts.driver_pose = flange.compose(set_in_desk)
    found = check(facts, wanted)
    assert found.level is (Level.BAD if words else Level.GOOD)
    assert words in found.found


def test_compressed_pictures_are_looked_for_where_the_driver_publishes_them():
    given = {**FRANKA, 'image_transport': 'compressed'}
    found = expectations(SYSTEMS['franka'], given, ARMS['franka_ros2'].backend)
    assert full_name(found.image, '') == f'{IMAGE}/compressed'
    given['image_topic'] = '/mine/compressed'
    found = expectations(SYSTEMS['franka'], given, ARMS['franka_ros2'].backend)
    assert found.image == '/mine/compressed'


def test_every_driver_has_expectations():
    for driver, arm in ARMS.items():
        found = expectations(SYSTEMS['franka'], {'driver': driver}, arm.backend)
        assert len(found.joint_names) == len(found.joints.lower) == 7
        assert (found.command == '') == (found.command_kind == '')


def test_names_are_in_the_namespace():
    assert full_name('image', '') == '/image'
    assert full_name('image', '/left/') == '/left/image'
    assert full_name('/image', 'left') == '/image'


def test_rates_and_losses_of_too_few_messages_are_unknown():
    assert rate_hz(Series(stamps=[1.0])) == 0.0
    assert rate_hz(Series(stamps=[1.0, 1.0])) == 0.0
    assert math.isnan(lost_part(Series(stamps=[0.0, 1.0, 2.0])))
    assert lost_part(Series(stamps=[0.0, 1.0, 2.0, 3.0, 5.0, 6.0])) == pytest.approx(1 / 7)
