"""Goal pictures from files and bags, with what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.goals.goal import GoalPicture, Placement
from jepa_wm_ros.data.goals.pictures import PICTURES, PictureFileError, read_picture
from jepa_wm_ros.data.readers.bags import BagSource
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.robot.poses import quaternion_xyzw

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import TimedRecording
    from jepa_wm_ros.robot.poses import Pose

MAX_GAP_S = 0.2
"""Longest time without a robot state in a bag that is bridged [s]."""


def placement_of(pose: Pose) -> Placement:
    """Return a flange pose in the base frame as goals keep it."""
    x, y, z = pose.position.tolist()
    a, b, c, d = quaternion_xyzw(pose).tolist()
    return Placement(position=(x, y, z), quaternion_xyzw=(a, b, c, d))


def goal_from_file(path: Path) -> tuple[GoalPicture, NDArray[np.uint8]]:
    """Read a goal from a picture file.

    Raises:
        PictureFileError: It does not hold a picture that can be a goal.
    """
    picture = read_picture(path)
    height, width = picture.shape[:2]
    about = GoalPicture(width=width, height=height, origin='file', source=str(path))
    return about, picture


def picture_files(folder: Path) -> list[Path]:
    """Return the picture files of a folder in order of their names.

    Raises:
        PictureFileError: There is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise PictureFileError(f'{folder} is not a folder')
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise PictureFileError(f'{folder} has no pictures ({", ".join(PICTURES)})')
    return files


def goal_from_bag(
    path: Path, at_s: float, *, mapping: Path | None = None, camera: str = ''
) -> tuple[GoalPicture, NDArray[np.uint8]]:
    """Read a goal from a bag: the picture nearest to a moment, and where the arm was then.

    Args:
        path: A bag.
        at_s: Seconds after its first picture.
        mapping: Which topics are what; None takes the mapping that comes with the package.
        camera: Camera of the mapping, or a topic; empty takes the first camera.

    Raises:
        RecordingError: There is no bag or no such moment in it, or its picture is damaged.
        SchemaError: The mapping is wrong.
    """
    source = BagSource(path, read_mapping(mapping), camera, MAX_GAP_S)
    names = source.names()
    if len(names) != 1:
        found = f'there are {len(names)} below it' if names else 'there is none'
        raise RecordingError(f'{path} must be one bag (folder, .mcap or .db3); {found}')
    with source.open(names[0]) as recording:
        return _goal_at(recording, at_s, path)


def _goal_at(
    recording: TimedRecording, at_s: float, path: Path
) -> tuple[GoalPicture, NDArray[np.uint8]]:
    stamps = recording.stamps
    length_s = float(stamps[-1] - stamps[0]) if len(stamps) else 0.0
    if not (len(stamps) and 0.0 <= at_s <= length_s):
        raise RecordingError(
            f'{path} has pictures from 0 to {length_s:.2f} s, asked for the one at {at_s:g} s'
        )
    index = int(np.abs(stamps - stamps[0] - at_s).argmin())
    (picture,) = recording.pictures([index])
    if isinstance(picture, Exception):
        raise RecordingError(f'{path}: the picture at {at_s:g} s is damaged: {picture}')
    (robot,) = recording.states.at(stamps[[index]])
    height, width = picture.shape[:2]
    about = GoalPicture(
        width=width,
        height=height,
        origin='bag',
        source=f'{path} at {at_s:g} s',
        stamp_s=float(stamps[index]),
        pose=None if robot is None else placement_of(robot.pose),
        joints=None if robot is None or robot.joints is None else tuple(robot.joints.tolist()),
        gripper=None if robot is None else robot.gripper,
    )
    return about, np.ascontiguousarray(picture)
