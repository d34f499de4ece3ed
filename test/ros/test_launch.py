"""The launch files. `launch` is not on PyPI: where it is missing, a stand-in records the calls."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest
import yaml

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.bringup import BringupError, cell
from jepa_wm_ros.ros.drivers import ROBOTS
from jepa_wm_ros.ros.params import build, parameters_of
from jepa_wm_ros.ros.reference import config_of
from jepa_wm_ros.ros.systems import SYSTEMS

LAUNCH_FILES = sorted(share('launch').glob('*.launch.py'))


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
        files = node['parameters'][: len(process.parameter_files)]
        assert [Path(file) for file in files] == process.parameter_paths()
        values = node['parameters'][len(files) :]
        assert values == [v for v in (process.defaults, process.parameters) if v]
        assert node['additional_env'] == process.environment


def test_launch_arguments_reach_the_right_processes(launch, tmp_path):
    mine = tmp_path / 'my.yaml'
    mine.write_text('/**: {ros__parameters: {max_joint_age_s: 0.3}}')
    nodes = start(
        load('sim.launch.py'),
        namespace='left',
        model='/models/mine',
        variation='seen',
        params_file=str(mine),
        log_level='debug',
    )
    by_name = {node['executable']: node for node in nodes}
    assert by_name['policy']['parameters'][-1] == {'model': '/models/mine'}
    assert by_name['sim']['parameters'][-1] == {'variation': 'seen'}
    # the file of the user wins over what the package says, and arguments win over the file
    assert by_name['action_publisher']['parameters'][-2:] == [cell()[1].defaults, str(mine)]
    for node in nodes:
        assert node['namespace'] == 'left'
        assert str(mine) in node['parameters'][-2:]
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


def test_the_franka_launch_file_moves_nothing_until_told(launch):
    arm = start(load('franka.launch.py'))[0]
    assert arm['parameters'][-1]['backend'] == 'dry_run'
    arm = start(load('franka.launch.py'), dry_run='false')[0]
    assert arm['parameters'][-1]['backend'] == 'joint_trajectory'


def test_the_franka_launch_file_renames_the_topics_of_drivers_and_controller(launch):
    nodes = start(load('franka.launch.py'), image_topic='/zed/image', driver='franka_ros2')
    by_name = {node['executable']: node for node in nodes}
    assert list(by_name) == ['action_publisher', 'policy']
    assert dict(by_name['policy']['remappings'])['image'] == '/zed/image'
    renamed = dict(by_name['action_publisher']['remappings'])
    # relative: in the namespace of the nodes
    assert renamed['joint_trajectory'] == 'fr3_arm_controller/joint_trajectory'
    for node in nodes:
        files = [Path(file).name for file in node['parameters'] if isinstance(file, str)]
        assert files[-3:] == ['franka.yaml', 'franka_ros2.yaml', 'fr3.yaml']
        # other machines take part: the camera, the arm
        assert 'ROS_AUTOMATIC_DISCOVERY_RANGE' not in node['additional_env']


def test_a_foreign_driver_is_started_when_it_is_told_where_the_robot_is(launch):
    description = load('franka.launch.py')
    driver, *nodes = start(description, robot_ip='10.0.0.2', robot_type='fr3', namespace='left')
    assert driver['cmd'][:4] == ['ros2', 'launch', 'franka_bringup', 'franka.launch.py']
    assert {'robot_ip:=10.0.0.2', 'robot_type:=fr3', 'namespace:=left'} <= set(driver['cmd'])
    assert len(nodes) == 2


@pytest.mark.parametrize('name', ['franka.yaml', *ROBOTS.values()])
def test_the_parameter_files_of_robots_are_accepted_by_the_nodes(name):
    values = yaml.safe_load(share('config', name).read_text())['/**']['ros__parameters']
    unused = set(values)
    for node in ('encoder', 'planner', 'action_publisher'):
        config = config_of(node)
        own = {name: values[name] for name in values if name in parameters_of(config)}
        build(config, own)
        unused -= set(own)
    assert not unused


def test_every_system_has_a_launch_file():
    assert {path.name.partition('.')[0] for path in LAUNCH_FILES} == set(SYSTEMS)


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_every_launch_argument_is_described(launch, path):
    *arguments, _ = load(path.name).args[0]
    assert arguments
    for argument in arguments:
        assert argument.kwargs['description'].endswith('.'), argument.args


def test_executables_of_the_table_exist_for_ros2_run():
    setup = share('setup.py').read_text()
    for process in cell():
        assert f"'{process.name}'" in setup


def test_the_real_launch_system_takes_the_launch_files():
    launch = pytest.importorskip('launch', reason='only where ROS is installed')
    pytest.importorskip('launch_ros', reason='only where ROS is installed')
    for path in LAUNCH_FILES:
        description = load(path.name)
        assert isinstance(description, launch.LaunchDescription)
        names = {argument.name for argument in description.get_launch_arguments()}
        system = SYSTEMS[path.name.partition('.')[0]]
        assert names == {argument.name for argument in system.arguments}


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['dryrun:=false'], 'did you mean dry_run'),
        (['driver:=telekinesis'], 'accepted: franka_ros2'),
        (['dry_run:=false', 'dry_run:=true'], 'given twice'),
    ],
)
def test_arguments_that_the_launch_system_would_drop_are_refused(launch, monkeypatch, words, said):
    *arguments, opaque = load('franka.launch.py').args[0]
    values = {a.args[0]: a.kwargs['default_value'] for a in arguments}
    context = types.SimpleNamespace(launch_configurations=values, argv=words)
    called = ['/opt/ros/jazzy/bin/ros2', 'launch', 'jepa_wm_ros', 'franka.launch.py', *words]
    monkeypatch.setattr(sys, 'argv', called)
    with pytest.raises(BringupError, match=said):
        opaque.kwargs['function'](context)
    # a launch file of somebody else that includes ours has arguments of its own
    monkeypatch.setattr(sys, 'argv', [*called[:2], 'lab', 'lab.launch.py', *words])
    assert opaque.kwargs['function'](context)
