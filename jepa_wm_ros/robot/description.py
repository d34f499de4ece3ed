"""The robot's description (URDF) and the names that the rest of the program uses for its parts."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.paths import share

ARM_JOINTS = tuple(f'panda_joint{number}' for number in range(1, 8))
BASE_FRAME = 'panda_link0'
FLANGE_FRAME = 'panda_link8'
GRIPPER_JOINT = 'finger_joint'
GRIPPER_CLOSED = 0.8
"""Position of GRIPPER_JOINT when the gripper is closed [rad]; 0 is open."""
CAMERA_FRAME = 'exterior_camera_optical_frame'

READY_POSTURE = np.array([0.0, -np.pi / 5, 0.0, -4 * np.pi / 5, 0.0, 3 * np.pi / 5, 0.0])
"""Joint positions (7,) [rad] from which DROID episodes start: the gripper points straight down."""
READY_POSTURE.flags.writeable = False


ROBOTS = ('panda', 'fr3', 'fer', 'fp3')
"""What descriptions call the arm: the first part of the names of its joints and links."""


class DescriptionError(JepaWmError):
    """A robot description is missing or does not contain what is needed."""


def description_path() -> Path:
    """Return the path of the description that comes with the package."""
    return share('urdf', 'droid_cell.urdf')


def description_file(name: str) -> Path | None:
    """Return the file of a robot description.

    Args:
        name: Path of a URDF file, or the name of one in urdf/ of this package; empty is the
            package's own, which is None.
    """
    if not name:
        return None
    path = Path(name).expanduser()
    return path if len(path.parts) > 1 else share('urdf', name)


def robot_description(path: Path | None = None) -> str:
    """Return the text of a URDF file, by default of the cell that comes with the package.

    Raises:
        DescriptionError: the file cannot be read.
    """
    source = description_path() if path is None else Path(path)
    try:
        return source.read_text(encoding='utf-8')
    except OSError as error:
        raise DescriptionError(
            f'cannot read the robot description {source}: {error.strerror or error}'
        ) from error


def arm_parts(joints: Collection[str]) -> tuple[tuple[str, ...], str]:
    """Return what a description calls the seven arm joints, base to flange, and the flange.

    Args:
        joints: Names of all its joints.

    Returns:
        The names of a Panda when there is no arm that is known.
    """
    for robot in ROBOTS:
        names = tuple(f'{robot}_joint{number}' for number in range(1, 8))
        if all(name in joints for name in names):
            return names, f'{robot}_link8'
    return ARM_JOINTS, FLANGE_FRAME
