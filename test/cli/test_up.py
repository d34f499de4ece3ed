"""`jepa-wm up` as its user types it; the processes are stand-ins that only wait."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.cli.status import state_of
from jepa_wm_ros.ros.bringup import ProcessSpec

PROGRAM = """
import sys
from jepa_wm_ros.cli.main import main
from jepa_wm_ros.ros import systems
from jepa_wm_ros.ros.arguments import NODES
from jepa_wm_ros.ros.bringup import ProcessSpec
from jepa_wm_ros.ros.system import System

CODES = {
    'waits': 'import time\\nprint("ready", flush=True)\\ntime.sleep(600)',
    'ends': 'print("something broke"); raise SystemExit(3)',
    'recorder': '''
import time
try:
    print('ready', flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print('bag: 5 messages')
''',
}
names = sys.argv[1].split(',')
specs = [ProcessSpec(name=n, command=(sys.executable, '-c', CODES[n])) for n in names]
row = System(name='cell', title='', arguments=NODES, build=lambda values: specs)
systems.SYSTEMS = {'cell': row}
raise SystemExit(main(['up', 'cell']))
"""


def start(folder, names):
    environment = {**os.environ, 'ROS_DOMAIN_ID': '97'}
    return subprocess.Popen(
        [sys.executable, '-c', PROGRAM, names],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(program, words):
    said = []
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        line = program.stdout.readline()
        said.append(line)
        if words in line or not line:
            break
    return ''.join(said)


def wait_for_ready(folder, name='waits'):
    deadline = time.monotonic() + 60.0
    while not any('ready' in log.read_text() for log in folder.glob(f'runs/*/logs/{name}.log')):
        assert time.monotonic() < deadline, 'timed out'
        time.sleep(0.02)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything_and_is_no_failure(tmp_path, number):
    with start(tmp_path, 'waits') as program:
        assert 'waits: running' in read_until(program, 'waits: running')
        wait_for_ready(tmp_path)
        program.send_signal(number)
        said = program.stdout.read()
        assert program.wait() == 0
    assert 'the arm holds' in said
    assert '1 processes have ended' in said


def test_what_was_recorded_is_told_at_the_end(tmp_path):
    with start(tmp_path, 'waits,recorder') as program:
        read_until(program, 'recorder: running')
        wait_for_ready(tmp_path)
        wait_for_ready(tmp_path, 'recorder')
        program.send_signal(signal.SIGINT)
        said = program.stdout.read()
    assert said.splitlines()[-1] == 'recorder: bag: 5 messages'


def test_a_process_that_ends_is_told_with_its_last_words_and_fails(tmp_path):
    with start(tmp_path, 'waits,ends') as program:
        said = program.stdout.read()
        assert program.wait() == 1
    assert 'ends: ended (exit code 3)' in said
    assert 'something broke' in said
    assert '2 processes have ended' in said


def test_what_would_be_started_can_be_looked_at(capsys):
    assert main(['up', 'franka', 'namespace:=left', 'driver:=crisp', '--print']) == 0
    arm, policy = capsys.readouterr().out.splitlines()
    assert 'ros2 run jepa_wm_ros action_publisher' in arm
    assert 'backend:="dry_run"' in arm
    assert '__ns:=/left' in policy


def test_the_arguments_can_be_looked_at(capsys):
    assert main(['up', 'franka', '--show-args']) == 0
    shown = capsys.readouterr().out
    assert 'dry_run' in shown
    assert 'crisp' in shown


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        ([], 'there are: sim'),
        (['simm'], "'simm'"),
        (['sim', 'model'], 'not NAME:=VALUE'),
        (['sim', 'modell:=x'], 'did you mean model'),
    ],
)
def test_what_is_said_wrong_is_answered(capsys, words, complaint):
    assert main(['up', *words]) == 1
    assert complaint in capsys.readouterr().err


def test_states_are_told_in_few_words():
    policy = ProcessSpec(name='policy', nodes=('encoder', 'planner'))
    assert state_of(policy, {}, None) == 'starting'
    assert state_of(policy, {'encoder': 'active', 'planner': 'active'}, None) == 'active'
    mixed = state_of(policy, {'encoder': 'active', 'planner': 'inactive'}, None)
    assert mixed == 'encoder active, planner inactive'
    assert state_of(policy, {}, -9) == 'ended (killed by SIGKILL)'
    assert state_of(ProcessSpec(name='rviz', command=('rviz2',)), {}, None) == 'running'


@pytest.mark.parametrize(
    'words',
    [
        ['sim', 'variation:=seen', 'namespace:=lab', '--print'],
        ['sim', '--print', 'variation:=seen', 'namespace:=lab'],
        ['--print', 'sim', 'variation:=seen', 'namespace:=lab'],
        ['sim', 'variation:=seen', '-p', 'namespace:=lab'],
    ],
)
def test_arguments_and_options_come_in_any_order(words, capsys):
    assert main(['up', *words]) == 0
    shown = capsys.readouterr().out
    assert 'variation:="seen"' in shown
    assert '__ns:=/lab' in shown


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['variaton:=seen'], 'did you mean variation'),
        (['variation:=often'], 'accepted'),
        (['variation:=seen', 'variation:=none'], 'given twice'),
        (['backend:=telekinesis'], 'backend must be one of'),
        (['bag:=mine'], 'without record:=true'),
        (['params_file:=mine.yaml'], r'mine.yaml:3: /action_publisher max_speed: '),
        (['params_file:=none.yaml'], 'is not a file'),
        (['params_file:=.'], 'is a folder'),
    ],
)
def test_what_would_have_no_effect_is_refused_and_nothing_starts(
    words, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    text = 'action_publisher:\n  ros__parameters:\n    max_speed: 0.05\n'
    (tmp_path / 'mine.yaml').write_text(text)
    assert main(['up', 'sim', *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / 'runs').exists()
