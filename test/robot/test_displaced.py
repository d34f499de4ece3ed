"""An arm that is not where it was commanded last: no motion pulls it back."""

import numpy as np
import pytest
from arm_rig import CAMERA_TICKS, KINEMATICS

from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.motion import ExecutionSettings

STEP = [0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
FAR = [0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]
PUSH = np.array([0.08, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def pushed(rig):
    """Somebody moves the arm, no faster than a hand does, and leaves it there."""
    rig.follows = False
    for _ in range(40):
        rig.joints = rig.joints + PUSH / 40
        rig.step()


@pytest.mark.parametrize('how', ['plan', 'home'])
def test_an_armed_arm_that_was_moved_by_hand_is_not_pulled_back(rig, how):
    rig.execute([STEP])
    rig.run()
    pushed(rig)
    sent = len(rig.sent)

    def ask():
        if how == 'plan':
            return rig.execute([STEP])
        return rig.executor.home(rig.now, rig.results.append)

    refusal = ask()
    assert refusal.code is ResultCode.DRIFTED
    assert 'arm again' in refusal.message
    assert len(rig.sent) == sent
    assert rig.supervisor.state is SafetyState.ARMED
    rig.executor.disarm(rig.now)
    assert rig.executor.arm(rig.now) is None
    here = rig.joints
    assert ask() is None
    # The first command leads on from where the arm is.
    np.testing.assert_allclose(rig.sent[sent].joint_positions, here, atol=0.01)


@pytest.mark.parametrize('back', [True, False])
def test_a_pause_ends_only_where_the_arm_was_commanded(make_rig, back):
    rig = make_rig(max_image_age_s=2.0)
    rig.execute([FAR, FAR])
    rig.step(25)
    rig.camera = 'off'
    rig.step(CAMERA_TICKS * 6)
    assert rig.sent[-1].hold
    pushed(rig)
    sent = len(rig.sent)
    rig.camera = 'live'
    rig.step(20)
    assert len(rig.sent) == sent
    assert 'was it moved by hand' in rig.supervisor.message
    if back:
        for _ in range(20):
            rig.joints = rig.joints - PUSH / 40
            rig.step()
        rig.follows = True
        rig.run()
        assert rig.codes == [ResultCode.SUCCEEDED]
    else:
        rig.run()
        assert rig.supervisor.fault.code is FaultCode.NOT_FOLLOWING
        assert np.abs(rig.sent[-1].joint_positions - rig.sent[sent - 1].joint_positions).max() == 0


def test_a_paused_motion_is_not_replaced_where_the_arm_was_moved(make_rig):
    rig = make_rig(max_image_age_s=2.0, settings=ExecutionSettings(streaming=True))
    rig.execute([FAR, FAR])
    rig.step(25)
    rig.camera = 'off'
    rig.step(CAMERA_TICKS * 6)
    pushed(rig)
    sent = len(rig.sent)
    refusal = rig.execute([STEP], pose=KINEMATICS.forward(rig.joints))
    assert refusal.code is ResultCode.DRIFTED
    assert len(rig.sent) == sent


def test_an_arm_that_its_controller_left_behind_may_be_asked_again(rig):
    rig.follows = False
    for _ in range(2):
        assert rig.execute([STEP], pose=KINEMATICS.forward(rig.joints)) is None
        rig.run()
    assert rig.codes == [ResultCode.NOT_MOVED, ResultCode.NOT_MOVED]
