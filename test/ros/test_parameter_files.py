"""Files of parameters are read as ROS reads them, and what ROS would misread is refused."""

import re

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros.parameter_files import ParameterFileError, reaches, read_parameter_file

WRITTEN = [
    'true', 'True', 'yes', 'on', 'y', 'off', 'n', 'No', '"true"', "'1'", '1', '010', '08', '0x10',
    '0o10', '1_000', '1:30', '1e3', '1.', '.5', '-1.5e-3', '.inf', '-.inf', 'inf', 'null', '~',
    '2024-01-01', '[1, 2]', '[a, b]', '[true, no]', '""', '!!str 1', '!!float 1', '&x 1', '+5',
    '99999999999999999999', '1e400', "'it''s'",
]  # fmt: skip
PATTERNS = [
    '/**', 'encoder', '/encoder', '/*', '/*/encoder', '/**/encoder', '/ns/**', '/ns/*',
    'ns/encoder', '/other/**', '/encoder/**', '/encoder/*',
]  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / 'mine.yaml'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def told_by_ros(path, namespace=''):
    """What rclpy makes of a file for a node `encoder`."""
    context = Context()
    rclpy.init(args=['--ros-args', '--params-file', str(path)], context=context)
    try:
        node = Node('encoder', namespace=namespace, context=context)
        found = {name: p.value for name, p in node._parameter_overrides.items()}
        node.destroy_node()
    finally:
        context.try_shutdown()
    return {name: list(v) if hasattr(v, 'tolist') else v for name, v in found.items()}


def test_values_have_the_types_that_ros_gives_them(write):
    lines = [f'    p{number}: {text}' for number, text in enumerate(WRITTEN)]
    path = write('\n'.join(['/**:', '  ros__parameters:', *lines, '    g:', '      x.y: 1']))
    ours = {entry.name: entry.value for entry in read_parameter_file(path)}
    theirs = told_by_ros(path)
    assert {k: (type(v), v) for k, v in ours.items()} == {
        k: (type(v), v) for k, v in theirs.items()
    }


@pytest.mark.parametrize('namespace', ['', 'ns'])
def test_keys_reach_the_nodes_that_ros_gives_them_to(write, namespace):
    sections = [f'{p}:\n  ros__parameters:\n    p{n}: 1' for n, p in enumerate(PATTERNS)]
    # / in front or not is one key for ROS, so it stands in another file
    sections = [s for s in sections if not s.startswith(('/encoder:', 'ns/'))]
    path = write('\n'.join(sections))
    full = '/ns/encoder' if namespace else '/encoder'
    ours = {e.name for e in read_parameter_file(path) if reaches(e.nodes, full)}
    assert ours == set(told_by_ros(path, namespace))
    assert ours


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'no entries'),
        ('# a: 1\n', 'no entries'),
        ('{}', 'no parameters'),
        ('- 1\n', ':1: expected NODE: ros__parameters'),
        ('hello', ':1: expected NODE'),
        ('max_speed_m_s: 0.1\n', ':1: max_speed_m_s stands under no node'),
        ('ros__parameters:\n  a: 1\n', ':1: ros__parameters stands under no node'),
        ('planner:\n', 'nothing below it'),
        ('planner: {}\n', 'no ros__parameters'),
        ('planner:\n  max_steps: 1\n', ':2: max_steps stands directly under /planner'),
        ('planner:\n  limits:\n    a: 1\n', ':3: a stands directly under /planner/limits'),
        ('planner:\n  ros_parameters:\n    a: 1\n', ':2: .*did you mean ros__parameters'),
        ('planner:\n  ros__paramters: {a: 1}\n', ':2: .*did you mean ros__parameters'),
        ('planner:\n  ros__parameters:\n', 'no NAME: VALUE'),
        ('planner:\n  ros__parameters:\n    a: 1\n  b: 2\n', ':4: b stands beside'),
        ('planner:\n  ros__parameters:\n    a:\n', ':3: .*no value'),
        ('planner:\n  ros__parameters:\n    a: {}\n', ':3: .*no value'),
        ('planner:\n  ros__parameters:\n    a: [[1]]\n', ':3: .*list'),
        ('planner:\n  ros__parameters:\n    a: [1, 2.0]\n', ':3: .*decimal point'),
        ('planner:\n  ros__parameters:\n    a: [1, x]\n', ':3: .*mixes int and str'),
        ('planner:\n  ros__parameters:\n    a: 1\n    b: 2\n    a: 3\n', ':5: .*on line 3'),
        ('/p: {ros__parameters: {a: 1}}\np: {ros__parameters: {b: 1}}', ':2: .*on line 1'),
        ('/**:\n\tros__parameters: {a: 1}\n', ':2: not YAML: .*tabs'),
        ('/**:\n  ros__parameters: {a: 1\n', 'not YAML'),
        ('**:\n  ros__parameters: {a: 1}\n', ':1: not YAML'),
        ('/enc*:\n  ros__parameters: {a: 1}\n', ':1: .*no name of a node'),
        ('my-node:\n  ros__parameters: {a: 1}\n', ':1: .*no name of a node'),
        ('/**:\n  ros__parameters:\n    a: &x 1\n    b: *x\n', ':4: .*alias'),
        ('b: &b\n  ros__parameters: {a: 1}\n/**:\n  <<: *b\n', ':4: .*alias'),
        ('p: {ros__parameters: {a: 1}}\n---\np: {ros__parameters: {a: 2}}\n', ':2: a second'),
        ('/**: {ros__parameters: {[a]: 1}}', 'cannot be a name'),
        (b'/**:\n  ros__parameters:\n    a: caf\xe9\n', ':3: not UTF-8'),
        (b'\xff\xfe/\x00', 'not UTF-8'),
        ('x: \x07', 'not YAML'),
        ('[' * 9000, 'nested too deeply'),
        (''.join(f'{" " * depth}a:\n' for depth in range(1500)), 'nested too deeply'),
    ],
)
def test_what_would_have_no_effect_is_refused_on_one_line(write, text, words):
    with pytest.raises(ParameterFileError) as refused:
        read_parameter_file(write(text))
    message = str(refused.value)
    assert re.search(words, message), message
    assert '\n' not in message
    assert 'mine.yaml' in message


def test_files_that_are_not_there_or_are_folders_are_refused(tmp_path):
    with pytest.raises(ParameterFileError, match='is not a file'):
        read_parameter_file(tmp_path / 'none.yaml')
    with pytest.raises(ParameterFileError, match='is a folder'):
        read_parameter_file(tmp_path)
    with pytest.raises(ParameterFileError, match='cannot be read'):
        read_parameter_file(tmp_path / ('x' * 300))


@pytest.mark.parametrize('text', ['', '/**: [', '/**:\n  a: 1\n', '/**:\n  ros__parameters: 3\n'])
def test_what_is_refused_is_an_error_for_people(write, text):
    with pytest.raises(JepaWmError):
        read_parameter_file(write(text))


def test_a_mark_at_the_beginning_and_nested_namespaces_are_read(write):
    text = '\ufeffns:\n  encoder:\n    ros__parameters:\n      a: 1\n'
    (entry,) = read_parameter_file(write(text))
    assert (entry.nodes, entry.name, entry.value, entry.line) == ('/ns/encoder', 'a', 1, 4)
