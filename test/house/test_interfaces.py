"""The message definitions: documented field by field, and listed where they are built."""

import re

import pytest
from source_tree import ROOT

MESSAGES = ROOT / 'ros2_ws/src/jepa_wm_msgs'
FILES = sorted(p for p in MESSAGES.rglob('*') if p.suffix in ('.msg', '.srv', '.action'))


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_every_field_and_constant_has_a_comment(path):
    lines = [line for line in path.read_text().splitlines() if line.strip() not in ('', '---')]
    assert lines[0].startswith('# '), 'the first line says what the message is'
    bare = [line for line in lines if not line.startswith('#') and not re.search(r' # \S', line)]
    assert bare == []


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_fields_with_a_physical_unit_say_which(path):
    quantity = re.compile(r'^geometry_msgs/(Pose|Point)\S* |^float64\S* \S+_(s|hz|m|rad)\b')
    bare = [
        line
        for line in path.read_text().splitlines()
        if quantity.match(line) and not re.search(r'\[[^\]]+\]', line)
    ]
    assert bare == []


def test_every_file_is_built():
    listed = re.findall(r'\w+/\w+\.(?:msg|srv|action)', (MESSAGES / 'CMakeLists.txt').read_text())
    assert sorted(listed) == sorted(str(path.relative_to(MESSAGES)) for path in FILES)


def test_the_interfaces_that_are_installed_are_those_of_the_source():
    pytest.importorskip('jepa_wm_msgs')
    from importlib import import_module

    for path in FILES:
        kind = import_module(f'jepa_wm_msgs.{path.parent.name}')
        interface = getattr(kind, path.stem)
        sections = path.read_text().split('\n---\n')
        names = ('',) if path.suffix == '.msg' else ('Request', 'Response')
        names = ('Goal', 'Result', 'Feedback') if path.suffix == '.action' else names
        for name, section in zip(names, sections, strict=True):
            message = getattr(interface, name) if name else interface
            fields = re.findall(r'^[\w/\[\]]+ (\w+)(?: |$)', section, re.MULTILINE)
            assert list(message.get_fields_and_field_types()) == fields, f'{path.stem}: rebuild it'


def test_codes_of_the_robot_are_those_of_the_messages():
    from jepa_wm_msgs.action import ExecuteActions
    from jepa_wm_msgs.msg import SafetyStatus

    from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState

    for code in FaultCode:
        assert getattr(SafetyStatus, code.name) == code
    for state in SafetyState:
        assert getattr(SafetyStatus, state.name) == state
    for result in ResultCode:
        assert getattr(ExecuteActions.Result, result.name) == result
