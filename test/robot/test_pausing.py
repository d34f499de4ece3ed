"""A motion whose inputs are silent for two of their periods stands, and goes on by itself."""

import math

import pytest
from arm_rig import CAMERA_TICKS, PERIOD_S

from jepa_wm_ros.robot.faults import FaultCode, ResultCode

FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]
MIDDLE = 25  # periods into a motion of 0.4 s, near its highest speed


def test_camera_that_stops_holds_after_two_periods_and_then_latches_a_fault(rig):
    rig.execute([FAR, FAR])
    rig.step(MIDDLE)
    rig.camera = 'off'
    rig.step(2 * CAMERA_TICKS + 2)  # the last picture may have been sent with the last step
    assert rig.sent[-1].brake
    assert rig.supervisor.counters.held == 1
    assert 'no picture for' in rig.supervisor.message
    rig.step(15)
    assert rig.sent[-1].hold
    assert rig.supervisor.fault.code is FaultCode.IMAGE_STALE
    assert rig.codes == [ResultCode.FAULT]
    assert not rig.sent[-1].joint_velocities.any()


def test_joint_states_that_stop_hold_before_they_are_a_fault(make_rig):
    rig = make_rig(max_joint_age_s=0.25)
    rig.execute([FAR, FAR])
    rig.step(MIDDLE)
    rig.joints_live = False
    floor_ticks = math.ceil(rig.supervisor.limits.hold_floor_s / PERIOD_S)
    rig.step(floor_ticks + 2)
    assert rig.sent[-1].brake
    assert rig.supervisor.fault is None
    rig.joints_live = True
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]
    assert rig.supervisor.counters.held == 1


def test_camera_that_misses_some_frames_only_pauses_the_motion(make_rig):
    rig = make_rig(max_image_age_s=0.5)
    start = rig.pose
    rig.execute([FAR, FAR])
    rig.step(MIDDLE)
    rig.camera = 'off'
    for _ in range(40):  # less than the age at which it is a fault
        if rig.sent[-1].hold:
            break
        rig.step()
    assert rig.sent[-1].hold
    rig.camera = 'live'
    rig.run()
    assert rig.codes == [ResultCode.SUCCEEDED]
    assert rig.pose.position[1] - start.position[1] == pytest.approx(0.16, abs=1e-4)
    assert len(rig.results[0].executed) == 2
