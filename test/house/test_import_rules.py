"""Who may know whom: the arrows of the house, checked in the source and by importing."""

import subprocess
import sys

import pytest

ROS_PACKAGES = {
    'action_msgs',
    'builtin_interfaces',
    'control_msgs',
    'cv_bridge',
    'diagnostic_msgs',
    'franka_msgs',
    'geometry_msgs',
    'jepa_wm_msgs',
    'launch',
    'launch_ros',
    'lifecycle_msgs',
    'message_filters',
    'moveit_msgs',
    'nav_msgs',
    'rcl_interfaces',
    'rclpy',
    'rosgraph_msgs',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'tf2_msgs',
    'tf2_ros',
    'trajectory_msgs',
    'visualization_msgs',
}
HEAVY = {
    'cv2', 'h5py', 'matplotlib', 'mujoco', 'nevergrad', 'pinocchio', 'pyarrow', 'rosbags', 'scipy',
    'torch',
}  # fmt: skip
FOUNDATION = {'errors', 'paths'}

# Which other rooms a room may import. '' is the package's own top folder.
MAY_KNOW = {
    '': set(),
    'worldmodel': set(),
    'planning': {'worldmodel'},
    'robot': set(),
    'data': {'worldmodel', 'planning', 'robot', 'sim'},
    'sim': {'worldmodel', 'planning', 'robot', 'data', 'training'},
    'training': {'worldmodel', 'planning', 'robot', 'data', 'sim'},
    'evaluation': {'worldmodel', 'planning', 'robot', 'data', 'sim', 'training'},
    'viz': {'robot', 'evaluation'},
    'ros': {'worldmodel', 'planning', 'robot', 'viz'},
    'nodes': {
        'worldmodel', 'planning', 'robot', 'data', 'sim', 'training', 'evaluation', 'viz', 'ros',
    },
    'cli': {
        'worldmodel', 'planning', 'robot', 'data', 'sim', 'training', 'evaluation', 'viz', 'ros',
        'nodes',
    },
}  # fmt: skip
KNOWS_ROS = {'nodes', 'ros'}
KNOWS_NO_TORCH = {'robot', 'sim', 'viz'}


def test_every_room_has_a_rule(modules):
    assert {module.room for module in modules} <= set(MAY_KNOW)


def test_rooms_import_only_the_rooms_they_may_know(modules):
    wrong = [
        f'{module} imports {name}'
        for module in modules
        for name in module.imports()
        if name.startswith('jepa_wm_ros.')
        and (room := name.split('.')[1]) != module.room
        and room not in MAY_KNOW[module.room] | FOUNDATION
    ]
    assert wrong == []


def test_only_nodes_and_ros_import_ros(modules):
    wrong = [
        f'{module} imports {name}'
        for module in modules
        if module.room not in KNOWS_ROS
        for name in module.imports()
        if name.split('.')[0] in ROS_PACKAGES
    ]
    assert wrong == []


def test_the_robot_and_the_simulator_know_no_torch(modules):
    wrong = [
        str(module)
        for module in modules
        if module.room in KNOWS_NO_TORCH and 'torch' in {n.split('.')[0] for n in module.imports()}
    ]
    assert wrong == []


def test_importing_a_package_imports_nothing_heavy(modules):
    names = [module.name for module in modules if module.is_package]
    assert imported_by(names) & (HEAVY | ROS_PACKAGES) == set()


def test_the_command_line_starts_without_anything_heavy():
    assert imported_by(['jepa_wm_ros.cli.main']) & (HEAVY | ROS_PACKAGES | {'numpy'}) == set()


@pytest.mark.parametrize('node', ['action_publisher', 'sim', 'driver_emulator'])
def test_the_processes_beside_the_policy_import_no_torch(node):
    assert 'torch' not in imported_by([f'jepa_wm_ros.nodes.{node}'])


def test_everything_but_nodes_and_ros_imports_without_ros(modules):
    names = [module.name for module in modules if module.room not in KNOWS_ROS]
    imported_by(names, blocked=ROS_PACKAGES)


def imported_by(names, blocked=frozenset()):
    """Import modules in a fresh Python; the top-level names of all that came with them."""
    code = (
        'import importlib, sys\n'
        f'sys.modules.update(dict.fromkeys({sorted(blocked)!r}))\n'
        f'for name in {list(names)!r}: importlib.import_module(name)\n'
        'print(*sorted({name.partition(".")[0] for name, m in sys.modules.items() if m}))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
