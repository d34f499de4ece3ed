"""Programs that are not ours, and the order in which everything ends."""

import os
import signal
import sys
import time

import pytest

from jepa_wm_ros.ros.bringup import ProcessSpec
from jepa_wm_ros.ros.processes import Bringup, ProcessError

TELLS_ITS_END = """
import pathlib, signal, sys, time
done = []
signal.signal(signal.SIGINT, lambda *_: done.append(1))
print('ready', flush=True)
while not done:
    time.sleep(0.01)
with open(sys.argv[1], 'a') as book:
    print(sys.argv[2], file=book)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(600)
"""


def program(name, code, *words, **fields):
    return ProcessSpec(name=name, command=(sys.executable, '-c', code, *words), **fields)


def wait_for_ready(bringup, *names):
    deadline = time.monotonic() + 30.0
    while not all('ready' in bringup.tail(name) for name in names):
        assert time.monotonic() < deadline, 'timed out'
        time.sleep(0.02)


def check_until_it_fails(bringup):
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        bringup.check()
        time.sleep(0.02)


def test_devices_end_after_those_who_command_them(tmp_path):
    book = str(tmp_path / 'book')
    specs = [
        program('camera', TELLS_ITS_END, book, 'camera', device=True),
        program('planner', TELLS_ITS_END, book, 'planner'),
        program('arm', TELLS_ITS_END, book, 'arm', device=True),
    ]
    with Bringup(specs, tmp_path) as bringup:
        wait_for_ready(bringup, 'camera', 'planner', 'arm')
        codes = bringup.stop()
    assert codes == {'camera': 0, 'planner': 0, 'arm': 0}
    assert (tmp_path / 'book').read_text().split()[0] == 'planner'


def test_who_does_not_end_is_killed_and_that_is_told(tmp_path):
    told = []
    bringup = Bringup([program('deaf', DEAF)], tmp_path)
    bringup.start()
    wait_for_ready(bringup, 'deaf')
    codes = bringup.stop(patience_s=0.2, tell=told.append)
    assert codes == {'deaf': -signal.SIGKILL}
    assert told == [
        'deaf does not end on SIGINT: SIGTERM',
        'deaf does not end on SIGTERM: SIGKILL',
    ]


def test_the_others_go_on_without_an_optional_process(tmp_path):
    specs = [program('viewer', 'pass', optional=True), program('arm', DEAF)]
    bringup = Bringup(specs, tmp_path)
    bringup.start()
    wait_for_ready(bringup, 'arm')
    deadline = time.monotonic() + 30.0
    while not bringup.ended():
        assert time.monotonic() < deadline, 'timed out'
        time.sleep(0.02)
    bringup.check()
    os.kill(bringup.process_ids['arm'], signal.SIGKILL)
    with pytest.raises(ProcessError, match=r'arm has ended \(killed by SIGKILL\)'):
        check_until_it_fails(bringup)
    bringup.stop()


def test_a_program_that_is_not_installed_says_so(tmp_path):
    with (
        Bringup([ProcessSpec(name='rviz', command=('no-such-rviz',))], tmp_path) as bringup,
        pytest.raises(ProcessError, match='cannot start no-such-rviz: No such file'),
    ):
        check_until_it_fails(bringup)


def test_a_shared_domain_is_that_of_everybody_else(tmp_path, monkeypatch):
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    with Bringup([], tmp_path, shared=True) as first, Bringup([], tmp_path, shared=True) as second:
        assert first.domain_id == second.domain_id == 0
    monkeypatch.setenv('ROS_DOMAIN_ID', '42')
    with Bringup([], tmp_path, shared=True) as bringup:
        assert bringup.domain_id == 42
