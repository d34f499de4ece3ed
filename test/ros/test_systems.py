"""The table of systems: arguments in, processes out."""

import pytest

from jepa_wm_ros.ros.bringup import BringupError
from jepa_wm_ros.ros.drivers import ARMS, CAMERAS, GRIPPERS, ROBOTS
from jepa_wm_ros.ros.systems import SYSTEMS


def franka(**given):
    return {process.name: process for process in SYSTEMS['franka'].processes(given)}


@pytest.mark.parametrize('driver', ARMS)
@pytest.mark.parametrize('robot', ROBOTS)
def test_no_driver_moves_an_arm_in_a_dry_run(driver, robot):
    arm = franka(driver=driver, robot_type=robot)['action_publisher']
    assert arm.parameters['backend'] == 'dry_run'
    arm = franka(driver=driver, robot_type=robot, dry_run='false')['action_publisher']
    assert (arm.parameters['backend'] == 'dry_run') == (driver == 'none')


def test_a_dry_run_stays_one_whatever_the_file_of_the_user_says(tmp_path):
    mine = tmp_path / 'mine.yaml'
    mine.write_text('/**: {ros__parameters: {max_steps: 3}}')
    arguments = franka(params_file=str(mine))['action_publisher'].arguments()
    assert arguments.index('backend:="dry_run"') > arguments.index(str(mine))
    mine.write_text('action_publisher: {ros__parameters: {backend: joint_trajectory}}')
    with pytest.raises(BringupError, match='backend: arguments of the system decide'):
        franka(params_file=str(mine))


@pytest.mark.parametrize('camera', CAMERAS)
def test_the_camera_decides_where_pictures_come_from(camera):
    policy = franka(camera=camera)['policy']
    assert policy.remappings['image'] == CAMERAS[camera].image_topic
    assert franka(camera=camera, image_topic='/mine')['policy'].remappings['image'] == '/mine'


@pytest.mark.parametrize('gripper', GRIPPERS)
@pytest.mark.parametrize('robot', ROBOTS)
def test_encoder_and_action_publisher_know_the_same_gripper(gripper, robot):
    processes = franka(gripper=gripper, robot_type=robot)
    joints = {p.defaults['gripper_joint'] for p in processes.values()}
    assert len(joints) == 1
    assert '{' not in joints.pop()


def test_topics_of_two_robots_are_apart():
    for system in ('franka', 'sim'):
        for process in SYSTEMS[system].processes({'namespace': 'left'}):
            assert '__ns:=/left' in process.arguments('left')
            assert not any(new.startswith('/') for new in process.remappings.values())


def test_what_hears_the_last_command_is_stopped_last():
    for name, given in (('sim', {'record': 'true'}), ('franka', {'robot_ip': '10.0.0.2'})):
        processes = SYSTEMS[name].processes(given)
        devices = {process.name for process in processes if process.device}
        assert devices == {'sim': {'sim', 'recorder'}, 'franka': {'arm_driver'}}[name]


def test_a_replay_runs_on_the_time_of_the_bag_and_moves_nothing(tmp_path):
    processes = {p.name: p for p in SYSTEMS['replay'].processes({'bag': str(tmp_path)})}
    assert processes['action_publisher'].parameters['backend'] == 'dry_run'
    for name in ('policy', 'action_publisher'):
        assert processes[name].parameters['use_sim_time'] is True
    assert str(tmp_path) in processes['player'].command


@pytest.mark.parametrize(
    ('system', 'given', 'words'),
    [
        ('franka', {'dryrun': 'true'}, 'did you mean dry_run'),
        ('franka', {'driver': 'telekinesis'}, 'accepted: franka_ros2'),
        ('franka', {'dry_run': 'False'}, 'accepted: true, false'),
        ('franka', {'driver': 'none', 'robot_ip': '10.0.0.2'}, 'leave robot_ip empty'),
        ('franka', {'camera': 'topic', 'start_camera': 'true'}, 'start the camera yourself'),
        ('franka', {'params_file': '/nowhere.yaml'}, 'is not a file'),
        ('sim', {'bag': 'mine'}, 'no effect without record:=true'),
        ('replay', {'bag': '/', 'rate': 'fast'}, 'a number above 0'),
        ('replay', {}, 'bag:=FOLDER'),
        ('replay', {'bag': '/nowhere'}, 'there is no bag /nowhere'),
        ('emulated', {'driver': 'none'}, 'accepted: franka_ros2, .*servo_pose$'),
        ('emulated', {'camera': 'topic'}, 'accepted: zed, realsense$'),
        ('sim', {'params_file': '~nobody-of-this-name/a.yaml'}, 'no home folder ~nobody'),
        *(
            (system, {argument: value}, f'{argument}:=.* accepted: names of letters')
            for system, argument, value in (
                *(('sim', 'namespace', v) for v in ('a b', '1a', 'a//b', '~/a', 'ä', 'a\n')),
                *(('franka', 'image_topic', v) for v in ('a b', '1/x', 'cam/', '/', '~', 'a\n')),
                ('replay', 'joint_states_topic', 'a//b'),
                ('viz', 'namespace', 'left,right'),
            )
        ),
    ],
)
def test_what_is_said_wrong_is_refused_with_what_is_right(system, given, words):
    with pytest.raises(BringupError, match=words):
        SYSTEMS[system].processes(given)


@pytest.mark.parametrize(
    ('argument', 'value'),
    [
        *(('namespace', v) for v in ('', '/', 'left', '/left/', 'lab_1/left', '_x')),
        *(('image_topic', v) for v in ('', 'cam/image_raw', '/cam0/rgb', '~/image', 'Image')),
    ],
)
def test_names_as_ros_has_them_are_accepted(argument, value):
    assert SYSTEMS['franka'].complete({argument: value})[argument] == value


def test_nodes_wait_to_be_activated_without_autostart():
    for process in SYSTEMS['sim'].processes({'autostart': 'false'}):
        assert process.parameters['autostart'] is False
