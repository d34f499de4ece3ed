"""The whole system as `jepa-wm demo` starts it: simulator, action publisher and policy processes.

The model is small and untrained: it moves the arm, which is all that counts here.
"""

import contextlib
import os
import signal
import threading
from collections import deque

import numpy as np
import pytest
from contracts import small_contract
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import SafetyStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_graph import Graph

from jepa_wm_ros.ros.bringup import cell
from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp
from jepa_wm_ros.ros.processes import Bringup, ProcessError
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.families import build

START = np.array([0.46, 0.0, 0.40])


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    # To an untrained model all candidates are alike; a wide spread makes it move all the same.
    planning = {'samples': 16, 'elites': 4, 'iterations': 1, 'spread_floor': 1.0}
    contract = small_contract(planning, name='untrained')
    folder = tmp_path_factory.mktemp('models') / 'untrained'
    return str(save_bundle(folder, build(contract, folder), contract))


class Cell:
    """A running system, and a user who watches it and sends goals."""

    def __init__(self, system, client, graph):
        self.system, self.client, self.graph = system, client, graph
        self.positions = deque(maxlen=1000)
        self.states = []
        self.outcome = None
        self.goal = None
        self.node = graph.node(f'watcher_{system.domain_id}')
        self.node.create_subscription(PoseStamped, 'ground_truth', self._on_pose, 10)
        self.node.create_subscription(SafetyStatus, 'safety_status', self._on_status, 10)

    def _on_pose(self, message):
        stamp_s = decode_stamp(message.header.stamp)
        self.positions.append((stamp_s, decode_pose(message.pose).position))

    def _on_status(self, message):
        self.states.append((message.state, message.fault_code))

    def begin(self, steps=20):
        """Send a goal that cannot be reached, and wait until the arm moves."""
        if self.client.safety()[0] == 'FAULT':
            self.client.reset_fault()
        # A goal of two steps would be over before a late discovery lets the watcher see it.
        self.graph.spin_until(lambda: self.states and self.positions, 30.0)
        self.client.disarm()
        self.client.reset(START)
        self.client.arm()
        self.states.clear()
        self.outcome = None
        picture = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)

        def reach():
            # a client notices when the planner is killed
            with contextlib.suppress(GraphError):
                self.outcome = self.client.reach([picture], max_steps=steps)

        self.goal = threading.Thread(target=reach, daemon=True)
        self.goal.start()
        self.graph.spin_until(lambda: SafetyStatus.EXECUTING in dict(self.states), 30.0)
        self.graph.spin_until(lambda: self.speed() > 0.02, 30.0)

    def end(self):
        """Wait until the goal has ended and the arm is at rest."""
        self.graph.spin_until(lambda: self.outcome is not None, 30.0)
        self.graph.spin_until(lambda: self.speed(0.3) < 0.003, 30.0)

    def speed(self, window_s=0.1):
        """Speed of the flange over the last moments [m/s]."""
        recent = list(self.positions)
        past = [(t, p) for t, p in recent if recent[-1][0] - t >= window_s]
        if not past:
            return 0.0
        (then, there), (latest, here) = past[-1], recent[-1]
        return float(np.linalg.norm(here - there)) / (latest - then)

    def break_down(self, fault):
        """Have the simulator simulate a fault."""
        client = self.node.create_client(SetParameters, 'sim/set_parameters')
        self.graph.spin_until(client.service_is_ready)
        request = SetParameters.Request()
        request.parameters = [Parameter('fault', value=fault).to_parameter_msg()]
        assert self.graph.result_of(client.call_async(request)).results[0].successful

    def signal(self, name, number):
        os.kill(self.system.process_ids[name], number)


def start(bundle, logs):
    """A running system as a generator, for fixtures."""
    both = {'model': bundle}
    # Slow motions, so that what is broken during one is still broken during it on a busy machine;
    # and none is left out because the goal, which is noise, makes it look useless.
    overrides = {
        'encoder': both,
        'planner': {**both, 'hold_when_worse': False},
        'action_publisher': {'speed_override': 0.4},
    }
    with Bringup(cell(overrides), logs) as system:
        system.wait_until_active(timeout_s=90.0)
        graph = Graph(system.domain_id)
        with GraphClient(domain_id=system.domain_id) as client:
            client.wait_until_ready(30.0)
            running = Cell(system, client, graph)
            yield running
            running.goal.join(30.0)  # who asks must not outlive the connection
        graph.close()


@pytest.fixture(scope='module')
def unharmed(bundle, tmp_path_factory):
    """A system for tests that leave it as it was."""
    yield from start(bundle, tmp_path_factory.mktemp('logs'))


@pytest.fixture
def mortal(bundle, tmp_path):
    """A system for tests that kill a part of it."""
    yield from start(bundle, tmp_path)


def test_goals_move_the_arm_and_their_end_leaves_it_at_rest(unharmed):
    unharmed.begin(steps=2)
    unharmed.end()
    assert (unharmed.outcome.code, unharmed.outcome.steps) == ('MAX_STEPS', 2)
    unharmed.system.check()


@pytest.mark.parametrize(
    ('fault', 'code'),
    [
        ('camera_frozen', SafetyStatus.IMAGE_FROZEN),
        ('camera_silent', SafetyStatus.IMAGE_STALE),
        ('joints_silent', SafetyStatus.JOINTS_STALE),
    ],
)
def test_the_arm_holds_and_the_goal_ends_when_a_sensor_fails(unharmed, fault, code):
    unharmed.begin()
    unharmed.break_down(fault)
    try:
        unharmed.end()
        assert unharmed.outcome.code == 'FAULT'
        # the status goes another way than the result, and may come after it
        unharmed.graph.spin_until(lambda: unharmed.states[-1] == (SafetyStatus.FAULT, code))
    finally:
        unharmed.break_down('none')


def test_the_arm_comes_to_rest_when_the_policy_process_is_killed_during_a_motion(mortal):
    mortal.begin()
    mortal.signal('policy', signal.SIGKILL)
    # it ends the one motion that was accepted, or gives it up because the heartbeat is missing
    mortal.graph.spin_until(lambda: mortal.states[-1][0] != SafetyStatus.EXECUTING)
    mortal.graph.spin_until(lambda: mortal.speed(0.3) < 0.003)
    assert mortal.states[-1] in [
        (SafetyStatus.ARMED, SafetyStatus.NONE),
        (SafetyStatus.FAULT, SafetyStatus.IMAGE_STALE),
        # on a small machine everything stops for a moment when a large process is torn down
        (SafetyStatus.FAULT, SafetyStatus.JOINTS_STALE),
    ]
    with pytest.raises(ProcessError, match='policy has ended'):
        mortal.system.check()


def test_ctrl_c_for_the_policy_process_ends_goal_and_motion(mortal):
    mortal.begin()
    mortal.signal('policy', signal.SIGINT)
    mortal.end()
    assert mortal.outcome.code == 'SHUTDOWN'


def test_the_goal_ends_when_the_action_publisher_is_killed(mortal):
    mortal.begin()
    mortal.signal('action_publisher', signal.SIGKILL)
    mortal.end()
    assert mortal.outcome.code == 'EXECUTION_FAILED'
    assert 'is it running' in mortal.outcome.message
