"""Mistakes of the environment are one line and exit code 2, before ROS makes more of them."""

import os
import subprocess
import sys
import time

import pytest

from jepa_wm_ros.ros.environment import (
    EnvironmentMistake,
    check_display,
    check_environment,
    check_packages,
)

BROKEN = [
    ({'RMW_IMPLEMENTATION': 'rmw_nothing_cpp'}, 'which is not installed here; installed: rmw_'),
    ({'RCL_ASSERT_RMW_ID_MATCHES': 'rmw_nothing_cpp'}, 'RCL_ASSERT_RMW_ID_MATCHES'),
    ({'ROS_DOMAIN_ID': 'abc'}, "number from 0 to 232, got 'abc'"),
    ({'ROS_DOMAIN_ID': '233'}, 'from 0 to 232'),
    ({'ROS_DOMAIN_ID': '-1'}, 'from 0 to 232'),
    ({'ROS_DOMAIN_ID': '5.0'}, 'from 0 to 232'),
    ({'ROS_DOMAIN_ID': '²'}, 'from 0 to 232'),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'localhost'}, 'NOT_SET, OFF, LOCALHOST'),
    ({'ROS_LOCALHOST_ONLY': 'yes'}, 'ROS_LOCALHOST_ONLY must be 0 or 1'),
    ({'RCUTILS_COLORIZED_OUTPUT': 'always'}, 'must be 0 or 1'),
    ({'HOME': '/proc/nothing'}, 'HOME: /proc/nothing/.ros/log cannot be made'),
    ({'ROS_LOG_DIR': '/proc/nothing'}, 'ROS_LOG_DIR: /proc/nothing cannot be made'),
    ({'ROS_HOME': '/proc/nothing'}, 'ROS_HOME: /proc/nothing/log cannot be made'),
    ({'HOME': ''}, 'none of ROS_LOG_DIR, ROS_HOME and HOME'),
    ({'TMPDIR': '/proc/nothing'}, 'TMPDIR: /proc/nothing cannot be'),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/none.xml'}, 'cannot be read'),
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/none.xml'}, 'FASTRTPS_DEFAULT_PROFILES_FILE is /none'),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '{folder}/broken.xml'}, 'which is not XML'),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '{folder}/other.xml'}, 'its first element is <a>'),
    ({'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'}, 'KEYSTORE (unset)'),
]
SOUND = [
    {},
    {'ROS_DOMAIN_ID': '0'},
    {'ROS_DOMAIN_ID': ' 232 '},
    {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET', 'ROS_LOCALHOST_ONLY': '0'},
    {'HOME': '', 'ROS_LOG_DIR': '{folder}/logs'},
    {'HOME': '/proc/nothing', 'ROS_HOME': '{folder}'},
    {'FASTDDS_DEFAULT_PROFILES_FILE': '{folder}/fine.xml', 'TMPDIR': '{folder}'},
]


@pytest.fixture
def changed(tmp_path):
    (tmp_path / 'broken.xml').write_text('<dds>')
    (tmp_path / 'other.xml').write_text('<a/>')
    (tmp_path / 'fine.xml').write_text('<dds xmlns="http://www.eprosima.com"><profiles/></dds>')

    def environment(changes):
        own = {name: value.format(folder=tmp_path) for name, value in changes.items()}
        kept = {'HOME': str(tmp_path), 'AMENT_PREFIX_PATH': sys.prefix}
        return kept | own

    return environment


@pytest.mark.parametrize(('changes', 'words'), BROKEN)
def test_a_mistake_is_named_on_one_line(changed, changes, words):
    with pytest.raises(EnvironmentMistake) as refused:
        check_environment(changed(changes))
    assert words in str(refused.value)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('changes', SOUND)
def test_what_ros_works_with_is_accepted(changed, changes):
    check_environment(changed(changes))


def test_a_program_with_windows_needs_a_display_and_to_be_there(tmp_path):
    program = tmp_path / 'rviz2'
    program.write_text('')
    program.chmod(0o755)
    path = {'PATH': str(tmp_path)}
    check_display('rviz2', {**path, 'DISPLAY': ':0'})
    check_display('rviz2', {**path, 'WAYLAND_DISPLAY': 'wayland-0'})
    with pytest.raises(EnvironmentMistake, match='neither DISPLAY nor WAYLAND_DISPLAY'):
        check_display('rviz2', path)
    with pytest.raises(EnvironmentMistake, match='not installed'):
        check_display('rviz2', {'PATH': '/none', 'DISPLAY': ':0'})


def test_packages_that_are_missing_are_named():
    check_packages()
    with pytest.raises(EnvironmentMistake, match='nothing_msgs, which is not installed'):
        check_packages(['rclpy', 'nothing_msgs'])


@pytest.mark.parametrize(
    'words',
    [
        ['jepa_wm_ros.cli.main', 'up', 'sim'],
        ['jepa_wm_ros.cli.main', 'top'],
        ['jepa_wm_ros.cli.main', 'bag', 'record'],
        ['jepa_wm_ros.nodes.sim'],
        ['jepa_wm_ros.nodes.policy'],
    ],
    ids=' '.join,
)
def test_every_program_says_it_and_ends_with_two(words, tmp_path):
    # the one mistake at which ROS ends the process while Python imports it
    environment = {**os.environ, 'RMW_IMPLEMENTATION': 'rmw_nothing_cpp', 'HOME': str(tmp_path)}
    command = [sys.executable, '-m', *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert 'RMW_IMPLEMENTATION is rmw_nothing_cpp' in line


def test_a_node_refuses_parameters_that_it_does_not_take(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    max_speed: 0.05\n')
    command = [sys.executable, '-m', 'jepa_wm_ros.nodes.action_publisher', '--ros-args']
    for words, said in (
        (['-p', 'max_speed:=0.05'], 'did you mean max_speed_m_s'),
        (['--params-file', str(file)], 'mine.yaml:3: /** max_speed'),
    ):
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 1
        assert said in done.stderr
        assert 'Traceback' not in done.stderr


def test_the_check_costs_nothing():
    began = time.process_time()
    for _ in range(20):
        check_environment()
    assert time.process_time() - began < 1.0
