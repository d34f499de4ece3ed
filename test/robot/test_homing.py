"""Going home: all joints together, within every limit."""

import numpy as np
import pytest
from arm_rig import KINEMATICS, PERIOD_S

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.homing import SPEED_SHARE, JointPath
from jepa_wm_ros.robot.limits import FER, FR3, MotionLimits, Workspace
from jepa_wm_ros.robot.motion import ExecutionSettings

AWAY = READY_POSTURE + np.array([0.3, 0.2, -0.2, -0.2, 0.1, 0.2, 0.4])


@pytest.fixture
def away(make_rig):
    rig = make_rig(settings=ExecutionSettings())
    go_away(rig)
    return rig


def go_away(rig):
    """A person guides the arm."""
    for part in np.linspace(0.0, 1.0, 50):
        rig.joints = READY_POSTURE + part * (AWAY - READY_POSTURE)
        rig.step()


def home(rig):
    return rig.executor.home(rig.now, rig.results.append)


@pytest.mark.parametrize('limits', [FER, FR3])
def test_the_path_is_rest_to_rest_and_keeps_every_limit(limits):
    motion = MotionLimits(max_speed_m_s=0.2)
    path = JointPath(KINEMATICS.forward, AWAY, READY_POSTURE, joints=limits, motion=motion)
    times = np.arange(0.0, path.duration_s, PERIOD_S)
    joints = np.array([path.joints(t) for t in times])
    np.testing.assert_allclose(joints[0], AWAY)
    np.testing.assert_allclose(path.joints(path.duration_s), READY_POSTURE)
    speeds = np.diff(joints, axis=0) / PERIOD_S
    assert (np.abs(speeds) <= SPEED_SHARE * limits.velocity * 1.001).all()
    changes = np.abs(np.diff(speeds, axis=0)) / PERIOD_S
    assert (changes <= SPEED_SHARE * limits.acceleration * 1.01).all()
    flange = [np.linalg.norm(path.sample(t)[1][:3]) for t in times]
    assert max(flange) <= 0.2 * 1.01
    assert not path.velocities(0.0).any()
    assert not path.velocities(path.duration_s).any()


def test_speeds_are_the_slope_of_the_positions():
    path = JointPath(KINEMATICS.forward, AWAY, READY_POSTURE, joints=FER, motion=MotionLimits())
    slope = (path.joints(0.301) - path.joints(0.299)) / 0.002
    np.testing.assert_allclose(path.velocities(0.3), slope, rtol=1e-4)


def test_the_arm_goes_home_and_stays_armed(away):
    assert home(away) is None
    assert away.supervisor.state is SafetyState.EXECUTING
    away.run()
    assert away.codes == [ResultCode.SUCCEEDED]
    np.testing.assert_allclose(away.joints, READY_POSTURE, atol=1e-9)
    assert away.supervisor.state is SafetyState.ARMED
    steps = np.diff([command.joint_positions for command in away.sent], axis=0)
    assert (np.abs(steps) <= SPEED_SHARE * FER.velocity * PERIOD_S * 1.01).all()


def test_an_arm_at_home_is_home_at_once(rig):
    assert home(rig) is None
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]


def test_another_home_posture(make_rig):
    rig = make_rig(settings=ExecutionSettings(home=tuple(AWAY)))
    home(rig)
    rig.run()
    np.testing.assert_allclose(rig.joints, AWAY, atol=1e-9)


def test_a_disarmed_arm_stays_where_it_is(away):
    away.executor.disarm(away.now)
    assert home(away).code is ResultCode.NOT_ARMED
    assert away.executor.motion is None


def test_nothing_goes_home_during_a_motion(rig):
    rig.execute([0.05, 0, 0, 0, 0, 0, 0])
    assert home(rig).code is ResultCode.BUSY
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]


def test_a_way_that_breaks_a_rule_is_refused_before_anything_moves(make_rig):
    box = Workspace(lower=np.array([0.25, -0.02, 0.2]), upper=np.array([0.7, 0.02, 0.62]))
    rig = make_rig(settings=ExecutionSettings(), workspace=box)
    go_away(rig)
    sent = len(rig.sent)
    refusal = home(rig)
    assert refusal.code is ResultCode.UNREACHABLE
    assert 'outside of the supervised workspace' in refusal.message
    assert len(rig.sent) == sent
    assert rig.supervisor.state is SafetyState.ARMED


def test_a_fault_on_the_way_holds_the_arm(away):
    home(away)
    away.step(20)
    away.joints_live = False
    away.step(30)
    assert away.codes == [ResultCode.FAULT]
    assert away.supervisor.fault.code is FaultCode.JOINTS_STALE
    assert away.sent[-1].hold


def test_after_a_pause_for_late_pictures_it_goes_on_home(away):
    home(away)
    away.step(20)
    away.camera = 'off'
    for _ in range(40):
        away.step()
        if away.sent[-1].hold:
            break
    assert away.executor.motion.paused
    away.camera = 'live'
    away.run()
    assert away.codes == [ResultCode.SUCCEEDED]
    np.testing.assert_allclose(away.joints, READY_POSTURE, atol=1e-9)
