"""The action publisher as a process: what it says last when it is told to end."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from fake_arm import FakeArm

FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture
def process(graph):
    environment = os.environ | {'ROS_DOMAIN_ID': str(graph.domain), 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'jepa_wm_ros.nodes.action_publisher', '--ros-args'),
            # patient: a busy machine lets all processes sleep now and then
            *('-p', 'max_joint_age_s:=0.4', '-p', 'hold_floor_s:=0.25'),
        ],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def arm(graph, process):
    arm = FakeArm(graph)
    arm.ready()
    arm.arm()
    return arm


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_during_a_motion_brakes_and_holds_as_the_last_command(arm, process, number):
    handle = arm.send(arm.plan(FAR, FAR, FAR))
    arm.graph.spin_until(lambda: len(arm.commands) > 20)
    process.send_signal(number)
    arm.graph.spin_until(lambda: process.poll() is not None)
    # what is still on the wire is delivered before the publisher is forgotten
    arm.graph.spin_until(lambda: not np.any(arm.commands[-1].velocities))
    assert process.returncode == 0
    recent = np.array([command.positions for command in arm.commands[-12:]])
    steps = np.abs(np.diff(recent, axis=0)).max(axis=1)
    assert steps.max() < 0.03
    assert steps[-1] < 0.01
    assert handle.accepted


def test_signal_to_a_disarmed_node_sends_no_command(graph, process):
    arm = FakeArm(graph)
    arm.ready()
    process.send_signal(signal.SIGINT)
    graph.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert not arm.commands


def test_process_needs_no_torch(graph):
    code = 'import sys, jepa_wm_ros.nodes.action_publisher; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
