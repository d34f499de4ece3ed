"""Finds out what a path holds, and which reader reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.data.readers.bag_file import STORAGES, find_bags
from jepa_wm_ros.data.readers.bags import BagSource
from jepa_wm_ros.data.readers.droid import DroidSource
from jepa_wm_ros.data.readers.hdf5 import SUFFIXES, Hdf5Source
from jepa_wm_ros.data.readers.lerobot import INFO, LeRobotSource
from jepa_wm_ros.data.recordings import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.data.readers.mapping import BagMapping
    from jepa_wm_ros.data.recordings import Source

ACCEPTED = (
    'a rosbag2 (folder with metadata.yaml, .mcap or .db3) or a folder of them, DROID episodes '
    '(trajectory.h5), a LeRobot dataset (meta/info.json), or an HDF5 file with ep_len and '
    'ep_offset'
)


def find_source(path: Path, mapping: BagMapping, camera: str, max_gap_s: float) -> Source:
    """Choose the reader for a path.

    Args:
        path: What the user named.
        mapping: Topics of bags.
        camera: Name of the camera, as the kind of source has it; empty takes its first.
        max_gap_s: Longest time without a robot state that is bridged [s].

    Raises:
        SourceError: It does not exist, or nothing that can be read is in it.
    """
    if not path.exists():
        raise SourceError(f'{path} does not exist; give {ACCEPTED}')
    if path.is_file():
        return _file_source(path, mapping, camera, max_gap_s)
    if (path / INFO).exists():
        return LeRobotSource(path, camera, max_gap_s)
    if next(path.rglob('trajectory.h5'), None) is not None:
        return DroidSource(path, camera, max_gap_s)
    if find_bags(path):
        return BagSource(path, mapping, camera, max_gap_s)
    raise SourceError(f'nothing in {path} can be read; give {ACCEPTED}')


def _file_source(path: Path, mapping: BagMapping, camera: str, max_gap_s: float) -> Source:
    if path.suffix in STORAGES:
        return BagSource(path, mapping, camera, max_gap_s)
    if path.name == 'trajectory.h5':
        return DroidSource(path.parent, camera, max_gap_s)
    if path.suffix in SUFFIXES:
        return Hdf5Source(path, camera)
    raise SourceError(f'{path} is of no kind that can be read; give {ACCEPTED}')
