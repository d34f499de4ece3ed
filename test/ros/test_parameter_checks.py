"""Every entry of a user's file reaches a node, names a parameter of it, and has its type."""

import importlib
import re
from dataclasses import replace

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.bringup import BringupError, ProcessSpec, cell
from jepa_wm_ros.ros.drivers import ARMS, GRIPPERS, ROBOTS
from jepa_wm_ros.ros.parameter_checks import (
    StartedNode,
    check_given,
    check_processes,
    check_reached,
    effective,
    given_parameters,
)
from jepa_wm_ros.ros.parameter_files import ParameterFileError
from jepa_wm_ros.ros.params import ParameterError
from jepa_wm_ros.ros.reference import CONFIGS
from jepa_wm_ros.ros.systems import SYSTEMS


@pytest.fixture
def bring_up(tmp_path):
    def processes(text, system='sim', **given):
        path = tmp_path / 'mine.yaml'
        path.write_text(text)
        return SYSTEMS[system].processes({'params_file': str(path), **given})

    return processes


def under(node, *lines):
    return '\n'.join([f'{node}:', '  ros__parameters:', *(f'    {line}' for line in lines)])


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        # nodes
        (under('/lab/planner', 'max_steps: 3'), 'the node is /planner here'),
        (under('/lab/**', 'max_steps: 3'), 'no node of that name'),
        (under('/*/planner', 'max_steps: 3'), 'the node is /planner here'),
        (under('planer', 'max_steps: 3'), 'did you mean /planner'),
        (under('Planner', 'max_steps: 3'), 'did you mean /planner'),
        (under('visualizer', 'publish_robot: true'), 'visualizer is not started here'),
        (under('zed_node', 'general.grab_fps: 15'), 'no node of that name is started'),
        # names
        (under('planner', 'max_step: 3'), 'did you mean max_steps'),
        (under('/**', 'max_speed: 0.05'), 'did you mean max_speed_m_s'),
        (under('planner', 'max_speed_m_s: 0.05'), 'not a parameter of /planner, but of'),
        (under('/**', 'publish_robot: true'), 'a parameter of visualizer, which is not started'),
        (under('/**', 'limits:', '  max_speed_m_s: 0.05'), 'no groups of parameters'),
        (under('/**', 'action_publisher.max_speed_m_s: 0.05'), 'no groups of parameters'),
        (under('planner', 'qos_overrides./clock.subscription.depth: 3'), 'no parameter of'),
        # types
        (under('action_publisher', "require_deadman: 'true'"), 'without quotes'),
        (under('action_publisher', 'require_deadman: 1'), 'true or false is accepted, got 1'),
        (under('action_publisher', "max_speed_m_s: '0.05'"), 'without quotes'),
        (under('action_publisher', 'max_speed_m_s: 1'), r'write 1\.0'),
        (under('action_publisher', 'max_speed_m_s: yes'), 'a number is accepted, got True'),
        (under('action_publisher', 'max_speed_m_s: 1,5'), "a number is accepted, got '1,5'"),
        (under('action_publisher', 'max_speed_m_s: [0.1]'), 'got the list'),
        (under('planner', 'max_steps: 3.0'), 'a whole number is accepted'),
        (under('planner', "max_steps: '3'"), 'without quotes'),
        (under('planner', 'model: on'), "write 'on' in quotes"),
        (under('planner', 'model: 12'), "write '12' in quotes"),
        (under('/**', "use_sim_time: 'false'"), 'without quotes'),
        (under('/**', 'autostart: 0'), 'true or false is accepted'),
        (under('action_publisher', 'home_joints: [0.0, 1.0]'), '7 items'),
        (under('action_publisher', 'home_joints: [0, 1, 0, 1, 0, 1, 0]'), 'decimal point'),
        (under('action_publisher', 'home_joints: []'), '7 items'),
        (under('action_publisher', 'home_joints: 0.0'), 'a list is accepted'),
        # ranges
        (under('action_publisher', 'max_speed_m_s: -1.0'), '>= 0'),
        (under('action_publisher', 'max_speed_m_s: .nan'), '>= 0'),
        (under('action_publisher', 'command_rate_hz: 5000.0'), '<= 1000'),
        (under('action_publisher', 'backend: telekinesis'), 'dry_run'),
        # what others decide or win
        (
            '\n'.join([under('/**', 'max_steps: 3'), under('planner', 'max_steps: 5')]),
            'on line 6 wins',
        ),
        (
            '\n'.join([under('planner', 'max_steps: 3'), under('/*', 'max_steps: 5')]),
            'on line 6 wins',
        ),
        # what does not go together
        (under('sim', 'rate_factor: 2.0'), 'time_source'),
    ],
)
def test_an_entry_without_effect_is_refused_on_one_line(bring_up, text, words):
    with pytest.raises(BringupError) as refused:
        bring_up(text)
    message = str(refused.value)
    assert re.search(words, message), message
    assert 'mine.yaml' in message
    assert '\n' not in message


@pytest.mark.parametrize('line', [3, 5])
def test_the_line_of_the_entry_is_named(bring_up, line):
    lines = ['max_steps: 3', 'max_steps_: 3'] if line == 4 else ['# mine'] * (line - 3)
    with pytest.raises(BringupError, match=rf'mine\.yaml:{line}: /planner hurry'):
        bring_up(under('planner', *lines, 'hurry: true'))


@pytest.mark.parametrize(
    ('text', 'given'),
    [
        (under('/**', 'max_speed_m_s: 0.05', 'max_steps: 3', 'use_sim_time: false'), {}),
        (under('planner', 'max_steps: 3'), {}),
        (under('/planner', 'max_steps: 3'), {}),
        (under('/lab/planner', 'max_steps: 3'), {'namespace': 'lab'}),
        (under('/lab/**', 'max_steps: 3'), {'namespace': '/lab/'}),
        (under('/*/planner', 'max_steps: 3'), {'namespace': 'lab'}),
        (under('/**/planner', 'max_steps: 3'), {}),
        (
            'lab:\n  ' + under('planner', 'max_steps: 3').replace('\n', '\n  '),
            {'namespace': 'lab'},
        ),
        (under('visualizer', 'publish_robot: true'), {'rviz': 'true'}),
        ('\n'.join([under('/**', 'device: cpu'), under('planner', "device: ''")]), {}),
    ],
)
def test_what_has_an_effect_is_accepted(bring_up, text, given):
    assert bring_up(text, **given)


@pytest.mark.parametrize('node', ['action_publisher', '/**'])
def test_what_arguments_decide_is_no_business_of_the_file(bring_up, node):
    text = under(node, 'backend: joint_trajectory')
    with pytest.raises(BringupError, match=r"arguments of the system decide.*'dry_run'"):
        bring_up(text, system='franka')
    assert bring_up(text, system='franka', dry_run='false')


def started(processes, name):
    process = next(p for p in processes if name in p.nodes)
    return StartedNode(name=f'/{name}', kind=name, process=process)


@pytest.mark.parametrize('system', ['sim', 'emulated', 'franka'])
@pytest.mark.parametrize('node', ['action_publisher', '/**'])
def test_the_file_wins_over_what_the_package_says(bring_up, system, node):
    text = under(node, 'max_speed_m_s: 0.05', 'max_joint_age_s: 0.07')
    arm = started(bring_up(text, system=system), 'action_publisher')
    assert effective(arm)['max_speed_m_s'] == 0.05
    assert effective(arm)['max_joint_age_s'] == 0.07


def told_by_ros(spec, node):
    """The overrides that a node finds that is started with the arguments of a process."""
    context = Context()
    rclpy.init(args=[spec.name, *spec.arguments()], context=context)
    try:
        made = Node(node, context=context)
        found = {name: p.value for name, p in made._parameter_overrides.items()}
        made.destroy_node()
    finally:
        context.try_shutdown()
    plain = {name: list(v) if hasattr(v, 'tolist') else v for name, v in found.items()}
    return {name: [] if v is None else v for name, v in plain.items()}


@pytest.mark.parametrize('key', ['/**', '/action_publisher'])
def test_ros_finds_the_values_that_are_expected(bring_up, key):
    # -p wins over /** of every file and over no other key, as rcl has it
    text = under(key, 'max_speed_m_s: 0.05', 'max_joint_age_s: 0.07')
    processes = bring_up(text, system='emulated')
    arm = started(processes, 'action_publisher')
    theirs = told_by_ros(arm.process, 'action_publisher')
    ours = effective(arm)
    assert {name: theirs[name] for name in ours} == ours
    assert ours['max_speed_m_s'] == 0.05


def test_a_named_key_wins_over_a_value_on_the_command_line(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(under('/planner', 'max_steps: 3'))
    spec = ProcessSpec(
        name='planner',
        nodes=('planner',),
        parameter_files=('planner.yaml',),
        user_files=(str(path),),
        parameters={'max_steps': 9},
    )
    assert told_by_ros(spec, 'planner')['max_steps'] == 3  # so it has to be refused
    with pytest.raises(ParameterFileError, match='arguments of the system decide'):
        check_processes([spec])


def test_values_of_arguments_are_judged_as_well():
    with pytest.raises(BringupError, match='backend must be one of'):
        SYSTEMS['sim'].processes({'backend': 'telekinesis'})


def shipped_files():
    named = {file for arm in ARMS.values() for file in arm.parameter_files}
    nodes = {f'{node}.yaml' for node in CONFIGS}
    return sorted(named | nodes | set(ROBOTS.values()) | {'franka.yaml'})


@pytest.mark.parametrize('name', shipped_files())
def test_our_own_files_pass_as_files_of_a_user(name):
    """Beside the node that it is of, or those of a real arm."""
    own = name.removesuffix('.yaml')
    nodes = [own] if own in CONFIGS else ['action_publisher', 'encoder', 'planner']
    processes = [
        ProcessSpec(
            name=node,
            nodes=(node,),
            parameter_files=(f'{node}.yaml',),
            user_files=(str(share('config', name)),),
        )
        for node in nodes
    ]
    check_processes(processes)


@pytest.mark.parametrize('driver', ARMS)
@pytest.mark.parametrize('gripper', ['franka_hand', 'robotiq', 'none'])
def test_every_value_of_the_tables_is_declared_by_its_process(driver, gripper):
    assert gripper in GRIPPERS
    for process in SYSTEMS['franka'].processes({'driver': driver, 'gripper': gripper}):
        nodes = [started([process], node) for node in process.nodes]
        for name in {**process.defaults, **process.parameters}:
            assert any(node.declares(name) for node in nodes), (process.name, name)


def test_the_table_of_configs_is_that_of_the_nodes():
    for name, (module, config) in CONFIGS.items():
        where = importlib.import_module(f'jepa_wm_ros.nodes.{name}')
        kinds = [
            k
            for k in vars(where).values()
            if hasattr(k, 'config_type') and k.__module__ == where.__name__
        ]
        assert getattr(importlib.import_module(module), config) in [k.config_type for k in kinds]


def test_processes_without_nodes_of_ours_are_left_alone():
    check_processes([ProcessSpec(name='rviz', command=('rviz2',)), *cell()])
    check_processes([replace(p, user_files=()) for p in cell()], 'lab')


HOSTED = {'/lab/action_publisher': ['max_speed_m_s', 'autostart']}


@pytest.mark.parametrize(
    ('word', 'said'),
    [
        ('max_speed:=0.1', 'did you mean max_speed_m_s'),
        ('max_steps:=3', 'no parameter of /lab/action_publisher'),
        ('action_publishr:max_speed_m_s:=0.1', 'did you mean /lab/action_publisher'),
    ],
)
def test_values_on_the_command_line_of_a_node_reach_it(word, said):
    given = given_parameters(['node', '--ros-args', '-p', word])
    with pytest.raises(ParameterError, match=said):
        check_reached(given, HOSTED)


def test_values_that_a_node_takes_are_accepted():
    words = ['node', '--ros-args', '-p', 'max_speed_m_s:=0.1', '--param', 'autostart:=false']
    words += ['-p', 'action_publisher:max_speed_m_s:=0.1', '--', '-p', 'nothing:=1']
    check_reached(given_parameters(words), HOSTED)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        (under('/lab/action_publisher', 'max_speed: 0.1'), 'did you mean max_speed_m_s'),
        (under('/action_publisher', 'max_speed_m_s: 0.1'), 'the node is /lab/action_publisher'),
        (under('action_publishr', 'max_speed_m_s: 0.1'), 'no node of that name'),
        (under('/**', 'max_sped_m_s: 0.1'), 'did you mean max_speed_m_s'),
    ],
)
def test_entries_of_a_file_on_the_command_line_of_a_node_reach_it(tmp_path, text, said):
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    given = given_parameters(['node', '--ros-args', '--params-file', str(path)])
    with pytest.raises(ParameterFileError, match=said):
        check_reached(given, HOSTED)


def test_a_file_may_be_for_other_processes_too(tmp_path):
    path = tmp_path / 'mine.yaml'
    parts = [
        under('/**', 'max_steps: 3'),
        under('/lab/planner', 'max_steps: 3'),
        under('/lab/action_publisher', 'max_speed_m_s: 0.1'),
        under('/right/action_publisher', 'max_speed_m_s: 0.2'),
    ]
    path.write_text('\n'.join(parts))
    given = given_parameters(['node', '--ros-args', '--params-file', str(path)])
    check_given(given)
    check_reached(given, HOSTED)


def test_a_value_that_no_node_takes_is_refused_before_there_are_nodes(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(under('/**', 'max_speed_m_s: 1'))
    given = given_parameters(['node', '--ros-args', '--params-file', str(path)])
    with pytest.raises(ParameterFileError, match=r'mine\.yaml:3: .*write 1\.0'):
        check_given(given)
