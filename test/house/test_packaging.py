"""pip, colcon and ROS must agree on what the package is called, holds and needs."""

import argparse
import ast
import configparser
import importlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from jepa_wm_ros import __version__, paths
from jepa_wm_ros.cli.main import COMMANDS, module_name

# What is imported under another name than it is installed by.
DISTRIBUTIONS = {
    'cv2': 'opencv-python-headless',
    'pinocchio': 'pin',
    'yaml': 'PyYAML',
    'PIL': 'pillow',
}


@pytest.fixture(scope='module')
def setup_arguments(root):
    """The arguments of setup(), by running setup.py with a setup() that only looks."""
    code = (
        'import json, setuptools\n'
        'setuptools.setup = lambda **arguments: print(json.dumps(arguments))\n'
        'exec(open("setup.py").read())'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def package_xml(path):
    return ElementTree.parse(path).getroot()


def test_all_places_name_the_same_version(root, setup_arguments):
    versions = {
        'setup.py': setup_arguments['version'],
        '__version__': __version__,
        'package.xml': package_xml(root / 'package.xml').findtext('version'),
        'messages': package_xml(root / 'ros2_ws/src/jepa_wm_msgs/package.xml').findtext('version'),
    }
    assert set(versions.values()) == {__version__}, versions
    assert f'## {__version__}' in (root / 'CHANGELOG.md').read_text()


def test_ros_finds_the_executables_where_it_looks(root):
    config = configparser.ConfigParser()
    config.read(root / 'setup.cfg')
    assert config['install']['install_scripts'] == '$base/lib/jepa_wm_ros'
    assert config['develop']['script_dir'] == '$base/lib/jepa_wm_ros'


def test_every_entry_point_can_be_imported(setup_arguments):
    for line in setup_arguments['entry_points']['console_scripts']:
        target = line.split(' = ')[1]
        module, function = target.split(':')
        assert callable(getattr(importlib.import_module(module), function)), line


def test_every_node_has_an_executable(root, setup_arguments):
    scripts = {line.split(' = ')[0] for line in setup_arguments['entry_points']['console_scripts']}
    nodes = {
        path.stem
        for path in (root / 'jepa_wm_ros/nodes').glob('*.py')
        if any(
            isinstance(node, ast.FunctionDef) and node.name == 'main'
            for node in ast.parse(path.read_text()).body
        )
    }
    assert scripts == nodes | {'jepa-wm'}


def test_the_command_is_installed():
    assert 'jepa-wm' in entry_points(group='console_scripts').names


@pytest.mark.parametrize('folder', ['config', 'launch', 'models', 'urdf'])
def test_every_shared_file_is_installed(folder, root, setup_arguments):
    installed = {
        f'{target}/{file.rpartition("/")[2]}'
        for target, files in setup_arguments['data_files']
        for file in files
    }
    wanted = [path for path in (root / folder).rglob('*') if path.is_file()]
    wanted = [path for path in wanted if '__pycache__' not in path.parts]
    assert wanted, f'{folder}/ is empty'
    missing = [
        path
        for path in wanted
        if f'share/jepa_wm_ros/{path.relative_to(root).as_posix()}' not in installed
    ]
    assert missing == []
    assert paths.share(folder).is_dir()


def test_all_packages_are_installed(root, setup_arguments, modules):
    assert set(setup_arguments['packages']) == {m.name for m in modules if m.is_package}


def test_imported_packages_are_declared(root, setup_arguments, modules):
    needed = [*setup_arguments['install_requires']]
    for extra in setup_arguments['extras_require'].values():
        needed += extra
    declared = {re.match(r'[\w.-]+', line)[0].lower() for line in needed}
    ros = {e.text for e in package_xml(root / 'package.xml').iter('exec_depend')}
    # used where they are there, done without where they are not
    optional = {'cv_bridge', 'ament_index_python', 'controller_manager_msgs', 'ros2doctor'}
    allowed = declared | ros | optional | {'jepa_wm_ros'}
    missing = {
        f'{module}: {name}'
        for module in modules
        for name in {dotted.split('.')[0] for dotted in module.imports()}
        if name not in sys.stdlib_module_names
        and name not in allowed
        and DISTRIBUTIONS.get(name, name).lower() not in allowed
    }
    assert missing == set()


def test_declared_packages_are_pinned_for_the_set_up(root, setup_arguments):
    pinned = {
        re.match(r'[\w.-]+', line)[0].lower()
        for name in ('library.txt', 'develop.txt')
        for line in (root / 'scripts/requirements' / name).read_text().splitlines()
        if line and not line.startswith('#')
    }
    needed = {
        re.match(r'[\w.-]+', line)[0].lower() for line in setup_arguments['install_requires']
    }
    for extra in setup_arguments['extras_require'].values():
        needed |= {re.match(r'[\w.-]+', line)[0].lower() for line in extra}
    assert needed - {'torch'} <= pinned


@pytest.mark.parametrize('command', COMMANDS)
def test_the_list_of_commands_says_what_each_command_says(command):
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(module_name(command)).add_parser(subparsers)
    (action,) = subparsers._choices_actions
    assert (action.dest, action.help) == (command, COMMANDS[command])


def test_no_tracked_file_names_a_path_of_one_machine(root):
    if not (root / '.git').exists():
        pytest.skip('not a git checkout')
    files = subprocess.run(
        ['git', 'ls-files'], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    places = '|'.join(re.escape(str(place)) for place in (root, Path.home()))
    private = re.compile(rf'(?<![\w.])(?:{places}|/home/\w+|/Users/\w+)(?!\w)')
    wrong = []
    for name in files:
        path = root / name
        if path.suffix in ('.safetensors', '.png', '.stl', '.obj', '.gif', '.mp4'):
            continue
        if not path.is_file():
            continue
        wrong += [
            f'{name}: {hit[0]}' for hit in private.finditer(path.read_text(errors='replace'))
        ]
    assert wrong == []
