"""What goes into and comes out of the execution of a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.limits import WORKSPACE_CELL, MotionLimits, Workspace
from jepa_wm_ros.robot.poses import Pose

ACTION_SIZE = 7
# Farther than this a resting arm is not where it was commanded: others have moved it [rad].
HOLD_TOLERANCE_RAD = 0.05


class ExecutionError(JepaWmError):
    """A plan or a setting of the execution makes no sense."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks.

    Attributes:
        ros_s: The clock of stamps and motions [s]; simulated time may stand still or jump.
        steady_s: A clock that always runs [s], for watchdogs.
    """

    ros_s: float
    steady_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionPlan:
    """The part of a plan that is to be executed.

    Attributes:
        actions: `(H, 7)` dx, dy, dz [m], droll, dpitch, dyaw [rad], dgripper (closedness).
        step_duration_s: Time for one action [s].
        observation_stamp_s: When the plan's picture was taken [s], ROS clock.
        observation_pose: Flange at that time, in the base frame.
        step: Number of the plan within its goal.
        surprised: Whether the last step did what the world model had not expected at all.
    """

    actions: NDArray[np.float64]
    step_duration_s: float
    observation_stamp_s: float
    observation_pose: Pose
    step: int = 0
    surprised: bool = False

    def __post_init__(self) -> None:
        """Check shapes and durations; numbers that are not finite are the supervisor's affair.

        Raises:
            ExecutionError: There is nothing to execute.
        """
        shape = np.shape(self.actions)
        if len(shape) != 2 or shape[0] < 1 or shape[1] != ACTION_SIZE:
            raise ExecutionError(
                f'a plan needs actions of shape (H >= 1, {ACTION_SIZE}), got {shape}'
            )
        if not self.step_duration_s > 0.0 or math.isinf(self.step_duration_s):
            raise ExecutionError(
                f'the step_duration_s of a plan must be above 0, got {self.step_duration_s}'
            )

    @classmethod
    def still(cls, pose: Pose, now_s: float) -> MotionPlan:
        """Return a plan to stay at a pose that was measured at a moment [s, ROS clock]."""
        return cls(
            actions=np.zeros((1, ACTION_SIZE)),
            step_duration_s=1.0,
            observation_stamp_s=now_s,
            observation_pose=pose,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArmCommand:
    """One set-point for the arm.

    Attributes:
        pose: Flange in the base frame.
        joint_positions: `(7,)` the same as joint positions [rad].
        joint_velocities: `(7,)` joint speeds at the set-point [rad/s].
        twist: `(6,)` the same as the twist of the flange [m/s, rad/s], base axes.
        gripper: Closedness 0..1; None leaves the gripper as it is.
        brake: Whether this is a set-point on the way to a standstill that ends a motion early.
        hold: Whether the arm shall stay here: the last command of a motion that ended early.
    """

    pose: Pose
    joint_positions: NDArray[np.float64]
    joint_velocities: NDArray[np.float64]
    twist: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))
    gripper: float | None = None
    brake: bool = False
    hold: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RoutePoint:
    """Where the joints are at one time of a motion.

    Attributes:
        time_s: After the beginning [s].
        positions: `(7,)` [rad].
        velocities: `(7,)` [rad/s].
    """

    time_s: float
    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExecutedAction:
    """What became of one action.

    Attributes:
        step: Number of the action within the executed plan.
        planned: `(7,)` as it was planned [m, rad, closedness].
        commanded: `(7,)` after all limits.
        measured: `(7,)` what the arm did.
        start: Measured flange before, in the base frame.
        end: Measured flange afterwards.
    """

    step: int
    planned: NDArray[np.float64]
    commanded: NDArray[np.float64]
    measured: NDArray[np.float64]
    start: Pose
    end: Pose


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionResult:
    """How a motion ended.

    Attributes:
        code: How it ended, or why it never began.
        message: The same for people.
        executed: The actions that were completed.
        final_pose: Measured flange at the end, in the base frame; None when it is not known.
        completed_s: When it ended [s], ROS clock.
        clamped: Whether a limit changed the plan.
    """

    code: ResultCode
    message: str = ''
    executed: tuple[ExecutedAction, ...] = ()
    final_pose: Pose | None = None
    completed_s: float = 0.0
    clamped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """How plans are executed.

    Attributes:
        period_s: Time between two commands [s].
        lookahead_s: How far ahead of its time a set-point is sent [s]: the controller gets a
            point to go to and the time to get there, and a late message does not stop the arm.
        workspace: Way-points are moved into this box (base frame); it lies inside the
            supervisor's box, so that a way-point is clipped and not a fault.
        motion: Speeds and accelerations above which a motion is stretched in time.
        streaming: Whether a new plan replaces the one under way, without a stop; otherwise it is
            refused (blocking).
        settle_position_m: The flange has arrived when it is this near to its target [m].
        settle_rotation_rad: The same for rotation [rad].
        settle_speed_rad_s: ... and no joint is faster than this [rad/s].
        settle_time_s: ... for this long [s].
        settle_timeout_s: After this long it is reported as not settled [s].
        hold_tolerance_rad: A resting arm is told to hold its last command, and a motion begins
            there, only when the joints are this near to it [rad]; an arm that others have moved
            is not pulled back.
        posture_speed_rad_s: How fast the elbow returns to its posture during a motion [rad/s].
        gripper_step: Changes of the gripper command below this are not sent (closedness).
        gripper_hold_s: Least time between a change of the gripper and one back [s].
        follows: Whether the arm follows its commands; in a dry run it does not, and nobody
            looks whether it has moved.
        stop_time_s: Within this time the arm can be stopped [s]; joints move no faster than
            their highest accelerations allow for that.
        home: `(7,)` joint positions to which `home` moves [rad].
    """

    period_s: float = 0.01
    lookahead_s: float = 0.03
    workspace: Workspace = WORKSPACE_CELL
    motion: MotionLimits = MotionLimits()  # noqa: RUF009 (frozen)
    streaming: bool = False
    settle_position_m: float = 0.01
    settle_rotation_rad: float = 0.05
    settle_speed_rad_s: float = 0.02
    settle_time_s: float = 0.04
    settle_timeout_s: float = 1.5
    hold_tolerance_rad: float = HOLD_TOLERANCE_RAD
    posture_speed_rad_s: float = 0.15
    gripper_step: float = 0.01
    gripper_hold_s: float = 0.5
    follows: bool = True
    stop_time_s: float = 0.14
    home: tuple[float, ...] = tuple(READY_POSTURE.tolist())

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ExecutionError: A number is negative or NaN, or the period is not above 0.
        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, float) and not value >= 0.0:
                raise ExecutionError(f'{entry.name} must be 0 or more, got {value}')
        if not self.period_s > 0.0:
            raise ExecutionError(f'period_s must be above 0, got {self.period_s}')
