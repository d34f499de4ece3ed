"""What the doctor makes of a graph: a sound one, and each thing that can be wrong with it."""

import math
from dataclasses import replace

import pytest

from jepa_wm_ros.cli.expectations import expectations
from jepa_wm_ros.cli.findings import Level
from jepa_wm_ros.cli.graph_checks import CHECKS, full_name, lost_part, rate_hz
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.ros.drivers import ARMS
from jepa_wm_ros.ros.inspection import Endpoint, GraphFacts, Series
from jepa_wm_ros.ros.systems import SYSTEMS

IMAGE, JOINTS = '/camera/camera/color/image_raw', '/joint_states'
COMMAND = '/fr3_arm_controller/joint_trajectory'
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
    return facts


def endpoint(node, kind, **quality):
    return Endpoint(node=node, kind=kind, **{'reliable': True, 'latched': False, **quality})


def test_nothing_is_wrong_with_a_sound_graph(facts, wanted):
    found = {title: check(facts, wanted) for title, check in CHECKS}
    assert {title: one for title, one in found.items() if one.level is not Level.GOOD} == {}


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


FAULTS = [
    ('camera', silence_camera, 'there are pictures on /other'),
    ('camera', compress, 'the encoder takes sensor_msgs/msg/Image'),
    ('camera', lambda f: f.pictures.stamps.clear(), 'silent'),
    ('camera', lambda f: f.publishers[IMAGE].append(f.publishers[IMAGE][0]), '2 nodes publish'),
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
    (
        'other commanders',
        lambda f: f.publishers[COMMAND].append(endpoint('/moveit', '')),
        '/moveit publish',
    ),
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
    facts.joints.positions['fr3_joint2'] = wanted.upper[1] - 0.01
    assert dict(CHECKS)['joint limits'](facts, wanted).level is Level.DOUBTFUL


def test_every_driver_has_expectations():
    for driver, arm in ARMS.items():
        found = expectations(SYSTEMS['franka'], {'driver': driver}, arm.backend)
        assert len(found.joint_names) == len(found.lower) == 7
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
