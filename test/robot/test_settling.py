"""The arm has settled when it is near its target, slow, and both for a while."""

import numpy as np
import pytest

from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.motion import ExecutionSettings
from jepa_wm_ros.robot.poses import Pose, apply_action
from jepa_wm_ros.robot.settling import Settling

TARGET = Pose(np.array([0.45, 0.0, 0.4]), np.diag([1.0, -1.0, -1.0]))
REST = np.zeros(7)
SETTINGS = ExecutionSettings(settle_time_s=0.04, settle_timeout_s=1.0)


@pytest.fixture
def settling():
    return Settling(TARGET, 10.0, SETTINGS)


def test_settles_after_being_calm_for_the_settle_time(settling):
    assert settling.update(TARGET, REST, 10.10) is None
    assert settling.update(TARGET, REST, 10.13) is None
    assert settling.update(TARGET, REST, 10.15) is ResultCode.SUCCEEDED


@pytest.mark.parametrize(
    ('pose', 'speeds'),
    [
        (TARGET, np.full(7, 0.1)),
        (TARGET, np.full(7, -0.1)),
        (TARGET, None),
        (apply_action(TARGET, [0.011, 0, 0, 0, 0, 0]), REST),
        (apply_action(TARGET, [0, 0, 0, 0, 0.06, 0]), REST),
    ],
)
def test_motion_or_distance_starts_the_wait_anew(settling, pose, speeds):
    assert settling.update(TARGET, REST, 10.10) is None
    assert settling.update(pose, speeds, 10.13) is None
    assert settling.update(TARGET, REST, 10.15) is None
    assert settling.update(TARGET, REST, 10.20) is ResultCode.SUCCEEDED


def test_gives_up_after_the_timeout_and_says_why(settling):
    away = apply_action(TARGET, [0.02, 0, 0, 0, 0, 0])
    assert settling.update(away, REST, 10.99) is None
    assert settling.update(away, REST, 11.01) is ResultCode.NOT_SETTLED
    assert '20.0 mm' in settling.complaint(away)
