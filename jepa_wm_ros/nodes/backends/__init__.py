"""Command backends: one module for each kind of controller that moves an arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.registry import registered

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.backends.backend import CommandBackend, Wiring

# name: (module in here, class). Imported when it is used, so that the messages of a driver are
# needed only by who has that driver.
BACKENDS = {
    'joint_trajectory': ('joint_trajectory', 'JointTrajectoryBackend'),
    'joint_trajectory_action': ('joint_trajectory_action', 'JointTrajectoryActionBackend'),
    'cartesian_pose': ('cartesian_pose', 'CartesianPoseBackend'),
    'servo_twist': ('servo_twist', 'ServoTwistBackend'),
    'dry_run': ('dry_run', 'DryRunBackend'),
}


def make_backend(name: str, wiring: Wiring) -> CommandBackend:
    """Make the backend of a name in `BACKENDS`.

    Raises:
        MessageClassError: The driver's messages are not installed.
    """
    backend: CommandBackend = registered(__name__, BACKENDS, name)(wiring)
    return backend
