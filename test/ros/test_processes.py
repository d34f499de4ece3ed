"""Real processes: started, watched, ended, and none left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jepa_wm_ros.ros.bringup import ProcessSpec, action_publisher_process
from jepa_wm_ros.ros.domains import DomainError, DomainLease, occupied
from jepa_wm_ros.ros.environment import EnvironmentMistake
from jepa_wm_ros.ros.processes import Bringup, ProcessError


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as stat:
            return stat.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def wait_until(condition, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, 'timed out'
        time.sleep(0.02)


@pytest.fixture
def bringup(tmp_path):
    bringup = Bringup([action_publisher_process()], tmp_path / 'logs')
    yield bringup
    bringup.stop(patience_s=2.0)


def test_a_system_gets_active_and_ends_without_remains(bringup):
    with bringup:
        bringup.wait_until_active(timeout_s=60.0)
        assert occupied(bringup.domain_id)
        pids = bringup.process_ids
        assert all(alive(pid) for pid in pids.values())
        bringup.check()
    assert not any(alive(pid) for pid in pids.values())


def test_a_system_in_a_namespace_gets_active(tmp_path):
    with Bringup([action_publisher_process()], tmp_path, namespace='left') as bringup:
        bringup.wait_until_active(timeout_s=60.0)


def test_a_process_that_dies_is_noticed_with_the_end_of_its_log(bringup, tmp_path):
    bringup.start()
    bringup.wait_until_active(timeout_s=60.0)
    os.kill(bringup.process_ids['action_publisher'], signal.SIGKILL)
    with pytest.raises(ProcessError, match=r'action_publisher has ended \(killed by SIGKILL'):
        wait_until(lambda: bringup.check())


def test_a_process_that_cannot_start_is_told_with_its_own_words(tmp_path):
    spec = ProcessSpec(
        name='action_publisher',
        nodes=('action_publisher',),
        parameter_files=('action_publisher.yaml',),
        parameters={'backend': 'telekinesis'},
    )
    bringup = Bringup([spec], tmp_path)
    bringup.start()
    try:
        with pytest.raises(ProcessError, match='telekinesis'):
            bringup.wait_until_active(timeout_s=60.0)
    finally:
        bringup.stop()


def test_nothing_outlives_a_program_that_is_killed(tmp_path):
    code = (
        'import pathlib, sys, time\n'
        'from jepa_wm_ros.ros.bringup import action_publisher_process\n'
        'from jepa_wm_ros.ros.processes import Bringup\n'
        'bringup = Bringup([action_publisher_process()], pathlib.Path(sys.argv[1]))\n'
        'bringup.start()\n'
        'bringup.wait_until_active(60.0)\n'
        'print(*bringup.process_ids.values(), flush=True)\n'
        'time.sleep(600)\n'
    )
    command = [sys.executable, '-c', code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert pids
        assert all(alive(pid) for pid in pids)
        program.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_a_leased_domain_is_refused_to_others_until_it_is_released():
    lease = DomainLease()
    with pytest.raises(DomainError, match=f'domain {lease.domain_id} is in use'):
        DomainLease(lease.domain_id)
    lease.release()
    DomainLease(lease.domain_id).release()


def test_free_domains_differ_and_avoid_those_with_participants(graph):
    leases = [DomainLease() for _ in range(20)]
    taken = {lease.domain_id for lease in leases}
    assert len(taken) == 20
    assert graph.domain not in taken
    graph.node()
    assert occupied(graph.domain)
    for lease in leases:
        lease.release()


@pytest.mark.parametrize('text', ['abc', '-1', '233'])
def test_an_impossible_domain_in_the_environment_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv('ROS_DOMAIN_ID', text)
    with pytest.raises(EnvironmentMistake, match='from 0 to 232'):
        Bringup([], tmp_path)
