"""What our side of MoveIt Servo notices: silence, another Servo, an arm that does not move."""

from types import SimpleNamespace

import numpy as np
import pytest
from cleared import cleared
from test_backends import FLANGE, JOINTS, Answer, FakeNode, command, make

from jepa_wm_ros.nodes.backends import servo as servo_module
from jepa_wm_ros.nodes.backends.backend import ServoSettings
from jepa_wm_ros.nodes.backends.servo import Heed
from jepa_wm_ros.robot.poses import Pose, rotation_from_vector

SAMPLE_S = 0.01


class ServoNode(FakeNode):
    """A node in front of a Servo that runs."""

    def __init__(self):
        super().__init__()
        self.requests, self.answers, self.servers, self.alive = [], [], [b'servo'], True

    def create_client(self, kind, name):
        self.clients.append(name)
        return SimpleNamespace(service_is_ready=lambda: self.alive, call_async=self._call)

    def _call(self, request):
        self.requests.append(request)
        self.answers.append(Answer())
        self.answers[-1].cancelled = lambda: False
        return self.answers[-1]

    def get_publishers_info_by_topic(self, topic):
        return [SimpleNamespace(endpoint_gid=gid) for gid in self.servers]


class Rig:
    def __init__(self, monkeypatch, release='switch', backend='servo_twist'):
        monkeypatch.setattr('test_backends.FakeNode', ServoNode)
        self.complaints, self.measured = [], FLANGE
        self.moment_s = 0.0
        monkeypatch.setattr(servo_module.time, 'monotonic', lambda: self.moment_s)
        self.backend, self.node = make(
            backend,
            servo=ServoSettings(release=release),
            complain=self.complaints.append,
            measured=lambda: self.measured,
        )
        self.ask, self.listen = self.node.timers
        _, self._hear = self.node.heard

    def hear(self, code=0):
        self._hear(SimpleNamespace(code=code, data=code, message=''))

    def agree(self, success=True):
        self.node.answers[-1].give(SimpleNamespace(success=success))

    def ready(self):
        self.ask()
        self.agree()
        self.hear()
        return self


@pytest.fixture(params=['switch', 'start'])
def rig(request, monkeypatch):
    return Rig(monkeypatch, request.param).ready()


def test_a_servo_that_has_agreed_and_speaks_is_no_obstacle(rig):
    assert rig.backend.obstacle() == ''


def test_a_servo_that_has_agreed_and_says_nothing_is_an_obstacle(monkeypatch):
    rig = Rig(monkeypatch)
    rig.ask()
    rig.agree()
    assert 'says nothing' in rig.backend.obstacle()
    rig.hear()
    assert rig.backend.obstacle() == ''


def test_the_type_is_set_again_at_each_arming_and_humble_is_left_alone(rig):
    before = len(rig.node.requests)
    rig.backend.obstacle()
    again = len(rig.node.requests) - before
    assert again == (1 if 'switch' in rig.node.clients[0] else 0)
    rig.backend.obstacle()
    assert len(rig.node.requests) - before == again  # one question at a time


def test_a_type_that_is_refused_later_is_complained_about(monkeypatch):
    rig = Rig(monkeypatch).ready()
    rig.backend.obstacle()
    rig.agree(success=False)
    assert 'no more' in rig.complaints[0]
    assert 'has not agreed' in rig.backend.obstacle()


def test_silence_is_complained_about_once_and_keeps_the_arm_from_being_armed(rig):
    for _ in range(4):
        rig.listen()
    assert rig.complaints == []
    for _ in range(10):
        rig.listen()
    (complaint,) = rig.complaints
    assert 'fallen silent' in complaint
    assert 'says nothing' in rig.backend.obstacle()
    rig.hear()
    assert rig.backend.obstacle() == ''


def test_a_word_now_and_then_is_no_silence(rig):
    for _ in range(10):
        for _ in range(4):
            rig.listen()
        rig.hear()
    assert rig.complaints == []


def test_a_servo_that_never_spoke_is_not_complained_about(monkeypatch):
    rig = Rig(monkeypatch)
    for _ in range(20):
        rig.listen()
    assert rig.complaints == []


def test_another_servo_under_the_same_name_is_complained_about_and_asked_again(rig):
    rig.ask()
    rig.node.servers = [b'another']
    before = len(rig.node.requests)
    rig.ask()
    assert 'started anew' in rig.complaints[0]
    assert 'has not agreed' in rig.backend.obstacle()
    assert len(rig.node.requests) == before + 1
    rig.agree()
    assert rig.backend.obstacle() == ''
    rig.ask()
    assert len(rig.complaints) == 1


# -- an arm that stays where it is ---------------------------------------------------------------


def shifted(by_m, turn_rad=0.0):
    rotation = rotation_from_vector(np.array([0.0, 0.0, turn_rad])) @ FLANGE.rotation
    return Pose(FLANGE.position + np.array([by_m, 0.0, 0.0]), rotation)


def told(target, arm, seconds=1.0, hold=False):
    """Tell an arm where to be, moment by moment; return when it is found to ignore that."""
    heed = Heed()
    for count in range(round(seconds / SAMPLE_S)):
        now_s = count * SAMPLE_S
        command_now = command(pose=target(now_s), joint_positions=JOINTS, hold=hold)
        if heed.ignored(command_now, arm(now_s), now_s):
            return now_s
    return None


def test_an_arm_that_stays_far_from_its_target_is_noticed():
    noticed_s = told(lambda now: shifted(0.1 * now), lambda now: shifted(0.0))
    assert noticed_s == pytest.approx(0.5, abs=0.05)  # 2 cm behind, then 0.3 s


def test_an_arm_that_does_not_turn_is_noticed():
    assert told(lambda now: shifted(0.0, 0.5 * now), lambda now: shifted(0.0)) is not None


@pytest.mark.parametrize('lag_s', [0.0, 0.1, 0.3])
def test_an_arm_that_lags_is_not_taken_for_one(lag_s):
    arm = lambda now: shifted(0.2 * max(0.0, now - lag_s))  # noqa: E731
    assert told(lambda now: shifted(0.2 * now), arm) is None


def test_an_arm_that_creeps_towards_a_far_target_is_not_taken_for_one():
    assert told(lambda now: shifted(0.1), lambda now: shifted(0.04 * now)) is None


def test_a_hold_and_a_near_target_prove_nothing():
    still = shifted(0.0)
    assert told(lambda now: shifted(0.1), lambda now: shifted(0.0), hold=True) is None
    assert told(lambda now: shifted(0.015), lambda now: shifted(0.0)) is None
    # joint states that do not come are another fault
    assert told(lambda now: shifted(0.1), lambda now: still) is None
    assert told(lambda now: shifted(0.1), lambda now: None) is None


@pytest.mark.parametrize('backend', ['servo_twist', 'cartesian_pose'])
def test_both_ways_to_command_servo_notice_it(monkeypatch, backend):
    rig = Rig(monkeypatch, backend=backend).ready()
    for _ in range(60):
        rig.moment_s += SAMPLE_S
        rig.measured = shifted(0.0)
        rig.backend.send(cleared(command(pose=shifted(0.1))))
    assert rig.complaints
    assert 'switched its command type' in rig.complaints[0]
