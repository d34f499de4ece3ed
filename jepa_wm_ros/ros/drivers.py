"""What drivers of arms, cameras and grippers call their topics, and how they are started.

One row for each of them; `systems.py` makes processes of the rows that were chosen. Names of
topics are relative, so that a namespace goes for drivers and for our nodes alike. `{robot}` stands
for the type of the robot, fr3 or panda.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jepa_wm_ros.ros.bringup import ParameterValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDriver:
    """A driver of the arm, with the controller that takes our commands.

    Attributes:
        backend: Backend of the action publisher.
        topics: Its names for our topics of commands and states.
        parameter_files: Names in `config/` that the nodes read for it.
        parameters: Parameters of the action publisher that it needs.
        launch: Command that starts it (`{ip}`: address of the robot); empty: nothing to start.
        emulator: The controller that the driver emulator plays for it; empty: it has none.
    """

    backend: str
    topics: Mapping[str, str] = field(default_factory=dict)
    parameter_files: tuple[str, ...] = ()
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    launch: tuple[str, ...] = ()
    emulator: str = ''


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDriver:
    """A driver of the exterior camera.

    Attributes:
        image_topic: Its name for the pictures.
        launch: Command that starts it; empty: nothing to start.
        emulated: Whether there is an emulator of it.
    """

    image_topic: str
    launch: tuple[str, ...] = ()
    emulated: bool = True


_FRANKA_ROS2 = (
    'ros2', 'launch', 'franka_bringup', 'franka.launch.py',
    'robot_type:={robot}', 'robot_ip:={ip}', 'load_gripper:={hand}', 'joint_state_rate:=100',
)  # fmt: skip

ARMS: Mapping[str, ArmDriver] = {
    'franka_ros2': ArmDriver(
        backend='joint_trajectory',
        topics={
            'joint_states': 'joint_states',
            'joint_trajectory': '{robot}_arm_controller/joint_trajectory',
        },
        parameter_files=('drivers/franka_ros2.yaml',),
        launch=_FRANKA_ROS2,
        emulator='joint_trajectory',
    ),
    'franka_ros2_action': ArmDriver(
        backend='joint_trajectory_action',
        topics={'joint_states': 'joint_states'},
        parameter_files=('drivers/franka_ros2_action.yaml',),
        # actions cannot be remapped
        parameters={'command_topic': '{robot}_arm_controller/follow_joint_trajectory'},
        launch=_FRANKA_ROS2,
        emulator='joint_trajectory',
    ),
    'crisp': ArmDriver(
        backend='cartesian_pose',
        topics={'joint_states': 'joint_states', 'target_pose': 'target_pose'},
        parameter_files=('drivers/crisp.yaml',),
        emulator='crisp',
    ),
    'cartesian_compliance': ArmDriver(
        backend='cartesian_pose',
        topics={
            'joint_states': 'joint_states',
            'target_pose': 'cartesian_compliance_controller/target_frame',
        },
        parameter_files=('drivers/cartesian_compliance.yaml',),
        emulator='compliance',
    ),
    'servo': ArmDriver(
        backend='servo_twist',
        topics={
            'joint_states': 'joint_states',
            'delta_twist_cmds': 'servo_node/delta_twist_cmds',
        },
        parameter_files=('drivers/servo.yaml',),
        emulator='servo',
    ),
    'servo_humble': ArmDriver(
        backend='servo_twist',
        topics={
            'joint_states': 'joint_states',
            'delta_twist_cmds': 'servo_node/delta_twist_cmds',
        },
        parameter_files=('drivers/servo_humble.yaml',),
        emulator='servo_humble',
    ),
    'servo_pose': ArmDriver(
        backend='cartesian_pose',
        topics={
            'joint_states': 'joint_states',
            'target_pose': 'servo_node/pose_target_cmds',
        },
        parameter_files=('drivers/servo_pose.yaml',),
        emulator='servo',
    ),
    'none': ArmDriver(backend='dry_run', topics={'joint_states': 'joint_states'}),
}
"""Drivers of the arm by the value of the argument `driver`."""

CAMERAS: Mapping[str, CameraDriver] = {
    'zed': CameraDriver(
        image_topic='zed/zed_node/rgb/color/rect/image',
        launch=('ros2', 'launch', 'zed_wrapper', 'zed_camera.launch.py', 'camera_model:=zed2'),
    ),
    'realsense': CameraDriver(
        image_topic='camera/camera/color/image_raw',
        launch=('ros2', 'launch', 'realsense2_camera', 'rs_launch.py'),
    ),
    'topic': CameraDriver(image_topic='image', emulated=False),
}
"""Drivers of the camera by the value of the argument `camera`."""

_HAND = {'gripper': 'franka_hand', 'gripper_joint': '{robot}_finger_joint1'}
_ROBOTIQ = {
    'gripper': 'robotiq',
    'gripper_joint': 'robotiq_85_left_knuckle_joint',
    'gripper_command': 'robotiq',
}

GRIPPERS: Mapping[str, Mapping[str, ParameterValue]] = {
    'franka_hand': {**_HAND, 'gripper_driver': 'franka', 'gripper_topic': 'franka_gripper'},
    'franka_hand_command': {
        **_HAND,
        'gripper_driver': 'gripper_command',
        'gripper_topic': 'franka_gripper/gripper_action',
        # half of the width goes in, the whole width comes back
        'gripper_command': 'franka_hand',
        'gripper_effort': 20.0,
    },
    'robotiq': {
        **_ROBOTIQ,
        'gripper_driver': 'parallel_gripper',
        'gripper_topic': 'robotiq_gripper_controller/gripper_cmd',
    },
    'robotiq_humble': {
        **_ROBOTIQ,
        'gripper_driver': 'gripper_command',
        'gripper_topic': 'robotiq_gripper_controller/gripper_cmd',
    },
    'robotiq_trajectory': {
        **_ROBOTIQ,
        'gripper_driver': 'trajectory',
        'gripper_topic': 'robotiq_gripper_controller/joint_trajectory',
    },
    'robotiq_float64': {
        **_ROBOTIQ,
        'gripper_driver': 'float64',
        'gripper_topic': 'robotiq_gripper_controller/command',
    },
    'none': {'gripper_joint': '', 'gripper_driver': 'none'},
}
"""Parameters for each gripper."""

ROBOTS: Mapping[str, str] = {'fr3': 'fr3.yaml', 'panda': 'panda.yaml'}
"""Parameter file of each type of robot."""
