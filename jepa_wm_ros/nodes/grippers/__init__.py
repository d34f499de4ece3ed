"""Grippers: one module for each kind of command that closes one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

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
    module, kind = GRIPPERS[name]
    gripper: GripperBackend = getattr(importlib.import_module(f'{__name__}.{module}'), kind)(
        wiring
    )
    return gripper
