"""Poses and time stamps at the ROS border; quaternions (xyzw) exist only here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMessage

from jepa_wm_ros.robot.poses import Pose, from_quaternion_xyzw, quaternion_xyzw

if TYPE_CHECKING:
    from rclpy.node import Node

_NANOSECONDS = 1_000_000_000


def encode_pose(pose: Pose) -> PoseMessage:
    """Write a pose (base frame) into a message."""
    message = PoseMessage()
    x, y, z = (float(value) for value in pose.position)
    message.position.x, message.position.y, message.position.z = x, y, z
    x, y, z, w = (float(value) for value in quaternion_xyzw(pose))
    message.orientation.x, message.orientation.y = x, y
    message.orientation.z, message.orientation.w = z, w
    return message


def decode_pose(message: PoseMessage) -> Pose:
    """Read a pose message.

    Raises:
        PoseError: The quaternion is not a unit quaternion.
    """
    position, rotation = message.position, message.orientation
    return from_quaternion_xyzw(
        (position.x, position.y, position.z), (rotation.x, rotation.y, rotation.z, rotation.w)
    )


def encode_stamp(seconds: float) -> Time:
    """Write a time [s] into a message, rounded to nanoseconds."""
    nanoseconds = round(seconds * _NANOSECONDS)
    return Time(sec=nanoseconds // _NANOSECONDS, nanosec=nanoseconds % _NANOSECONDS)


def decode_stamp(stamp: Time) -> float:
    """Read a time message [s]; doubles resolve today's time to 0.2 microseconds."""
    return float(stamp.sec + stamp.nanosec / _NANOSECONDS)


def now_s(node: Node) -> float:
    """The time of the node's clock [s]: the simulation's when `use_sim_time` is set."""
    return float(node.get_clock().now().nanoseconds / _NANOSECONDS)
