"""The launch files. `launch` is not on PyPI: where it is missing, a stand-in records the calls."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest
import yaml

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.bringup import FRANKA_FILE, cell
from jepa_wm_ros.ros.params import build, parameters_of
from jepa_wm_ros.ros.reference import config_of


class Recorded:
    """Keeps what it was called with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


@pytest.fixture
def launch(monkeypatch):
    modules = {
        'launch': {'LaunchDescription': Recorded},
        'launch.actions': {
            'DeclareLaunchArgument': Recorded,
            'OpaqueFunction': Recorded,
            'ExecuteProcess': Recorded,
        },
        'launch_ros': {},
        'launch_ros.actions': {'Node': Recorded},
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


def load(name):
    spec = importlib.util.spec_from_file_location('launch_file', share('launch', name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def start(description, **given):
    """The nodes that a launch description starts with these arguments."""
    *arguments, opaque = description.args[0]
    values = {a.args[0]: a.kwargs['default_value'] for a in arguments} | given
    assert set(given) <= {a.args[0] for a in arguments}
    context = types.SimpleNamespace(launch_configurations=values)
    return [node.kwargs for node in opaque.kwargs['function'](context)]


def test_the_sim_launch_file_starts_the_processes_of_the_table(launch):
    nodes = start(load('sim.launch.py'))
    table = cell()
    assert [node['executable'] for node in nodes] == [process.name for process in table]
    for node, process in zip(nodes, table, strict=True):
        *files, values = node['parameters']
        assert [Path(file) for file in files] == process.parameter_paths()
        assert values == process.parameters
        assert node['additional_env'] == process.environment


def test_launch_arguments_reach_the_right_processes(launch):
    nodes = start(
        load('sim.launch.py'),
        namespace='left',
        model='/models/mine',
        variation='seen',
        params_file='/my.yaml',
        log_level='debug',
    )
    by_name = {node['executable']: node for node in nodes}
    assert by_name['policy']['parameters'][-1] == {'model': '/models/mine'}
    assert by_name['sim']['parameters'][-1] == {'variation': 'seen'}
    assert by_name['action_publisher']['parameters'][-1] == cell()[1].parameters
    for node in nodes:
        assert node['namespace'] == 'left'
        assert node['parameters'][-2] == '/my.yaml'
        assert node['ros_arguments'] == ['--log-level', 'debug']


@pytest.mark.parametrize(('name', 'local'), [('sim', True), ('franka', False)])
def test_a_launch_file_records_into_a_bag_when_told(launch, name, local):
    description = load(f'{name}.launch.py')
    nodes = start(description, record='true', bag='/bags/a', model='/models/mine')
    assert len(nodes) == len(start(description)) + 1
    command = nodes[-1]['cmd']
    assert command[1:5] == ['-m', 'jepa_wm_ros.cli.main', 'bag', 'record']
    assert command[5:] == ['--out', '/bags/a', '--model', '/models/mine']
    # the cell keeps to this machine, so the recorder must do so, too
    assert ('ROS_AUTOMATIC_DISCOVERY_RANGE' in nodes[-1]['additional_env']) == local


def test_the_franka_launch_file_renames_the_topics_of_drivers_and_controller(launch):
    nodes = start(load('franka.launch.py'), image_topic='/zed/image', backend='dry_run')
    by_name = {node['executable']: node for node in nodes}
    assert list(by_name) == ['action_publisher', 'policy']
    assert dict(by_name['policy']['remappings'])['image'] == '/zed/image'
    arm = by_name['action_publisher']
    command = '/fr3_arm_controller/joint_trajectory'
    assert dict(arm['remappings'])['joint_trajectory'] == command
    assert arm['parameters'][-1] == {'backend': 'dry_run'}
    for node in nodes:
        assert Path(node['parameters'][-2]).name == 'franka.yaml'
        # other machines take part: the camera, the arm
        assert 'ROS_AUTOMATIC_DISCOVERY_RANGE' not in node['additional_env']


def test_the_franka_parameters_are_accepted_by_the_nodes_and_differ_from_the_defaults():
    text = yaml.safe_load(share('config', FRANKA_FILE).read_text())
    values = text['/**']['ros__parameters']
    unused = set(values)
    for node in ('encoder', 'planner', 'action_publisher'):
        config = config_of(node)
        own = {name: values[name] for name in values if name in parameters_of(config)}
        assert build(config, own) != config()
        unused -= set(own)
    assert not unused


@pytest.mark.parametrize('path', sorted(share('launch').glob('*.launch.py')), ids=lambda p: p.name)
def test_every_launch_argument_is_described(launch, path):
    *arguments, _ = load(path.name).args[0]
    assert arguments
    for argument in arguments:
        assert argument.kwargs['description'].endswith('.'), argument.args


def test_executables_of_the_table_exist_for_ros2_run():
    setup = share('setup.py').read_text()
    for process in cell():
        assert f"'{process.name}'" in setup
