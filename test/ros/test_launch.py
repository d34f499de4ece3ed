"""The launch files. `launch` is not on PyPI: where it is missing, a stand-in records the calls."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.bringup import cell


class Recorded:
    """Keeps what it was called with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


@pytest.fixture
def launch(monkeypatch):
    modules = {
        'launch': {'LaunchDescription': Recorded},
        'launch.actions': {'DeclareLaunchArgument': Recorded, 'OpaqueFunction': Recorded},
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
