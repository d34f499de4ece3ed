"""The parameters of the action publisher that say which drivers listen to it."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.nodes.backends import BACKENDS
from jepa_wm_ros.nodes.backends.backend import ServoSettings
from jepa_wm_ros.nodes.grippers import GRIPPERS
from jepa_wm_ros.nodes.state_sources import MODE_SOURCES
from jepa_wm_ros.robot.gripper import PRESETS, GripperCodec
from jepa_wm_ros.robot.tool import Tool
from jepa_wm_ros.ros.params import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverConfig:
    """Which drivers take the commands, and in which units."""

    backend: str = parameter(
        'joint_trajectory',
        'how commands reach the arm; dry_run only shows them',
        choices=tuple(BACKENDS),
    )
    command_topic: str = parameter(
        '',
        "name of the command topic, or of the action; empty: the backend's own name, see "
        'docs/drivers.md',
    )
    brake_time_s: float = parameter(
        0.15,
        'time in which a joint trajectory controller brakes when no further set-point comes',
        unit='s',
        minimum=0.01,
        maximum=2.0,
    )
    tool_position: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        'the end effector that the driver means by a pose or a twist, in the flange: position',
        unit='m',
        length=3,
    )
    tool_rotation: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), 'its roll, pitch and yaw in the flange', unit='rad', length=3
    )
    servo: str = parameter(
        'none',
        'whether MoveIt Servo takes the commands: switch has the service switch_command_type '
        '(Iron and later), start has start_servo (Humble)',
        choices=('none', 'switch', 'start'),
    )
    servo_gain: float = parameter(
        4.0, 'part of the pose error that a twist closes', unit='1/s', minimum=0.0, maximum=20.0
    )
    servo_linear_scale: float = parameter(
        1.0,
        'speed that Servo understands by 1: its scale.linear when it takes unitless commands, 1 '
        'when it takes speed_units',
        unit='m/s',
        minimum=0.001,
    )
    servo_rotational_scale: float = parameter(
        1.0, 'the same for rotation: scale.rotational', unit='rad/s', minimum=0.001
    )
    gripper_driver: str = parameter(
        'float64', 'what takes the commands of the gripper', choices=tuple(GRIPPERS)
    )
    gripper_topic: str = parameter(
        '',
        "name of its topic or action (franka: of its node); empty: the driver's own name, see "
        'docs/drivers.md',
    )
    gripper_command: str = parameter(
        'closedness',
        'unit and direction of the commands, where the driver leaves that open (franka takes '
        'metres of width)',
        choices=tuple(PRESETS),
    )
    gripper_effort: float = parameter(
        5.0, 'most effort of a gripper command [N or Nm]', minimum=0.0
    )
    gripper_speed_m_s: float = parameter(
        0.05, 'speed of the Franka Hand', unit='m/s', minimum=0.001, maximum=0.2
    )
    gripper_force_n: float = parameter(
        20.0, 'force with which the Franka Hand grasps', unit='N', minimum=0.0, maximum=140.0
    )
    robot_mode: str = parameter(
        'none',
        'who says whether the robot may be moved: franka reads robot_mode and errors of '
        'franka_robot_state_broadcaster',
        choices=tuple(MODE_SOURCES),
    )
    robot_state_topic: str = parameter(
        'franka_robot_state_broadcaster/robot_state', 'where it says so'
    )
    driver_pose_topic: str = parameter(
        '',
        "the driver's own pose of its end effector (PoseStamped); when it is set, the arm can be "
        'armed only while it agrees with the joints and with tool_position, tool_rotation',
    )
    driver_pose_tolerance_m: float = parameter(
        0.01, 'how far it may be from where the joints say it is', unit='m', minimum=0.0
    )
    driver_pose_tolerance_rad: float = parameter(
        0.05, 'how far it may be turned against what the joints say', unit='rad', minimum=0.0
    )

    @property
    def tool(self) -> Tool:
        """The driver's end effector."""
        return Tool.at(self.tool_position, self.tool_rotation)

    @property
    def gripper_codec(self) -> GripperCodec:
        """Unit and direction of gripper commands."""
        return GripperCodec.preset(self.gripper_command)

    def servo_settings(self, speed_m_s: float, rotation_speed_rad_s: float) -> ServoSettings:
        """Return how Servo is spoken to, with the highest speeds of its commands."""
        return ServoSettings(
            release=self.servo,
            gain=self.servo_gain,
            linear_scale=self.servo_linear_scale,
            rotational_scale=self.servo_rotational_scale,
            max_speed_m_s=speed_m_s,
            max_rotation_speed_rad_s=rotation_speed_rad_s,
        )
