"""The parameters of the action publisher, and what they mean for executor and supervisor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jepa_wm_ros.nodes.driver_config import DriverConfig
from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, GRIPPER_JOINT, READY_POSTURE
from jepa_wm_ros.robot.gripper import PRESETS
from jepa_wm_ros.robot.limits import (
    FER,
    FR3,
    WORKSPACE_CELL,
    WORKSPACE_SUPERVISED,
    JointLimits,
    LimitError,
    MotionLimits,
    Workspace,
)
from jepa_wm_ros.robot.motion import ExecutionSettings
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.ros.params import parameter

JOINT_TABLES = {'fer': FER, 'fr3': FR3}
# The supervisor allows a little more than the executor plans for, so that only errors are faults.
SUPERVISOR_MARGIN = 1.2


def _corner(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPublisherConfig(DriverConfig):
    """Parameters of the node `action_publisher`."""

    base_frame: str = parameter(BASE_FRAME, 'frame of all poses: the base of the arm')
    urdf: str = parameter('', 'URDF file of the arm; empty: the one of the cell in this package')
    joint_names: tuple[str, ...] = parameter(
        ARM_JOINTS, 'the arm joints in joint_states, base to flange', length=7
    )
    joint_limits: str = parameter(
        'fer', 'table of joint limits: FER (Panda) or FR3', choices=tuple(JOINT_TABLES)
    )
    gripper_joint: str = parameter(
        GRIPPER_JOINT, 'joint in joint_states that tells the opening; empty: no gripper'
    )
    gripper: str = parameter('sim', 'unit and direction of the gripper', choices=tuple(PRESETS))
    calibration_file: str = parameter(
        '',
        'what `jepa-wm calibrate` found: turns plans into motions of this arm; empty: plans are '
        'executed as they are',
    )
    command_rate_hz: float = parameter(
        100.0, 'set-points per second', unit='Hz', minimum=10.0, maximum=1000.0
    )
    lookahead_s: float = parameter(
        0.03,
        'how far ahead of its time a set-point is sent: two to three command periods keep the '
        'motion smooth when messages come irregularly',
        unit='s',
        minimum=0.001,
        maximum=0.2,
    )
    execution: str = parameter(
        'blocking',
        'what a plan does to the one under way: blocking refuses it, streaming blends into it '
        'without a stop; the planner needs the same value',
        choices=('blocking', 'streaming'),
        dynamic=True,
    )
    home_joints: tuple[float, ...] = parameter(
        tuple(READY_POSTURE.tolist()),
        'joint positions to which the service home moves',
        unit='rad',
        length=7,
        dynamic=True,
    )
    hold_time_s: float = parameter(
        0.05, 'time that the controller gets to brake when it must hold', unit='s', minimum=0.0
    )
    workspace_lower: tuple[float, ...] = parameter(
        _corner(WORKSPACE_CELL.lower),
        'lower corner of the box (base frame) into which way-points of the flange are moved',
        unit='m',
        length=3,
        dynamic=True,
    )
    workspace_upper: tuple[float, ...] = parameter(
        _corner(WORKSPACE_CELL.upper), 'its upper corner', unit='m', length=3, dynamic=True
    )
    supervised_lower: tuple[float, ...] = parameter(
        _corner(WORKSPACE_SUPERVISED.lower),
        'lower corner of the box (base frame) outside of which a commanded flange is a fault',
        unit='m',
        length=3,
        dynamic=True,
    )
    supervised_upper: tuple[float, ...] = parameter(
        _corner(WORKSPACE_SUPERVISED.upper), 'its upper corner', unit='m', length=3, dynamic=True
    )
    max_speed_m_s: float = parameter(
        0.5,
        'flange speed; faster motions are stretched',
        unit='m/s',
        minimum=0.01,
        dynamic=True,
    )
    max_acceleration_m_s2: float = parameter(
        4.0, 'the same for acceleration', unit='m/s^2', minimum=0.01, dynamic=True
    )
    max_rotation_speed_rad_s: float = parameter(
        1.0, 'the same for rotation', unit='rad/s', minimum=0.01, dynamic=True
    )
    max_rotation_acceleration_rad_s2: float = parameter(
        8.0, 'the same for rotation', unit='rad/s^2', minimum=0.01, dynamic=True
    )
    max_step_m: float = parameter(
        0.1, 'most translation of one action along each axis', unit='m', minimum=0.0, dynamic=True
    )
    max_step_rad: float = parameter(
        0.5, 'most rotation of one action about each axis', unit='rad', minimum=0.0, dynamic=True
    )
    joint_margin_rad: float = parameter(
        0.02, 'distance that joints keep from their limits', unit='rad', minimum=0.0, dynamic=True
    )
    require_ready: bool = parameter(
        False,
        'whether the topic robot_ready (std_msgs/Bool: true while the arm may move) must say so: '
        "the robot's mode, or a dead man's switch",
        dynamic=True,
    )
    max_ready_age_s: float = parameter(
        0.5, 'how long one robot_ready counts', unit='s', minimum=0.0, dynamic=True
    )
    max_joint_age_s: float = parameter(
        0.1, 'joint states older than this are a fault', unit='s', minimum=0.0, dynamic=True
    )
    max_image_age_s: float = parameter(
        0.25,
        'pictures older than this are a fault during a motion',
        unit='s',
        minimum=0.0,
        dynamic=True,
    )
    image_hold_age_s: float = parameter(
        0.12,
        'pictures older than this make a motion pause: less than two camera periods',
        unit='s',
        minimum=0.0,
        dynamic=True,
    )
    max_plan_age_s: float = parameter(
        2.0, "most age of a plan's observation", unit='s', minimum=0.0, dynamic=True
    )
    max_drift_m: float = parameter(
        0.01,
        "most motion since a plan's observation",
        unit='m',
        minimum=0.0,
        dynamic=True,
    )
    max_drift_rad: float = parameter(
        math.radians(3.0), 'the same for rotation', unit='rad', minimum=0.0, dynamic=True
    )
    stop_on_surprise: bool = parameter(
        False,
        'refuse to go on after a step that did what the world model had not expected at all',
        dynamic=True,
    )
    max_tracking_error_m: float = parameter(
        0.1, 'most distance between command and arm', unit='m', minimum=0.0, dynamic=True
    )
    max_tracking_error_rad: float = parameter(
        0.5, 'the same for rotation', unit='rad', minimum=0.0, dynamic=True
    )
    settle_position_m: float = parameter(
        0.01, 'the flange has arrived when it is this near', unit='m', minimum=0.0, dynamic=True
    )
    settle_rotation_rad: float = parameter(
        0.05, 'the same for rotation', unit='rad', minimum=0.0, dynamic=True
    )
    settle_speed_rad_s: float = parameter(
        0.02, '... and no joint is faster than this', unit='rad/s', minimum=0.0, dynamic=True
    )
    settle_time_s: float = parameter(
        0.04, '... for this long', unit='s', minimum=0.0, dynamic=True
    )
    settle_timeout_s: float = parameter(
        1.5, 'after this long it is reported as not settled', unit='s', minimum=0.0, dynamic=True
    )

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            LimitError: A box is upside down, or way-points may lie outside of the supervised box.
        """
        inner, outer = self.workspace, self.supervised
        if not (outer.contains(inner.lower) and outer.contains(inner.upper)):
            raise LimitError(
                f'workspace_lower/upper {_corner(inner.lower)} .. {_corner(inner.upper)} must lie '
                f'inside supervised_lower/upper {_corner(outer.lower)} .. {_corner(outer.upper)}'
            )

    @property
    def period_s(self) -> float:
        """Time between two set-points [s]."""
        return 1.0 / self.command_rate_hz

    @property
    def description(self) -> Path | None:
        """The URDF file; None for the package's own."""
        return Path(self.urdf).expanduser() if self.urdf else None

    @property
    def workspace(self) -> Workspace:
        """The box for way-points."""
        return Workspace(
            lower=np.array(self.workspace_lower), upper=np.array(self.workspace_upper)
        )

    @property
    def supervised(self) -> Workspace:
        """The box outside of which a command is a fault."""
        return Workspace(
            lower=np.array(self.supervised_lower), upper=np.array(self.supervised_upper)
        )

    @property
    def joints(self) -> JointLimits:
        """The table of joint limits."""
        return JOINT_TABLES[self.joint_limits]

    def execution_settings(self, *, moves: bool = True) -> ExecutionSettings:
        """Return the executor's settings; an arm that does not move is not waited for."""
        return ExecutionSettings(
            period_s=self.period_s,
            lookahead_s=self.lookahead_s,
            workspace=self.workspace,
            motion=MotionLimits(
                max_speed_m_s=self.max_speed_m_s,
                max_acceleration_m_s2=self.max_acceleration_m_s2,
                max_rotation_speed_rad_s=self.max_rotation_speed_rad_s,
                max_rotation_acceleration_rad_s2=self.max_rotation_acceleration_rad_s2,
            ),
            streaming=self.execution == 'streaming',
            home=self.home_joints,
            settle_position_m=self.settle_position_m,
            settle_rotation_rad=self.settle_rotation_rad,
            settle_speed_rad_s=self.settle_speed_rad_s,
            settle_time_s=self.settle_time_s,
            settle_timeout_s=self.settle_timeout_s if moves else 0.0,
        )

    def safety_limits(self, *, moves: bool = True) -> SafetyLimits:
        """Return the supervisor's limits; an arm that does not move need not follow."""
        return SafetyLimits(
            workspace=self.supervised,
            joints=self.joints,
            joint_margin_rad=self.joint_margin_rad,
            max_speed_m_s=SUPERVISOR_MARGIN * self.max_speed_m_s,
            max_rotation_speed_rad_s=SUPERVISOR_MARGIN * self.max_rotation_speed_rad_s,
            max_step_m=self.max_step_m,
            max_step_rad=self.max_step_rad,
            max_joint_age_s=self.max_joint_age_s,
            max_image_age_s=self.max_image_age_s,
            image_hold_age_s=self.image_hold_age_s,
            max_ready_age_s=self.max_ready_age_s if self.require_ready else math.inf,
            max_plan_age_s=self.max_plan_age_s,
            max_drift_m=self.max_drift_m,
            max_drift_rad=self.max_drift_rad,
            stop_on_surprise=self.stop_on_surprise,
            max_tracking_error_m=self.max_tracking_error_m if moves else math.inf,
            max_tracking_error_rad=self.max_tracking_error_rad if moves else math.inf,
        )
