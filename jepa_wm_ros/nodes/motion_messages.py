"""Plans and results of the arm, between messages and the robot library."""

from __future__ import annotations

import math

import numpy as np
from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import ExecutedAction as ExecutedActionMessage
from jepa_wm_msgs.msg import Plan, SafetyStatus

from jepa_wm_ros.robot.motion import (
    ACTION_SIZE,
    ExecutedAction,
    ExecutionError,
    MotionPlan,
    MotionResult,
)
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose, encode_stamp


def decode_plan(message: Plan, base_frame: str) -> MotionPlan:
    """Read the part of a plan that is to be executed.

    Raises:
        ExecutionError: Its sizes disagree, there is nothing to execute, or it is in another frame.
        PoseError: The observation pose is not a pose.
    """
    if message.header.frame_id not in ('', base_frame):
        raise ExecutionError(
            f'the plan is in frame {message.header.frame_id!r}, the arm takes {base_frame!r}'
        )
    if message.action_dim != ACTION_SIZE or len(message.actions) != message.horizon * ACTION_SIZE:
        raise ExecutionError(
            f'the plan has {len(message.actions)} numbers for {message.horizon} actions of '
            f'{message.action_dim}; actions of {ACTION_SIZE} numbers are expected'
        )
    if not 1 <= message.execute_steps <= message.horizon:
        raise ExecutionError(
            f'execute_steps must be in 1 .. {message.horizon} (horizon), '
            f'got {message.execute_steps}'
        )
    actions = np.array(message.actions).reshape(message.horizon, ACTION_SIZE)
    return MotionPlan(
        actions=actions[: message.execute_steps],
        step_duration_s=message.step_duration_s,
        observation_stamp_s=decode_stamp(message.observation_stamp),
        observation_pose=decode_pose(message.observation_pose),
        step=message.step,
        surprised=message.surprised,
    )


def encode_result(result: MotionResult, first_command_delay_s: float) -> ExecuteActions.Result:
    """Write the result of a motion."""
    message = ExecuteActions.Result(
        code=int(result.code),
        message=result.message,
        executed_steps=len(result.executed),
        completed=encode_stamp(result.completed_s),
        first_command_delay_s=first_command_delay_s,
        clamped=result.clamped,
    )
    if result.final_pose is not None:
        message.final_pose = encode_pose(result.final_pose)
    return message


def encode_executed(
    action: ExecutedAction, plan: Plan, completed_s: float, base_frame: str
) -> ExecutedActionMessage:
    """Write what became of one action of a plan."""
    message = ExecutedActionMessage(
        observation_stamp=plan.observation_stamp,
        step=action.step,
        planned=action.planned.tolist(),
        commanded=action.commanded.tolist(),
        measured=action.measured.tolist(),
        start_pose=encode_pose(action.start),
        end_pose=encode_pose(action.end),
    )
    message.header.stamp = encode_stamp(completed_s)
    message.header.frame_id = base_frame
    return message


def encode_status(
    supervisor: SafetySupervisor, now_s: float, steady_s: float, base_frame: str
) -> SafetyStatus:
    """Write the state of the supervisor at a moment (`now_s` ROS clock, `steady_s` steady [s])."""
    fault, counters = supervisor.fault, supervisor.counters
    message = SafetyStatus(
        state=int(supervisor.state),
        fault_code=0 if fault is None else int(fault.code),
        message=supervisor.message,
        joint_age_s=supervisor.joint_age_s(steady_s),
        image_age_s=supervisor.image_age_s(steady_s),
        clamp_count=counters.clamped,
        refused_count=counters.refused,
        hold_count=counters.held,
    )
    message.header.stamp = encode_stamp(now_s if math.isfinite(now_s) else 0.0)
    message.header.frame_id = base_frame
    return message
