"""The plug-in of `ros2 doctor`; where that is not installed, stand-ins for its three classes."""

import importlib.metadata
import sys
import types

import pytest

from jepa_wm_ros.cli import ros2_doctor
from jepa_wm_ros.cli.findings import bad, doubtful, good
from jepa_wm_ros.paths import share


class Result:
    def __init__(self):
        self.error = self.warning = 0

    def add_error(self):
        self.error += 1

    def add_warning(self):
        self.warning += 1


class Report:
    def __init__(self, name):
        self.name, self.items = name, []

    def add_to_report(self, name, words):
        self.items.append((name, words))


@pytest.fixture
def said(monkeypatch):
    """What is printed by level, with two checks that find something and one that does not."""
    said = {'error': [], 'warn': []}
    words = types.ModuleType('ros2doctor.api.format')
    words.doctor_error = said['error'].append
    words.doctor_warn = said['warn'].append
    api = types.ModuleType('ros2doctor.api')
    api.Result, api.Report = Result, Report
    for name, module in (
        ('ros2doctor', types.ModuleType('ros2doctor')),
        ('ros2doctor.api', api),
        ('ros2doctor.api.format', words),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    checks = (
        ('torch', lambda: good('2.13')),
        ('videos', lambda: doubtful('no ffmpeg', 'install it')),
        ('models', lambda: bad('none', 'train one')),
        ('rendering', lambda: pytest.fail('slow checks are not for ros2 doctor')),
    )
    monkeypatch.setattr(ros2_doctor, 'CHECKS', checks)
    return said


def test_problems_are_errors_and_doubts_are_warnings(said):
    result = ros2_doctor.JepaWmCheck().check()
    assert (result.error, result.warning) == (1, 1)
    assert said['error'] == ['jepa_wm_ros: models: none; to do: train one']
    assert said['warn'] == ['jepa_wm_ros: videos: no ffmpeg; to do: install it']


def test_the_report_has_all_that_was_found(said):
    report = ros2_doctor.JepaWmReport().report()
    assert report.items[0] == ('torch', 'ok: 2.13')
    assert len(report.items) == 3


def test_check_and_report_belong_together():
    assert ros2_doctor.JepaWmCheck().category() == ros2_doctor.JepaWmReport().category()


def test_the_entry_points_lead_to_classes():
    text = share('setup.py').read_text()
    for group, name in (('checks', 'JepaWmCheck'), ('report', 'JepaWmReport')):
        assert f"'ros2doctor.{group}'" in text
        value = f'jepa_wm_ros.cli.ros2_doctor:{name}'
        entry = importlib.metadata.EntryPoint(name, value, f'ros2doctor.{group}')
        assert entry.load() is getattr(ros2_doctor, name)
