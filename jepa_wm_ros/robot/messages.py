"""Poses and time stamps out of messages, known by their fields alone: live ones and a bag's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.robot.poses import from_quaternion_xyzw

if TYPE_CHECKING:
    from jepa_wm_ros.robot.poses import Pose

NANOSECONDS = 1_000_000_000


def decode_pose(message: Any) -> Pose:
    """Read a message with the fields of `geometry_msgs/Pose`.

    Raises:
        PoseError: The quaternion is not a unit quaternion.
    """
    position, rotation = message.position, message.orientation
    return from_quaternion_xyzw(
        (position.x, position.y, position.z), (rotation.x, rotation.y, rotation.z, rotation.w)
    )


def decode_stamp(stamp: Any) -> float:
    """Read a `builtin_interfaces/Time` [s]; doubles resolve today's time to 0.2 microseconds."""
    return float(stamp.sec + stamp.nanosec / NANOSECONDS)
