import pytest
from arm_rig import Rig

from jepa_wm_ros.robot.motion import ExecutionSettings
from jepa_wm_ros.robot.safety_limits import SafetyLimits


@pytest.fixture
def make_rig():
    def make(*, armed=True, settings=None, **limits) -> Rig:
        rig = Rig(SafetyLimits(**limits), settings or ExecutionSettings())
        if armed:
            assert rig.executor.arm(rig.now) is None
        return rig

    return make


@pytest.fixture
def rig(make_rig) -> Rig:
    return make_rig()
