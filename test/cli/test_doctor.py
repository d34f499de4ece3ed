import json
from types import SimpleNamespace

import pytest

from jepa_wm_ros.cli import checks, doctor
from jepa_wm_ros.cli.findings import Finding, Level
from jepa_wm_ros.ros.distributions import distribution

ARGUMENTS = SimpleNamespace(system=None, arguments=[], graph_only=False, json=False)


def finding(level, found='this', advice=''):
    return lambda: Finding(level, found, advice)


@pytest.mark.parametrize(
    ('levels', 'code'),
    [
        ([Level.GOOD, Level.GOOD], 0),
        ([Level.GOOD, Level.DOUBTFUL], 0),
        ([Level.BAD, Level.GOOD], 1),
    ],
)
def test_only_problems_count(monkeypatch, levels, code):
    monkeypatch.setattr(doctor, 'CHECKS', [('x', finding(level)) for level in levels])
    assert doctor.run(ARGUMENTS) == code


def test_what_to_do_is_printed_as_it_is(monkeypatch, capsys):
    check = finding(Level.BAD, 'found [red]', 'do [this]')
    monkeypatch.setattr(doctor, 'CHECKS', [('the check', check)])
    doctor.run(ARGUMENTS)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ('the check', 'found [red]', 'do [this]'))


def test_a_check_that_breaks_is_a_problem_itself():
    def broken():
        raise ZeroDivisionError('oops')

    assert doctor.examine(broken).level is Level.BAD
    assert 'oops' in doctor.examine(broken).found


def test_a_probe_reports_its_last_line():
    assert checks.probe('print("a"); print("b")') == Finding(Level.GOOD, 'b')


def test_a_probe_that_fails_reports_the_error_and_the_advice():
    found = checks.probe('import no_such_module', advice='install it')
    assert found.level is Level.BAD
    assert 'no_such_module' in found.found
    assert found.advice == 'install it'


def test_a_probe_that_crashes_does_not_take_the_doctor_along():
    found = checks.probe('import os; os.abort()')
    assert found.level is Level.BAD


def test_a_probe_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(checks, 'PROBE_TIMEOUT_S', 0.5)
    found = checks.probe('import threading; threading.Event().wait()')
    assert found.level is Level.BAD
    assert '0.5 s' in found.found


def test_one_sided_large_data_transport_is_a_problem(monkeypatch):
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA')
    assert checks.check_dds().level is Level.BAD


def test_videos_without_ffmpeg_are_a_warning(monkeypatch):
    monkeypatch.setattr(checks.shutil, 'which', lambda _: None)
    assert checks.check_video().level is Level.DOUBTFUL


def test_a_full_disk_is_a_problem(monkeypatch):
    usage = SimpleNamespace(total=1, used=1, free=2**20)
    monkeypatch.setattr(checks.shutil, 'disk_usage', lambda _: usage)
    assert checks.check_disk().level is Level.BAD
    assert checks.check_shared_memory().level is Level.DOUBTFUL


def test_ports_of_killed_processes_are_told_and_those_in_use_are_not(tmp_path):
    memory, processes = tmp_path / 'shm', tmp_path / 'proc'
    (processes / '12').mkdir(parents=True)
    memory.mkdir()
    for name in ('fastrtps_port7411', 'fastrtps_port7413', 'fastrtps_port7413_el', 'other'):
        (memory / name).touch()
    in_use = f'7f00-7f01 rw-s 00000000 00:16 3 {memory}/fastrtps_port7411\n'
    (processes / '12' / 'maps').write_text(in_use)
    assert checks.left_behind(memory, processes) == ['fastrtps_port7413']
    (processes / '12' / 'maps').unlink()
    assert checks.left_behind(memory, processes) == ['fastrtps_port7411', 'fastrtps_port7413']


def test_a_damaged_bundle_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / 'models/broken').mkdir(parents=True)
    monkeypatch.setattr(checks.paths, 'share', lambda *parts: tmp_path.joinpath(*parts))
    found = checks.check_models()
    assert found.level is Level.BAD
    assert 'broken' in found.found


@pytest.mark.parametrize('title', [title for title, _ in checks.CHECKS])
def test_this_machine_has_no_problem(title):
    found = doctor.examine(dict(checks.CHECKS)[title])
    assert found.level is not Level.BAD, found


def test_findings_as_json_are_what_the_table_says(monkeypatch, capsys):
    monkeypatch.setattr(doctor, 'CHECKS', [('x', finding(Level.BAD, 'this', 'do that'))])
    arguments = SimpleNamespace(system=None, arguments=[], graph_only=False, json=True)
    assert doctor.run(arguments) == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows == [{'check': 'x', 'level': 'problem', 'found': 'this', 'advice': 'do that'}]


@pytest.mark.parametrize(
    ('version', 'name', 'bug'),
    [
        ('3.3.21', 'Humble', 'rclpy#1209'),
        ('7.1.6', 'Jazzy', 'rclpy#1467'),
        ('9.1.2', 'Kilted', 'rclpy#1452'),
        ('10.0.10', 'Lyrical', ''),
    ],
)
def test_a_distribution_is_known_by_its_rclpy(version, name, bug):
    found = distribution(version)
    assert found.name == name
    assert bug in ' '.join(found.bugs)


def test_a_mended_bug_is_no_longer_told():
    assert 'rclpy#1467' not in ' '.join(distribution('7.1.11').bugs)
    assert distribution('99.1.0') is None


def test_an_end_of_life_is_a_warning(monkeypatch):
    monkeypatch.setattr('jepa_wm_ros.ros.distributions.rclpy_version', lambda: '9.1.2')
    found = checks.check_distribution()
    assert found.level is Level.DOUBTFUL
    assert 'Jazzy' in found.advice


def test_lost_large_pictures_are_a_warning_with_what_to_do(monkeypatch):
    lossy = Finding(Level.BAD, '12 % of raw pictures arrive', 'take the profile')
    monkeypatch.setattr(checks, 'probe', lambda *_, **__: lossy)
    assert checks.check_transport().level is Level.DOUBTFUL
