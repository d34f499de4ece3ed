"""The numbers that the safety supervisor enforces."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from jepa_wm_ros.robot.limits import (
    FER,
    WORKSPACE_SUPERVISED,
    JointLimits,
    LimitError,
    Workspace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLimits:
    """What the supervisor enforces. Zero is a valid limit.

    Attributes:
        workspace: Box and cone for the commanded flange, in the base frame.
        keep_out: Boxes that the commanded flange must not enter, in the base frame.
        joints: Joint limits.
        joint_margin_rad: How far commanded joints stay away from their limits [rad].
        max_speed_m_s: Commanded flange speed [m/s].
        max_rotation_speed_rad_s: Commanded flange rotation speed [rad/s].
        max_step_m: Translation of one action, along each axis [m]; more is clamped.
        max_step_rad: Rotation of one action, about each axis [rad]; more is clamped.
        max_step_length_m: Length of the translation of one action [m]; more is shortened.
        max_joint_age_s: Joint states older than this are a fault [s].
        max_gripper_age_s: A gripper that has spoken must have done so within this time [s].
        max_image_age_s: Pictures older than this are a fault during a motion [s].
        missed_periods: A motion pauses when pictures or joint states are silent for longer than
            so many of their periods.
        hold_floor_s: ... but not before this time [s]: messages of a fast driver, or on a busy
            machine, come in bursts.
        image_period_s: Time between two pictures [s]; 0 is not known and measured.
        joint_period_s: The same for joint states.
        max_skew_s: A picture further than this from its joint state counts as none [s].
        max_ready_age_s: The robot must have said that it may move within this time [s]; infinity
            does not ask for it.
        max_deadman_age_s: The dead man's switch must have been pressed within this time [s];
            infinity does not ask for one.
        max_plan_age_s: Age of a plan's observation when its execution begins [s].
        max_drift_m: How far the arm may have moved since the plan's observation [m].
        max_drift_rad: The same for rotation [rad].
        stop_on_surprise: Whether a plan is refused after a step that the world model did not
            expect at all.
        max_tracking_error_m: Commanded to measured flange position during a motion [m].
        max_tracking_error_rad: The same for rotation [rad].
    """

    workspace: Workspace = WORKSPACE_SUPERVISED
    keep_out: tuple[Workspace, ...] = ()
    joints: JointLimits = FER
    joint_margin_rad: float = 0.02
    max_speed_m_s: float = 0.6
    max_rotation_speed_rad_s: float = 1.2
    max_step_m: float = 0.1
    max_step_rad: float = 0.5
    max_step_length_m: float = 0.15
    max_joint_age_s: float = 0.1
    max_gripper_age_s: float = 1.0
    max_image_age_s: float = 0.25
    missed_periods: float = 2.0
    hold_floor_s: float = 0.03
    image_period_s: float = 0.0
    joint_period_s: float = 0.0
    max_skew_s: float = 0.1
    max_ready_age_s: float = math.inf
    max_deadman_age_s: float = math.inf
    max_plan_age_s: float = 2.0
    max_drift_m: float = 0.01
    max_drift_rad: float = math.radians(3.0)
    stop_on_surprise: bool = False
    max_tracking_error_m: float = 0.1
    max_tracking_error_rad: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LimitError: A limit is negative or NaN.
        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, float | int) and not value >= 0.0:
                raise LimitError(f'{entry.name} must be 0 or more, got {value}')
