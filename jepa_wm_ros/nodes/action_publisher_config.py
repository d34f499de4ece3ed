"""The parameters of the action publisher, and what they mean for the executor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from jepa_wm_ros.nodes.safety_config import SafetyConfig
from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    BASE_FRAME,
    GRIPPER_JOINT,
    READY_POSTURE,
    description_file,
)
from jepa_wm_ros.robot.gripper import PRESETS
from jepa_wm_ros.robot.motion import HOLD_TOLERANCE_RAD, ExecutionSettings
from jepa_wm_ros.ros.params import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPublisherConfig(SafetyConfig):
    """Parameters of the node `action_publisher`."""

    base_frame: str = parameter(BASE_FRAME, 'frame of all poses: the base of the arm')
    urdf: str = parameter(
        '',
        'URDF file of the arm, or the name of one in urdf/ of this package; empty: the cell of it',
    )
    joint_names: tuple[str, ...] = parameter(
        ARM_JOINTS, 'the arm joints in joint_states, base to flange', length=7
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
    keep_cores_awake: bool = parameter(
        True,
        'while the arm is armed, no core of this computer may sleep: shorter delays for more '
        'power; needs leave to write /dev/cpu_dma_latency',
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
    gripper_hold_s: float = parameter(
        0.5,
        'least time between a change of the gripper and one back: it does not chatter',
        unit='s',
        minimum=0.0,
        dynamic=True,
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

    @property
    def period_s(self) -> float:
        """Time between two set-points [s]."""
        return 1.0 / self.command_rate_hz

    @property
    def description(self) -> Path | None:
        """The URDF file; None for the package's own."""
        return description_file(self.urdf)

    def execution_settings(self, *, moves: bool = True) -> ExecutionSettings:
        """Return the executor's settings; an arm that does not move is not waited for."""
        return ExecutionSettings(
            period_s=self.period_s,
            lookahead_s=self.lookahead_s,
            workspace=self.workspace,
            motion=self.motion_limits,
            stop_time_s=self.stop_time_s,
            gripper_hold_s=self.gripper_hold_s,
            streaming=self.execution == 'streaming',
            home=self.home_joints,
            settle_position_m=self.settle_position_m,
            settle_rotation_rad=self.settle_rotation_rad,
            settle_speed_rad_s=self.settle_speed_rad_s,
            settle_time_s=self.settle_time_s,
            settle_timeout_s=self.settle_timeout_s if moves else 0.0,
            least_moved=0.1 if moves else 0.0,
            hold_tolerance_rad=HOLD_TOLERANCE_RAD if moves else math.inf,
        )
