"""Messages that only the sim node reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sensor_msgs.msg import CameraInfo
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.robot.description import ARM_JOINTS, CAMERA_FRAME
from jepa_wm_ros.sim.following import TrajectoryCommandError, Waypoint

if TYPE_CHECKING:
    from jepa_wm_ros.sim.camera import CameraSettings


def camera_info(camera: CameraSettings) -> CameraInfo:
    """Describe a camera without distortion; the stamp is left to the sender."""
    message = CameraInfo(width=camera.width, height=camera.height)
    message.header.frame_id = CAMERA_FRAME
    message.distortion_model = 'plumb_bob'
    message.d = [0.0] * 5
    message.k = camera.matrix.ravel()
    message.r = np.eye(3).ravel()
    message.p = np.hstack([camera.matrix, np.zeros((3, 1))]).ravel()
    return message


def read_trajectory(message: JointTrajectory) -> list[Waypoint]:
    """Read a joint trajectory command, which starts on arrival; the joints come in any order.

    Returns:
        The way-points; empty for an empty trajectory, which asks the arm to hold.

    Raises:
        TrajectoryCommandError: the joints are not the arm's, or a point lacks positions.
    """
    if not message.points:
        return []
    if sorted(message.joint_names) != sorted(ARM_JOINTS):
        raise TrajectoryCommandError(
            f'a joint trajectory must name the joints {", ".join(ARM_JOINTS)}; '
            f'it names {", ".join(message.joint_names) or "none"}'
        )
    order = [list(message.joint_names).index(name) for name in ARM_JOINTS]
    return [
        Waypoint(
            point.time_s,
            point.positions[order],
            None if point.velocities is None else point.velocities[order],
        )
        for point in read_points(message)
    ]


def read_points(message: JointTrajectory) -> list[Waypoint]:
    """Read the points of a joint trajectory; positions are in the order of its names.

    Raises:
        TrajectoryCommandError: a point lacks positions, or has some velocities only.
    """
    count, waypoints = len(message.joint_names), []
    for number, point in enumerate(message.points):
        if len(point.positions) != count or len(point.velocities) not in (0, count):
            raise TrajectoryCommandError(
                f'point {number} of a joint trajectory needs {count} positions and {count} or no '
                f'velocities, not {len(point.positions)} and {len(point.velocities)}'
            )
        due = point.time_from_start
        waypoints.append(
            Waypoint(
                due.sec + due.nanosec * 1e-9,
                np.array(point.positions),
                np.array(point.velocities) if len(point.velocities) else None,
            )
        )
    return waypoints
