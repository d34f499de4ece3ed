"""Poses and time stamps at the ROS border, where quaternions (xyzw) are at home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMessage

from jepa_wm_ros.robot.messages import NANOSECONDS, decode_pose, decode_stamp
from jepa_wm_ros.robot.poses import Pose, quaternion_xyzw

if TYPE_CHECKING:
    from rclpy.node import Node

__all__ = ['decode_pose', 'decode_stamp', 'encode_pose', 'encode_stamp', 'now_s']


def encode_pose(pose: Pose) -> PoseMessage:
    """Write a pose (base frame) into a message."""
    message = PoseMessage()
    x, y, z = (float(value) for value in pose.position)
    message.position.x, message.position.y, message.position.z = x, y, z
    x, y, z, w = (float(value) for value in quaternion_xyzw(pose))
    message.orientation.x, message.orientation.y = x, y
    message.orientation.z, message.orientation.w = z, w
    return message


def encode_stamp(seconds: float) -> Time:
    """Write a time [s] into a message, rounded to nanoseconds."""
    nanoseconds = round(seconds * NANOSECONDS)
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def now_s(node: Node) -> float:
    """The time of the node's clock [s]: the simulation's when `use_sim_time` is set."""
    return float(node.get_clock().now().nanoseconds / NANOSECONDS)
