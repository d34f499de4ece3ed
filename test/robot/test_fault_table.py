"""The table of faults in docs/safety.md, row by row, on clocks that the test moves."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from arm_rig import CAMERA_TICKS, KINEMATICS, PERIOD_S

from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.kinematics import IkSolution
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.robot.robot_mode import franka_mode, spoken_mode

ACROSS = [[0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]] * 4
STOP_TICKS = 15  # 150 ms
LARGEST_STEP_RAD = 2.0 * PERIOD_S * FER.velocity.max()
REFLEX, USER_STOPPED = 4, 5


class BrokenKinematics:
    """Gives what is not a number from some call on."""

    def __init__(self, good: int) -> None:
        self.left = good

    def forward(self, joints):
        return KINEMATICS.forward(joints)

    def speeds(self, joints, twist):
        return KINEMATICS.speeds(joints, twist)

    def inverse(self, target, seed, **kwargs):
        self.left -= 1
        if self.left > 0:
            return KINEMATICS.inverse(target, seed, **kwargs)
        return IkSolution(np.full(7, math.nan), True, 0.0, 0.0, '')


def camera_stops(rig):
    rig.camera = 'off'


def camera_repeats(rig):
    rig.camera = 'frozen'


def second_camera(rig):
    rig.camera = 'ambiguous'


def joints_stop(rig):
    rig.joints_live = False


def joints_late(rig):
    rig.joints_live = False
    rig.executor.joints_seen(rig.ros_s - 1.0, rig.joints, 0.0, rig.now)


def joints_from_the_future(rig):
    rig.joints_live = False
    rig.executor.joints_seen(rig.ros_s + 5.0, rig.joints, 0.0, rig.now)


def clock_back(rig):
    rig.ros_s -= 10.0


def clock_forward(rig):
    rig.ros_s += 10.0


def second_publisher(rig):
    rig.supervisor.publishers_seen(1)


def reflex(rig):
    rig.supervisor.robot_mode(franka_mode(REFLEX, ['joint_reflex']), rig.steady_s)


def user_stop(rig):
    rig.supervisor.robot_mode(franka_mode(USER_STOPPED), rig.steady_s)


def no_longer_ready(rig):
    rig.supervisor.robot_mode(spoken_mode(False), rig.steady_s)


# fault, how it is made, code, words, longest time to notice it [periods of the commands]
ROWS = [
    ('camera stops', camera_stops, FaultCode.IMAGE_STALE, 'pictures are', 2 * CAMERA_TICKS + 12),
    ('camera repeats', camera_repeats, FaultCode.IMAGE_FROZEN, 'picture', 2 * CAMERA_TICKS),
    ('second camera', second_camera, FaultCode.SECOND_SOURCE, 'camera', 2 * CAMERA_TICKS),
    ('joint states stop', joints_stop, FaultCode.JOINTS_STALE, 'arm driver', 12),
    ('latency of 1 s', joints_late, FaultCode.JOINTS_STALE, '1.0', 2),
    ('stamps from the future', joints_from_the_future, FaultCode.JOINTS_STALE, 'future', 2),
    ('clock jumps back', clock_back, FaultCode.CLOCK_JUMP, 'backwards', 2),
    ('clock jumps forward', clock_forward, FaultCode.CLOCK_JUMP, 'forward', 2),
    ('second publisher', second_publisher, FaultCode.SECOND_PUBLISHER, 'other publisher', 2),
    ('reflex', reflex, FaultCode.ROBOT_MODE, 'joint_reflex', 2),
    ('user stop', user_stop, FaultCode.ROBOT_MODE, 'user stop', 2),
    ('not ready', no_longer_ready, FaultCode.ROBOT_MODE, 'robot_ready says no', 2),
]


@pytest.mark.parametrize(('fault', 'break_it', 'code', 'words', 'notice'), ROWS)
def test_fault_during_a_motion_brakes_and_holds(make_rig, fault, break_it, code, words, notice):
    rig = make_rig(hold_floor_s=0.25)  # no pause first: each fault by itself
    rig.execute(ACROSS)
    rig.step(40)
    moving = len(rig.sent)
    break_it(rig)
    if fault.startswith('clock'):
        rig.executor.tick(rig.now)
    for _ in range(notice):
        if rig.supervisor.fault is not None:
            break
        rig.step()
    assert rig.supervisor.fault.code is code, rig.supervisor.fault
    assert words in rig.supervisor.fault.message
    assert rig.supervisor.state is SafetyState.FAULT
    rig.run(most=STOP_TICKS)
    assert rig.codes == [ResultCode.FAULT]
    last = rig.sent[-1]
    assert last.hold
    assert not last.joint_velocities.any()
    path = np.array([command.joint_positions for command in rig.sent])
    assert np.abs(np.diff(path, axis=0)).max() < LARGEST_STEP_RAD
    assert len(path) > moving
    # nothing more is sent, nothing recovers by itself, and plans are refused
    rig.step(50)
    assert rig.sent[-1] is last
    assert rig.execute(ACROSS).code is ResultCode.FAULT
    assert rig.executor.arm(rig.now).code is ResultCode.FAULT


def test_command_that_is_not_a_number_is_not_sent(make_rig):
    rig = make_rig()
    broken = rig.executor._points._kinematics = BrokenKinematics(1000)
    rig.execute(ACROSS)
    broken.left = 20
    rig.run(most=100)
    assert rig.supervisor.fault.code is FaultCode.NOT_FINITE
    assert all(np.isfinite(command.joint_positions).all() for command in rig.sent)
    assert rig.sent[-1].hold


@pytest.mark.parametrize(
    ('limit', 'code'),
    [
        ({'max_plan_age_s': 0.0}, ResultCode.PLAN_TOO_OLD),
        ({'max_joint_age_s': 0.0}, None),
        ({'max_image_age_s': 0.0, 'hold_floor_s': 0.0}, ResultCode.IMAGE_STALE),
    ],
)
def test_limit_of_zero_lets_nothing_move(make_rig, limit, code):
    rig = make_rig()
    rig.supervisor.limits = dataclasses.replace(rig.supervisor.limits, **limit)
    rig.steady_s += 0.001
    refusal = rig.execute(ACROSS)
    assert refusal.code is (code or ResultCode.JOINTS_STALE)
    assert not rig.sent


def test_speed_override_of_zero_stands_still_and_nothing_is_lost(make_rig):
    rig = make_rig()
    rig.executor.override_speed(0.0)
    start = rig.pose
    rig.execute(ACROSS[:1])
    rig.step(50)
    assert np.linalg.norm(rig.pose.position - start.position) < 1e-6
    rig.executor.override_speed(1.0)
    rig.run()
    assert rig.pose.position[1] - start.position[1] == pytest.approx(0.08, abs=1e-3)


def test_second_stop_while_braking_changes_nothing(make_rig):
    rig = make_rig()
    rig.execute(ACROSS)
    rig.step(40)
    rig.executor.cancel(rig.now)
    rig.step(2)
    rig.executor.disarm(rig.now)
    assert rig.execute(ACROSS).code is ResultCode.BUSY
    rig.run(most=STOP_TICKS)
    assert rig.codes == [ResultCode.CANCELED]
    assert rig.supervisor.state is SafetyState.DISARMED


def test_every_row_is_in_the_documentation():
    text = (Path(__file__).parents[2] / 'docs' / 'safety.md').read_text()
    for code in {row[2].name for row in ROWS}:
        assert re.search(rf'\b{code}\b', text), f'docs/safety.md does not tell of {code}'
