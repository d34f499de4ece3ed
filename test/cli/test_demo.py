"""The whole graph: simulator, action publisher, policy and client, over DDS."""

import os
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from jepa_wm_ros.evaluation.goals_report import WORKED
from jepa_wm_ros.ros.domains import DomainLease

pytestmark = pytest.mark.timeout(300)


def frames(path):
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    return count


def test_the_arm_reaches_goal_pictures_and_leaves_a_video(demo):
    run = demo('--goals', '2', '--seed', '3')
    assert run.result() == 0, run.said
    goals = run.summary['goals']
    assert [goal['outcome'] in WORKED for goal in goals] == [True, True]
    assert all(goal['start_distance_m'] >= 0.15 for goal in goals)
    assert sum(goal['final_distance_m'] <= 0.05 for goal in goals) >= 1
    assert all(goal['final_distance_m'] < goal['start_distance_m'] for goal in goals)
    assert run.summary['complete'] is True
    assert frames(run.folder / 'demo.mp4') > 45
    for name in ('plot.png', 'still.png', 'goals/goal_1.png', 'goals/goal_2.png'):
        assert cv2.imread(str(run.folder / name)) is not None, name
    assert 'goals within 5 cm' in run.said
    assert str(run.folder / 'summary.json') in run.said
    assert run.children() == {}


def starting(run):
    return 'processes started' in run.said


def moving(run):
    return 'arm(True): armed' in run.log('action_publisher') and 'goal 1' in run.log('policy')


def filming(run):
    return (run.folder / '.partial-demo.mp4').exists()


@pytest.mark.parametrize(
    ('phase', 'kept'), [(starting, 'logs'), (moving, 'logs'), (filming, 'summary.json')]
)
def test_ctrl_c_leaves_no_process_and_says_what_was_kept(demo, phase, kept):
    run = demo('--goals', '2', '--max-steps', '6')
    run.wait_until(lambda: phase(run))
    run.interrupt()
    # Python itself ends by the signal when it came in the middle of an `exec` (a dataclass)
    assert run.result(60.0) in (130, -signal.SIGINT), run.said
    assert run.children() == {}
    last = run.said.strip().splitlines()[-2:]
    assert 'stopped early; all processes have ended; kept in' in last[0]
    assert kept in last[0].rpartition('kept in')[2]
    assert last[1] == 'jepa-wm: interrupted'
    assert not list(run.folder.glob('*demo.mp4'))
    assert 'Traceback' not in run.said


def test_a_killed_policy_ends_the_demo_with_its_name(demo):
    run = demo('--goals', '1')
    run.wait_until(lambda: moving(run))
    os.kill(run.children()['policy'], signal.SIGKILL)
    assert run.result(60.0) == 1
    assert 'the process policy has ended (killed by SIGKILL)' in run.said
    assert 'Traceback' not in run.said
    assert run.children() == {}


def test_two_demos_at_once_do_not_hear_each_other(demo):
    options = ('--goals', '1', '--max-steps', '4', '--no-video')
    first = demo(*options, ROS_DOMAIN_ID='')
    first.wait_until(lambda: starting(first))
    second = demo(*options, ROS_DOMAIN_ID='')
    # 1: four steps may be too few to come within 5 cm; a broken graph shows in the outcomes
    assert {first.result(), second.result()} <= {0, 1}
    for run in (first, second):
        assert [goal['outcome'] in WORKED for goal in run.summary['goals']] == [True], run.said
        assert run.summary['goals'][0]['steps'] <= 4


def test_a_domain_in_use_is_one_clear_line(demo):
    lease = DomainLease()
    try:
        run = demo('--goals', '1', ROS_DOMAIN_ID=str(lease.domain_id))
        assert run.result() == 1
    finally:
        lease.release()
    assert f'DDS domain {lease.domain_id} is in use' in run.said
    assert 'Traceback' not in run.said


def test_a_missing_bundle_is_one_clear_line(demo, tmp_path):
    run = demo('--model', str(tmp_path / 'nowhere'))
    assert run.result() == 1
    assert run.said.count('\n') == 1
    assert 'nowhere/model.yaml is missing' in run.said


def test_a_machine_that_cannot_render_is_told_what_to_install(demo):
    run = demo('--goals', '1', MUJOCO_GL='nonsense')
    assert run.result() == 1
    assert "MUJOCO_GL='nonsense' is not supported; use egl, osmesa" in run.said
    assert 'Traceback' not in run.said


def goal(demo_folder, domain, *words):
    command = [sys.executable, '-m', 'jepa_wm_ros.cli.main', 'goal', *words]
    environment = {**os.environ, 'ROS_DOMAIN_ID': domain}
    return subprocess.run(
        command, env=environment, cwd=demo_folder, capture_output=True, text=True, timeout=60
    )


def test_goals_are_sent_to_a_running_graph_from_another_terminal(demo):
    run = demo('--goals', '1', '--max-steps', '2', '--no-video', '--stay')
    run.wait_until(lambda: 'the graph stays' in run.said)
    domain = re.search(r'ROS_DOMAIN_ID=(\d+)', run.said).group(1)
    assert goal(run.folder, domain, 'status').stdout.strip().startswith('ARMED')
    captured = goal(run.folder, domain, 'capture')
    assert captured.returncode == 0, captured.stderr
    # the arm already is where the captured picture shows it
    here = goal(run.folder, domain, 'captured', '--max-steps', '5')
    assert (here.returncode, here.stdout.split(':')[0]) == (0, 'REACHED'), here.stderr
    there = goal(run.folder, domain, 'send', 'goals/goal_1.png', '--max-steps', '1')
    assert there.stdout.split(':')[0] in WORKED, there.stderr
    assert 'no goal was under way' in goal(run.folder, domain, 'cancel').stdout
    run.interrupt()
    assert run.result(60.0) in (0, 1)
    assert run.summary['goals'][0]['outcome'] in WORKED
    assert run.children() == {}


def test_a_goal_without_a_graph_says_so(tmp_path, domain):
    picture = tmp_path / 'goal.png'
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (90, 160, 3)))
    sent = goal(tmp_path, str(domain), 'send', str(picture))
    assert sent.returncode == 1
    assert 'no planner' in sent.stderr
    assert sent.stderr.count('\n') == 1
