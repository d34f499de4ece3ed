"""franka_robot_state_broadcaster: the pose of the end effector and the state with its mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_system_default

from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.message_classes import driver_interface
from jepa_wm_ros.ros.conversions import encode_pose

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

MODES = ('other', 'idle', 'move', 'guiding', 'reflex', 'user_stopped', 'recovery')
"""Names of libfranka's robot modes, by their numbers."""
STOPPED = ('other', 'guiding', 'reflex', 'user_stopped', 'recovery')
"""Modes in which the robot follows no commands."""


class FrankaStateFace:
    """Publishes `current_pose` (O_T_EE, best effort, depth 1) and `robot_state`."""

    def __init__(self, host: Host, name: str = 'franka_robot_state_broadcaster') -> None:
        """Create the publishers.

        Raises:
            MessageClassError: franka_msgs is not installed.
        """
        self._host = host
        self._type = driver_interface('franka_msgs/msg/FrankaRobotState')
        convenience = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        create = host.node.create_lifecycle_publisher
        self._poses = create(PoseStamped, f'{name}/current_pose', convenience)
        self._states = create(self._type, f'{name}/robot_state', qos_profile_system_default)

    def tick(self, stamp: Time, mode: str) -> None:
        """Publish pose and state in a mode."""
        pose = PoseStamped(
            pose=encode_pose(self._host.tool.of_flange(self._host.simulation.flange_pose))
        )
        pose.header.stamp, pose.header.frame_id = stamp, self._host.base_frame
        self._poses.publish(pose)
        state = self._type(robot_mode=MODES.index(mode), o_t_ee=pose)
        state.header = pose.header
        state.f_t_ee.pose = encode_pose(self._host.tool.in_flange)
        state.current_errors.joint_reflex = mode == 'reflex'
        state.control_command_success_rate = 1.0
        self._states.publish(state)
