"""Messages and robot library mean the same by the same number, and the docs know all of them."""

import math
from pathlib import Path

import pytest
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import Plan, SafetyStatus

from jepa_wm_ros.nodes.motion_messages import decode_plan, encode_result, encode_status
from jepa_wm_ros.robot.faults import FaultCode, ResultCode, SafetyState
from jepa_wm_ros.robot.motion import ExecutionError, MotionResult
from jepa_wm_ros.robot.poses import Pose, PoseError
from jepa_wm_ros.robot.safety import SafetySupervisor

DOCUMENT = Path(__file__).parents[2] / 'docs' / 'safety.md'


def constants(message) -> dict[str, int]:
    values = {name: getattr(message, name) for name in dir(message) if name.isupper()}
    return {name: value for name, value in values.items() if isinstance(value, int)}


@pytest.mark.parametrize('code', ResultCode)
def test_result_codes_are_those_of_the_action(code):
    assert constants(ExecuteActions.Result)[code.name] == code


def test_action_has_no_other_codes():
    assert set(constants(ExecuteActions.Result)) == {code.name for code in ResultCode}


def test_states_and_faults_are_those_of_the_status():
    names = {entry.name: int(entry) for kind in (SafetyState, FaultCode) for entry in kind}
    assert constants(SafetyStatus) == names


@pytest.mark.parametrize('code', [*SafetyState, *list(FaultCode)[1:-1]])
def test_every_state_and_fault_is_documented(code):
    assert f'`{code.name}`' in DOCUMENT.read_text()


def plan(**fields) -> Plan:
    message = Plan(
        step_duration_s=0.4,
        action_dim=7,
        horizon=3,
        execute_steps=2,
        actions=[0.01 * number for number in range(21)],
    )
    message.observation_pose.orientation.w = 1.0
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def test_only_the_steps_to_execute_are_taken_row_by_row():
    decoded = decode_plan(plan(), 'base')
    assert decoded.actions.shape == (2, 7)
    assert decoded.actions[1, 0] == pytest.approx(0.07)


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        ({'actions': [0.0] * 20}, '20 numbers for 3 actions'),
        ({'horizon': 0, 'actions': []}, 'execute_steps'),
        ({'execute_steps': 4}, 'execute_steps must be in 1 .. 3'),
        ({'step_duration_s': math.inf}, 'step_duration_s'),
    ],
)
def test_plan_that_contradicts_itself_is_refused_with_the_reason(fields, reason):
    with pytest.raises(ExecutionError, match=reason):
        decode_plan(plan(**fields), 'base')


def test_pose_that_was_not_filled_in_is_refused():
    message = plan()
    message.observation_pose.orientation.w = 0.0
    with pytest.raises(PoseError, match='unit quaternion'):
        decode_plan(message, 'base')


def test_result_carries_code_words_and_stamp():
    result = MotionResult(
        code=ResultCode.DRIFTED, message='moved', final_pose=Pose.identity(), completed_s=12.5
    )
    message = encode_result(result, 0.001)
    assert (message.code, message.message) == (ResultCode.DRIFTED, 'moved')
    assert (message.completed.sec, message.completed.nanosec) == (12, 500_000_000)
    assert message.final_pose.orientation.w == 1.0


def test_status_before_any_input_says_so():
    message = encode_status(SafetySupervisor(), 3.0, 5.0, 'base')
    assert message.state == SafetyStatus.DISARMED
    assert math.isinf(message.joint_age_s)
    assert message.header.frame_id == 'base'
