import json

import pytest
import yaml

from jepa_wm_ros.ros.bringup import BringupError, ProcessSpec, cell, with_overrides


def by_name(processes):
    return {process.name: process for process in processes}


def test_the_cell_has_simulator_action_publisher_and_policy_in_this_order():
    processes = cell()
    assert [process.name for process in processes] == ['sim', 'action_publisher', 'policy']
    assert [node for p in processes for node in p.nodes] == [
        'sim', 'action_publisher', 'encoder', 'planner', 'insight',
    ]  # fmt: skip
    for process in processes:
        assert process.environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
        assert all(path.is_file() for path in process.parameter_paths())


def test_overrides_go_to_the_process_of_their_node_and_win_over_the_files():
    processes = by_name(cell({'planner': {'max_steps': 7}, 'sim': {'seed': 3}}))
    assert processes['policy'].parameters == {'max_steps': 7}
    assert processes['sim'].parameters == {'seed': 3}
    arguments = processes['policy'].arguments()
    assert arguments.index('max_steps:=7') > max(
        i for i, argument in enumerate(arguments) if argument == '--params-file'
    )


def test_an_unknown_node_is_refused_with_the_known_ones():
    with pytest.raises(BringupError, match='no node palnner; there are: sim, action_publisher'):
        cell({'palnner': {'max_steps': 7}})


@pytest.mark.parametrize('value', [True, 3, 0.5, 'off', '1', 'a "b" c: d', '/tmp/x y'])
def test_values_keep_their_type_on_the_command_line(value):
    spec = ProcessSpec(name='sim', nodes=('sim',), parameter_files=(), parameters={'p': value})
    argument = spec.arguments()[-1]
    assert yaml.safe_load(argument.removeprefix('p:=')) == value
    assert argument == f'p:={json.dumps(value)}'


def test_namespace_and_remappings_are_passed_on():
    spec = ProcessSpec(
        name='policy', nodes=(), parameter_files=(), remappings={'image': '/camera/image'}
    )
    assert spec.arguments('left/') == [
        '--ros-args', '-r', 'image:=/camera/image', '-r', '__ns:=/left',
    ]  # fmt: skip


def test_with_overrides_keeps_what_was_there():
    spec = ProcessSpec(name='s', nodes=('s',), parameter_files=(), parameters={'a': 1, 'b': 1})
    assert with_overrides([spec], {'s': {'b': 2}})[0].parameters == {'a': 1, 'b': 2}
