"""Grippers: one module for each kind of command that closes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.registry import registered

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.grippers.gripper import GripperBackend, GripperWiring

# name: (module in here, class). Imported when it is used, as the backends of the arm are.
GRIPPERS = {
    'float64': ('topics', 'Float64Gripper'),
    'trajectory': ('topics', 'TrajectoryGripper'),
    'gripper_command': ('actions', 'GripperCommandGripper'),
    'parallel_gripper': ('actions', 'ParallelGripper'),
    'franka': ('franka', 'FrankaGripper'),
    'none': ('topics', 'NoGripper'),
}


def make_gripper(name: str, wiring: GripperWiring) -> GripperBackend:
    """Make the gripper of a name in `GRIPPERS`.

    Raises:
        MessageClassError: The driver's messages are not installed.
    """
    gripper: GripperBackend = registered(__name__, GRIPPERS, name)(wiring)
    return gripper
