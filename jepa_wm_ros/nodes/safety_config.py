"""The parameters of the safety supervisor, and what they mean for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jepa_wm_ros.nodes.driver_config import DriverConfig
from jepa_wm_ros.robot.cone import OrientationCone
from jepa_wm_ros.robot.limits import (
    FER,
    FER_FLANGE,
    FR3,
    FR3_FLANGE,
    FR3_FULL,
    WORKSPACE_CELL,
    WORKSPACE_SUPERVISED,
    FlangeLimits,
    JointLimits,
    LimitError,
    MotionLimits,
    Workspace,
)
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.ros.params import parameter

JOINT_TABLES = {'fer': FER, 'fr3': FR3, 'fr3_full': FR3_FULL}
FLANGE_TABLES = {'fer': FER_FLANGE, 'fr3': FR3_FLANGE, 'fr3_full': FR3_FLANGE}
# The supervisor allows a little more than the executor plans for, so that only errors are faults.
SUPERVISOR_MARGIN = 1.2
_BOX = 6


def _corner(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _period_s(rate_hz: float) -> float:
    """Return the time between two messages [s]; 0 where the rate is not known."""
    return 1.0 / rate_hz if rate_hz else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyConfig(DriverConfig):
    """Parameters of what the arm may do."""

    joint_limits: str = parameter(
        'fer',
        'table of joint limits: FER (Panda), FR3 (positions in which its speeds are always '
        'allowed), or FR3 with all positions and speeds that shrink near their ends',
        choices=tuple(JOINT_TABLES),
    )
    joint_margin_rad: float = parameter(
        0.02, 'distance that joints keep from their limits', unit='rad', minimum=0.0, dynamic=True
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
    cone_axis: tuple[float, ...] = parameter(
        (0.0, 0.0, -1.0),
        'middle of the directions (base frame) in which the z axis of the flange, along which '
        'the gripper points, may look',
        length=3,
        dynamic=True,
    )
    cone_angle_rad: float = parameter(
        0.8,
        'how far it may tilt from there: way-points are turned back into this cone; 0 lets the '
        'gripper only turn about the axis, pi allows everything',
        unit='rad',
        minimum=0.0,
        maximum=math.pi,
        dynamic=True,
    )
    keep_out: tuple[float, ...] = parameter(
        (),
        'boxes that the flange must not enter, six numbers each (base frame): lower x y z, upper '
        'x y z; grow them by the size of the tool',
        unit='m',
        dynamic=True,
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
    speed_override: float = parameter(
        1.0,
        'part of the planned speed at which motions run, also the one under way; 0 stands still. '
        'The topic speed_override changes it, too',
        minimum=0.0,
        maximum=1.0,
        dynamic=True,
    )
    stop_time_s: float = parameter(
        0.14,
        'the arm can be stopped within this time: joints move no faster than their highest '
        'accelerations allow for that',
        unit='s',
        minimum=0.02,
        maximum=1.0,
        dynamic=True,
    )
    max_step_m: float = parameter(
        0.1, 'most translation of one action along each axis', unit='m', minimum=0.0, dynamic=True
    )
    max_step_length_m: float = parameter(
        0.15, 'most translation of one action, its length', unit='m', minimum=0.0, dynamic=True
    )
    max_step_rad: float = parameter(
        0.5, 'most rotation of one action about each axis', unit='rad', minimum=0.0, dynamic=True
    )
    require_ready: bool = parameter(
        False,
        'whether the topic robot_ready (std_msgs/Bool: true while the arm may move), or the state '
        'of a Franka, must say so again and again',
        dynamic=True,
    )
    max_ready_age_s: float = parameter(
        0.5, 'how long one robot_ready counts', unit='s', minimum=0.0, dynamic=True
    )
    require_deadman: bool = parameter(
        False,
        "whether somebody must press a dead man's switch: the topic deadman (std_msgs/Bool, true "
        'while it is pressed), or a button of joy',
        dynamic=True,
    )
    deadman_button: int = parameter(
        -1,
        'the button of the topic joy (sensor_msgs/Joy) that is the switch; -1: none',
        minimum=-1,
    )
    max_deadman_age_s: float = parameter(
        0.5, 'how long one message of the switch counts', unit='s', minimum=0.0, dynamic=True
    )
    confirm_steps: bool = parameter(
        False,
        'whether each plan waits until somebody calls the service confirm before the arm moves',
        dynamic=True,
    )
    max_joint_age_s: float = parameter(
        0.1, 'joint states older than this are a fault', unit='s', minimum=0.0, dynamic=True
    )
    max_gripper_age_s: float = parameter(
        1.0,
        "readings of the gripper older than this are a fault, when there ever was one: a plan's "
        'changes of the gripper count from where it is',
        unit='s',
        minimum=0.0,
        dynamic=True,
    )
    max_image_age_s: float = parameter(
        0.25,
        'pictures older than this are a fault during a motion',
        unit='s',
        minimum=0.0,
        dynamic=True,
    )
    missed_periods: float = parameter(
        2.0,
        'a motion pauses when pictures or joint states are silent for longer than so many of '
        'their periods; it goes on when they come again. 2.5 bears a camera that now and then '
        'loses one picture',
        minimum=0.0,
        dynamic=True,
    )
    hold_floor_s: float = parameter(
        0.03,
        'but it does not pause before this time: messages of a fast driver, or on a busy machine, '
        'come in bursts',
        unit='s',
        minimum=0.0,
        dynamic=True,
    )
    camera_rate_hz: float = parameter(
        0.0,
        'pictures per second that the camera sends; 0: measured',
        unit='Hz',
        minimum=0.0,
        dynamic=True,
    )
    joint_rate_hz: float = parameter(
        0.0, 'the same for joint states', unit='Hz', minimum=0.0, dynamic=True
    )
    max_skew_s: float = parameter(
        0.1,
        'a picture further in time than this from its joint state counts as none',
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

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            LimitError: A box is upside down, way-points may lie outside of the supervised box, or
                the flange may be faster than the robot allows.
        """
        inner, outer = self.workspace, self.supervised
        if not (outer.contains(inner.lower) and outer.contains(inner.upper)):
            raise LimitError(
                f'workspace_lower/upper {_corner(inner.lower)} .. {_corner(inner.upper)} must lie '
                f'inside supervised_lower/upper {_corner(outer.lower)} .. {_corner(outer.upper)}'
            )
        self._check_keep_out()
        self._check_flange(FLANGE_TABLES[self.joint_limits])

    @property
    def cone(self) -> OrientationCone:
        """The orientations of the flange."""
        return OrientationCone(axis=np.array(self.cone_axis), angle_rad=self.cone_angle_rad)

    @property
    def workspace(self) -> Workspace:
        """The box and the cone for way-points."""
        return Workspace(
            lower=np.array(self.workspace_lower),
            upper=np.array(self.workspace_upper),
            cone=self.cone,
        )

    @property
    def supervised(self) -> Workspace:
        """The box and the cone outside of which a command is a fault."""
        return Workspace(
            lower=np.array(self.supervised_lower),
            upper=np.array(self.supervised_upper),
            cone=self.cone,
        )

    @property
    def keep_out_boxes(self) -> tuple[Workspace, ...]:
        """The boxes that the flange must not enter."""
        corners = np.reshape(self.keep_out, (-1, 2, 3))
        return tuple(Workspace(lower=lower, upper=upper) for lower, upper in corners)

    @property
    def joints(self) -> JointLimits:
        """The table of joint limits."""
        return JOINT_TABLES[self.joint_limits]

    @property
    def motion_limits(self) -> MotionLimits:
        """The ceilings of the flange."""
        return MotionLimits(
            max_speed_m_s=self.max_speed_m_s,
            max_acceleration_m_s2=self.max_acceleration_m_s2,
            max_rotation_speed_rad_s=self.max_rotation_speed_rad_s,
            max_rotation_acceleration_rad_s2=self.max_rotation_acceleration_rad_s2,
        )

    def safety_limits(self, *, moves: bool = True) -> SafetyLimits:
        """Return the supervisor's limits; an arm that does not move need not follow."""
        return SafetyLimits(
            workspace=self.supervised,
            keep_out=self.keep_out_boxes,
            joints=self.joints,
            joint_margin_rad=self.joint_margin_rad,
            max_speed_m_s=SUPERVISOR_MARGIN * self.max_speed_m_s,
            max_rotation_speed_rad_s=SUPERVISOR_MARGIN * self.max_rotation_speed_rad_s,
            max_step_m=self.max_step_m,
            max_step_length_m=self.max_step_length_m,
            max_step_rad=self.max_step_rad,
            max_joint_age_s=self.max_joint_age_s,
            max_gripper_age_s=self.max_gripper_age_s,
            max_image_age_s=self.max_image_age_s,
            missed_periods=self.missed_periods,
            hold_floor_s=self.hold_floor_s,
            image_period_s=_period_s(self.camera_rate_hz),
            joint_period_s=_period_s(self.joint_rate_hz),
            max_skew_s=self.max_skew_s,
            max_ready_age_s=self.max_ready_age_s if self.require_ready else math.inf,
            max_deadman_age_s=self.max_deadman_age_s if self.require_deadman else math.inf,
            max_plan_age_s=self.max_plan_age_s,
            max_drift_m=self.max_drift_m,
            max_drift_rad=self.max_drift_rad,
            stop_on_surprise=self.stop_on_surprise,
            max_tracking_error_m=self.max_tracking_error_m if moves else math.inf,
            max_tracking_error_rad=self.max_tracking_error_rad if moves else math.inf,
        )

    def _check_keep_out(self) -> None:
        """Raise LimitError unless the numbers are boxes."""
        if len(self.keep_out) % _BOX:
            raise LimitError(
                f'keep_out takes six numbers for each box, got {len(self.keep_out)} numbers'
            )
        for number, box in enumerate(self.keep_out_boxes, start=1):
            if not (np.isfinite(box.lower).all() and np.isfinite(box.upper).all()):
                raise LimitError(f'keep_out: box {number} must be finite, got {self.keep_out}')

    def _check_flange(self, table: FlangeLimits) -> None:
        """Raise LimitError when the flange may do more than the robot allows."""
        pairs = {
            'max_speed_m_s': table.speed_m_s,
            'max_acceleration_m_s2': table.acceleration_m_s2,
            'max_rotation_speed_rad_s': table.rotation_speed_rad_s,
            'max_rotation_acceleration_rad_s2': table.rotation_acceleration_rad_s2,
        }
        for name, limit in pairs.items():
            if not getattr(self, name) <= limit:
                raise LimitError(
                    f'{name} is {getattr(self, name)}, but the robot ({self.joint_limits}) allows '
                    f'{limit}'
                )
