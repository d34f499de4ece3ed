"""The rules of the safety supervisor that depend on one plan or one command only.

Every comparison is written so that NaN fails it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.faults import Fault, FaultCode, Refusal, ResultCode
from jepa_wm_ros.robot.motion import MotionPlan
from jepa_wm_ros.robot.poses import Pose, distance
from jepa_wm_ros.robot.safety_inputs import FUTURE_TOLERANCE_S
from jepa_wm_ros.robot.safety_limits import SafetyLimits

# Speeds are differences of commands: this much is rounding and the grid of the clock.
SPEED_TOLERANCE = 1.05
# A clock that goes on more than this beside the steady one was set [s]; a simulation may run up
# to so many times faster.
CLOCK_TOLERANCE_S = 0.5
FASTEST_SIMULATION = 20.0
# Poses come through quaternions: what is below this is rounding, also for a limit of 0.
POSITION_ROUNDING_M = 1e-9
ROTATION_ROUNDING_RAD = 1e-7
WORKSPACE_ROUNDING_M = 1e-6
# A motion may begin with an orientation that is measured, and pass between two way-points.
CONE_TOLERANCE_RAD = 0.05
# A set-point may lie this far from where the last one and its speed lead to, besides what the
# joints can do [rad].
JUMP_TOLERANCE_RAD = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What the supervisor wants to know about a motion before it begins.

    Attributes:
        actions: `(H, >=6)` actions [m, rad, closedness].
        plan_age_s: Time since the plan's observation was taken [s]; negative is in the future.
        observation_pose: Flange when the plan's observation was taken, in the base frame.
        measured_pose: Flange that the observation pose has to agree with (now or, while moving,
            at the observation's stamp).
        surprised: Whether the last step did what the world model had not expected at all.
    """

    actions: NDArray[np.float64]
    plan_age_s: float
    observation_pose: Pose
    measured_pose: Pose
    surprised: bool = False

    @classmethod
    def of(cls, plan: MotionPlan, now_s: float, measured_pose: Pose) -> Admission:
        """Return what is known about a plan at a moment [s, ROS clock]."""
        return cls(
            actions=plan.actions,
            plan_age_s=now_s - plan.observation_stamp_s,
            observation_pose=plan.observation_pose,
            measured_pose=measured_pose,
            surprised=plan.surprised,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck:
    """One command on its way to the arm.

    Attributes:
        pose: Commanded flange in the base frame.
        twist: `(6,)` its velocity [m/s, rad/s].
        joint_positions: `(n,)` commanded joints [rad].
        joint_velocities: `(n,)` their speeds [rad/s].
        measured_pose: Flange where it is now.
        jump: `(n,)` distance [rad] from where the last command and its speeds lead to.
        period_s: Time since the last command [s].
    """

    pose: Pose
    twist: NDArray[np.float64]
    joint_positions: NDArray[np.float64]
    joint_velocities: NDArray[np.float64]
    measured_pose: Pose
    jump: NDArray[np.float64] = field(default_factory=lambda: np.zeros(7))
    period_s: float = 0.01


def finite(admission: Admission) -> bool:
    """Whether every number of a plan is finite."""
    return bool(
        np.isfinite(admission.actions).all()
        and math.isfinite(admission.plan_age_s)
        and admission.observation_pose.finite
        and admission.measured_pose.finite
    )


def cut_to_step(actions: NDArray[np.float64], limits: SafetyLimits) -> NDArray[np.float64]:
    """Return `(H, A)` actions cut to the step box, then to the longest translation."""
    cut = actions.copy()
    boxes = ((np.s_[:, :3], limits.max_step_m), (np.s_[:, 3:6], limits.max_step_rad))
    for part, limit in boxes:
        cut[part] = np.clip(actions[part], -limit, limit)
    length = np.linalg.norm(cut[:, :3], axis=1, keepdims=True)
    longer = length > limits.max_step_length_m * (1.0 + 1e-12)
    shorter = cut[:, :3] * (limits.max_step_length_m / np.where(longer, length, 1.0))
    cut[:, :3] = np.where(longer, shorter, cut[:, :3])
    return cut


def old_plan(admission: Admission, limits: SafetyLimits) -> Refusal | None:
    """Refuse a plan whose observation is too old or in the future."""
    age, limit = admission.plan_age_s, limits.max_plan_age_s
    if -FUTURE_TOLERANCE_S <= age <= limit:
        return None
    return Refusal(
        ResultCode.PLAN_TOO_OLD,
        f'the observation of the plan is {age:.3f} s old (accepted: 0 .. {limit} s)',
    )


def drifted(admission: Admission, limits: SafetyLimits) -> Refusal | None:
    """Refuse a plan that was made for another pose of the arm."""
    offset, angle = distance(admission.observation_pose, admission.measured_pose)
    near = offset <= limits.max_drift_m + POSITION_ROUNDING_M
    if near and angle <= limits.max_drift_rad + ROTATION_ROUNDING_RAD:
        return None
    return Refusal(
        ResultCode.DRIFTED,
        f'the arm is {offset * 1000:.1f} mm and {math.degrees(angle):.2f} deg from where the '
        f'observation of the plan saw it (limits {limits.max_drift_m * 1000:.1f} mm, '
        f'{math.degrees(limits.max_drift_rad):.2f} deg): plan again',
    )


def surprised(admission: Admission, limits: SafetyLimits) -> Refusal | None:
    """Refuse to go on after a step that the world model did not expect at all, if asked to."""
    if not (limits.stop_on_surprise and admission.surprised):
        return None
    return Refusal(
        ResultCode.SURPRISED,
        'the last step did what the world model had not expected at all (stop_on_surprise): look '
        'whether the arm touched something or the scene changed, then send the goal again',
    )


def command_fault(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    """Return the first rule that a command breaks."""
    return (
        _not_finite(command)
        or _outside_workspace(command, limits)
        or _tilted(command, limits)
        or _kept_out(command, limits)
        or _joint_limit(command, limits)
        or _too_fast(command, limits)
        or _jump(command, limits)
        or _not_following(command, limits)
    )


def clock_jump(elapsed_s: float, steady_s: float) -> Fault | None:
    """Return a fault when the ROS clock was set while a motion was under way.

    Args:
        elapsed_s: How far it went on [s].
        steady_s: How far the steady clock went on meanwhile [s].
    """
    if 0.0 <= elapsed_s <= FASTEST_SIMULATION * steady_s + CLOCK_TOLERANCE_S:
        return None
    if elapsed_s < 0.0:
        message = f'the clock went backwards by {-elapsed_s:.3f} s during a motion'
    else:
        message = f'the clock jumped forward by {elapsed_s:.3f} s during a motion'
    return Fault(FaultCode.CLOCK_JUMP, message)


def _not_finite(command: CommandCheck) -> Fault | None:
    arrays = (command.twist, command.joint_positions, command.joint_velocities, command.jump)
    if command.pose.finite and all(np.isfinite(array).all() for array in arrays):
        return None
    return Fault(FaultCode.NOT_FINITE, 'a command was not finite and was dropped')


def _outside_workspace(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    box = limits.workspace
    if box.contains(command.pose.position, tolerance=WORKSPACE_ROUNDING_M):
        return None
    return Fault(
        FaultCode.OUTSIDE_WORKSPACE,
        f'the commanded flange {np.round(command.pose.position, 3).tolist()} m is outside of the '
        f'supervised workspace {box.lower.tolist()} .. {box.upper.tolist()} m',
    )


def _tilted(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    cone = limits.workspace.cone
    if cone is None or cone.contains(command.pose, CONE_TOLERANCE_RAD):
        return None
    return Fault(
        FaultCode.OUTSIDE_WORKSPACE,
        f'the commanded flange is tilted by {math.degrees(cone.tilt(command.pose)):.1f} deg from '
        f'{cone.axis.round(3).tolist()} (limit {math.degrees(cone.angle_rad):.1f} deg)',
    )


def _kept_out(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    for number, box in enumerate(limits.keep_out, start=1):
        if box.contains(command.pose.position):
            return Fault(
                FaultCode.OUTSIDE_WORKSPACE,
                f'the commanded flange {np.round(command.pose.position, 3).tolist()} m is in '
                f'keep-out box {number}, {box.lower.tolist()} .. {box.upper.tolist()} m',
            )
    return None


def _joint_limit(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    margin = limits.joints.margin(command.joint_positions)
    if margin >= limits.joint_margin_rad:
        return None
    return Fault(
        FaultCode.JOINT_LIMIT,
        f'a commanded joint is {margin:.3f} rad from its limit '
        f'(at least {limits.joint_margin_rad} rad)',
    )


def _too_fast(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    speeds = (
        (float(np.linalg.norm(command.twist[:3])), limits.max_speed_m_s, 'm/s'),
        (float(np.linalg.norm(command.twist[3:])), limits.max_rotation_speed_rad_s, 'rad/s'),
    )
    for speed, limit, unit in speeds:
        if not speed <= limit * SPEED_TOLERANCE:
            message = f'commanded flange at {speed:.3f} {unit} (limit {limit} {unit})'
            return Fault(FaultCode.TOO_FAST, message)
    down, up = limits.joints.speeds(command.joint_positions)
    allowed = np.where(command.joint_velocities < 0.0, down, up)
    over = np.abs(command.joint_velocities) - allowed * SPEED_TOLERANCE
    if over.max() <= 0.0:
        return None
    joint = int(over.argmax())
    return Fault(
        FaultCode.TOO_FAST,
        f'commanded joint {joint + 1} at {command.joint_velocities[joint]:.3f} rad/s '
        f'(limit {allowed[joint]:.3f} rad/s at {command.joint_positions[joint]:.3f} rad)',
    )


def _jump(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    """A command must lead on from the one before: arms answer a jump with a reflex."""
    acceleration = limits.joints.acceleration
    if acceleration is None:
        return None
    over = np.abs(command.jump) - (acceleration * command.period_s**2 + JUMP_TOLERANCE_RAD)
    if over.max() <= 0.0:
        return None
    joint = int(over.argmax())
    return Fault(
        FaultCode.TOO_FAST,
        f'commanded joint {joint + 1} would jump by {abs(command.jump[joint]):.4f} rad',
    )


def _not_following(command: CommandCheck, limits: SafetyLimits) -> Fault | None:
    offset, angle = distance(command.measured_pose, command.pose)
    if offset <= limits.max_tracking_error_m and angle <= limits.max_tracking_error_rad:
        return None
    return Fault(
        FaultCode.NOT_FOLLOWING,
        f'the arm is {offset * 1000:.0f} mm and {math.degrees(angle):.1f} deg away from its '
        f'command (limits {limits.max_tracking_error_m * 1000:.0f} mm, '
        f'{math.degrees(limits.max_tracking_error_rad):.1f} deg): '
        'is its controller active, did it hit something?',
    )
