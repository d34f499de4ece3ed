import pytest
from arm_rig import Rig
from hypothesis import settings as hypothesis_settings

from jepa_wm_ros.robot.motion import ExecutionSettings
from jepa_wm_ros.robot.safety_limits import SafetyLimits

# A busy machine takes the processor away now and then: no time limit for single examples.
hypothesis_settings.register_profile('patient', deadline=None)
hypothesis_settings.load_profile('patient')


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
