"""The whole system as `jepa-wm demo` starts it: simulator, action publisher and policy processes.

The model is small and untrained: it moves the arm, which is all that counts here.
"""

import os
import signal
import threading
import time
from collections import deque

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import SafetyStatus

from jepa_wm_ros.ros.bringup import cell
from jepa_wm_ros.ros.client import GraphClient
from jepa_wm_ros.ros.conversions import decode_pose
from jepa_wm_ros.ros.processes import Bringup, ProcessError
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.contract import (
    ActionContract,
    CameraContract,
    Contract,
    PlanningSettings,
    ProprioContract,
)
from jepa_wm_ros.worldmodel.families import build

START = np.array([0.46, 0.0, 0.40])


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    bound = (0.08, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0)
    contract = Contract(
        format_version=1,
        name='untrained',
        family='lewm',
        licence='Apache-2.0',
        origin='a test',
        architecture={
            'layout': 'small',
            'encoder': {'image_size': 16, 'patch': 4, 'channels': [8, 8, 8], 'embed_dim': 8},
            'predictor': {'width': 16, 'depth': 2, 'expansion': 2},
        },
        camera=CameraContract(width=16, height=16),
        proprio=ProprioContract(),
        action=ActionContract(
            lower=tuple(-b for b in bound),
            upper=bound,
            mean=(0.0,) * 7,
            std=(0.08,) * 7,
            step_duration_s=0.4,
        ),
        planning=PlanningSettings(samples=16, elites=4, iterations=2),
    )
    folder = tmp_path_factory.mktemp('models') / 'untrained'
    return str(save_bundle(folder, build(contract, folder), contract))


class Cell:
    """A running system and a user who watches it."""

    def __init__(self, system, client):
        self.system, self.client = system, client
        self.positions = deque(maxlen=10000)
        self.states = []
        client.node.create_subscription(PoseStamped, 'ground_truth', self._on_pose, 10)
        client.node.create_subscription(SafetyStatus, 'safety_status', self._on_status, 10)
        self.outcome = None

    def _on_pose(self, message):
        self.positions.append((time.monotonic(), decode_pose(message.pose).position))

    def _on_status(self, message):
        self.states.append((message.state, message.fault_code))

    def wait_until(self, condition, timeout_s=30.0):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, 'timed out'
            time.sleep(0.01)

    def begin(self, steps=20):
        """Send a goal that cannot be reached, and wait until the arm moves."""
        self.client.reset(START)
        self.client.arm()
        picture = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)

        def reach():
            self.outcome = self.client.reach([picture], max_steps=steps)

        self.thread = threading.Thread(target=reach, daemon=True)
        self.thread.start()
        self.wait_until(lambda: SafetyStatus.EXECUTING in [state for state, _ in self.states])
        self.wait_until(lambda: self.speed() > 0.02)

    def speed(self, window_s=0.1):
        """Speed of the flange over the last moments [m/s]."""
        recent = list(self.positions)
        latest, here = recent[-1]
        past = [(t, p) for t, p in recent if latest - t >= window_s]
        if not past:
            return 0.0
        then, there = past[-1]
        return float(np.linalg.norm(here - there)) / (latest - then)

    def at_rest(self):
        return self.speed(0.3) < 0.003

    def kill(self, name):
        os.kill(self.system.process_ids[name], signal.SIGKILL)


@pytest.fixture
def running(bundle, tmp_path):
    both = {'model': bundle}
    system = Bringup(cell({'encoder': both, 'planner': both}), tmp_path / 'logs')
    with system:
        system.wait_until_active(timeout_s=90.0)
        with GraphClient(domain_id=system.domain_id) as client:
            client.wait_until_ready(30.0)
            yield Cell(system, client)


def test_goals_move_the_arm_and_a_stop_leaves_it_at_rest(running):
    running.begin(steps=2)
    running.wait_until(lambda: running.outcome is not None)
    assert (running.outcome.code, running.outcome.steps) == ('MAX_STEPS', 2)
    running.wait_until(running.at_rest)
    running.system.check()


def test_the_arm_holds_when_the_policy_process_is_killed_during_a_motion(running):
    running.begin()
    running.kill('policy')
    fault = (SafetyStatus.FAULT, SafetyStatus.IMAGE_STALE)
    running.wait_until(lambda: fault in running.states, timeout_s=5.0)
    running.wait_until(running.at_rest, timeout_s=5.0)
    assert running.states[-1] == fault
    with pytest.raises(ProcessError, match='policy has ended'):
        running.system.check()


def test_the_goal_ends_when_the_action_publisher_is_killed(running):
    running.begin()
    running.kill('action_publisher')
    running.wait_until(lambda: running.outcome is not None)
    assert running.outcome.code == 'EXECUTION_FAILED'
    assert 'is it running' in running.outcome.message


def test_the_goal_ends_with_a_fault_when_camera_and_arm_fall_silent(running):
    running.begin()
    os.kill(running.system.process_ids['sim'], signal.SIGSTOP)
    try:
        running.wait_until(lambda: running.outcome is not None)
    finally:
        os.kill(running.system.process_ids['sim'], signal.SIGCONT)
    assert running.outcome.code == 'FAULT'
    assert running.states[-1][0] == SafetyStatus.FAULT
