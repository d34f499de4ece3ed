"""Recordings of any kind become bags, in the topics that the default mapping reads."""

from __future__ import annotations

import heapq
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from jepa_wm_ros import __version__
from jepa_wm_ros.data.recordings import RecordingError, SteppedRecording, damage_of
from jepa_wm_ros.data.resampling import PROPRIO_FIELDS
from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.data.writing.encoding import (
    COMPRESSED,
    FORMATS,
    IMAGE,
    JOINTS,
    POSE,
    MessageEncoder,
    nanoseconds_of,
)
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import from_euler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture, Recording, Source, TimedRecording
    from jepa_wm_ros.robot.poses import Pose

_Message: TypeAlias = 'tuple[int, str, bytes]'
"""Time stamp [ns], topic, CDR bytes."""
_States: TypeAlias = 'list[tuple[float, Pose, float]]'
"""Time stamps [s], flange poses, closedness of the gripper."""

PICTURES = '/image'
COMPRESSED_PICTURES = '/image/compressed'
FLANGE_POSE = '/flange_pose'
GRIPPER = '/joint_states'
GRIPPER_JOINT = 'gripper_closedness'
"""A joint whose position is 0 open .. 1 closed."""
_DOWN = (np.pi, 0.0, 0.0)
"""Roll, pitch and yaw of a flange that points down [rad]."""


class ExportError(JepaWmError):
    """Recordings cannot be exported as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How recordings become bags.

    Attributes:
        pictures: One of `raw`, `png` (without loss) and `jpeg`.
        step_duration_s: Time between two frames where the source does not say it [s].
    """

    pictures: str = 'raw'
    step_duration_s: float | None = None

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            ExportError: One does not exist.
        """
        if self.pictures not in FORMATS:
            raise ExportError(
                f'pictures must be one of {", ".join(FORMATS)}, got {self.pictures!r}'
            )
        if self.step_duration_s is not None and not self.step_duration_s > 0:
            raise ExportError(f'the step duration must be above 0, got {self.step_duration_s}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What became of one recording.

    Attributes:
        recording: Its name.
        folder: The bag; None when there is none.
        messages: How many it holds; 0 when it had been there before.
        reason: Why there is none, or what is worth knowing; empty when there is nothing.
    """

    recording: str
    folder: Path | None = None
    messages: int = 0
    reason: str = ''


def export(
    source: Source, out: Path, settings: ExportSettings, provenance: str
) -> Iterator[Exported]:
    """Write a bag for each recording of a source; bags that are there already are left alone.

    Args:
        source: Where the recordings come from.
        out: Folder of the bags; each appears complete, by renaming.
        settings: How.
        provenance: Where the source lies, for the metadata.

    Yields:
        What became of each recording, also of broken ones.

    Raises:
        RecordingError: The index of the source is damaged.
        OSError: This machine cannot write.
    """
    for name in source.names():
        folder = out / name.replace('/', '_').replace(' ', '_')
        if folder.exists():
            yield Exported(recording=name, folder=folder, reason='is there already')
            continue
        custom = {
            'jepa_wm_ros': __version__,
            'exported_from': f'{source.kind}: {provenance}',
            'recording': name,
        }
        try:
            yield _exported(source, name, folder, custom, settings)
        except Exception as error:
            yield Exported(recording=name, reason=damage_of(error))


def _exported(
    source: Source, name: str, folder: Path, custom: dict[str, str], settings: ExportSettings
) -> Exported:
    partial = folder.parent / '.partial' / folder.name
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with source.open(name) as recording:
            count, notes = _write(recording, partial, custom, settings)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if partial.parent.exists() and not any(partial.parent.iterdir()):
            partial.parent.rmdir()
    return Exported(recording=name, folder=folder, messages=count, reason='; '.join(notes))


def _write(
    recording: Recording, folder: Path, custom: dict[str, str], settings: ExportSettings
) -> tuple[int, list[str]]:
    """Write a recording into a bag; return how many messages, and what is worth knowing."""
    encoder, form = MessageEncoder(), settings.pictures
    stamps, states, notes = _timed(recording, settings)
    pictures = _Pictures(recording.pictures(range(len(stamps))), stamps)
    topic, kind = (PICTURES, IMAGE) if form == 'raw' else (COMPRESSED_PICTURES, COMPRESSED)
    # chunks of pictures that are coded already would not get smaller
    compression = 'zstd' if form == 'raw' else 'none'
    with BagWriter(folder, custom, compression=compression) as writer:
        encoder.announce(writer, topic, kind)
        encoder.announce(writer, FLANGE_POSE, POSE)
        encoder.announce(writer, GRIPPER, JOINTS)
        messages = heapq.merge(
            _states(encoder, states),
            ((ns, topic, encoder.picture(ns, picture, form)) for ns, picture in pictures),
            key=lambda message: message[0],
        )
        for stamp_ns, name, data in messages:
            writer.write(name, stamp_ns, data)
        notes += pictures.notes
        audit = writer.close({'notes': notes})
    return sum(row['count'] for row in audit), notes


def _timed(
    recording: Recording, settings: ExportSettings
) -> tuple[NDArray[np.float64], _States, list[str]]:
    """Return stamps of the pictures [s], the robot's states, and what is worth knowing."""
    known = [recording.note] if recording.note else []
    if isinstance(recording, SteppedRecording):
        step_s = recording.step_duration_s or settings.step_duration_s
        if step_s is None:
            raise RecordingError('it does not say how long a step lasts; give --step-duration')
        stamps = np.float64(step_s) * np.arange(len(recording.proprio))
        states, notes = _from_columns(recording, stamps)
        return stamps, states, known + notes
    return recording.stamps, _from_track(recording), known


def _from_track(recording: TimedRecording) -> _States:
    """Return the robot wherever the source has a state of it."""
    stamps = recording.states.arm_stamps
    samples = recording.states.at(stamps)
    states = [
        (stamp_s, sample.pose, sample.gripper)
        for stamp_s, sample in zip(stamps.tolist(), samples, strict=True)
        if sample is not None
    ]
    if not states:
        raise RecordingError(f'no state of the robot is known: {recording.states.trouble}')
    return states


def _from_columns(
    recording: SteppedRecording, stamps: NDArray[np.float64]
) -> tuple[_States, list[str]]:
    """Return the robot at each frame, and what its columns of proprioception lack."""
    columns = dict(zip(recording.proprio_fields, recording.proprio.T, strict=False))
    places, angles, closing = PROPRIO_FIELDS[:3], PROPRIO_FIELDS[3:6], PROPRIO_FIELDS[6]
    if not set(places) <= set(columns):
        raise RecordingError(
            f'no position of the flange (x, y, z); proprioception is '
            f'{", ".join(recording.proprio_fields) or "without names"}'
        )
    rows, notes = len(stamps), []
    rotations = np.tile(_DOWN, (rows, 1))
    if set(angles) <= set(columns):
        rotations = np.stack([columns[name] for name in angles], axis=1)
    else:
        notes.append('no orientation: the flange points down throughout')
    if closing not in columns:
        notes.append('no gripper: it counts as open')
    positions = np.stack([columns[name] for name in places], axis=1)
    poses = map(from_euler, positions, rotations)
    closed = columns.get(closing, np.zeros(rows))
    return list(zip(stamps.tolist(), poses, closed.tolist(), strict=True)), notes


def _states(encoder: MessageEncoder, states: _States) -> Iterator[_Message]:
    for stamp_s, pose, closed in states:
        stamp_ns = nanoseconds_of(stamp_s)
        # the gripper first: a reader takes messages until the arm is known, and wants both
        yield stamp_ns, GRIPPER, encoder.joints(stamp_ns, [GRIPPER_JOINT], [closed])
        yield stamp_ns, FLANGE_POSE, encoder.pose(stamp_ns, pose)


class _Pictures:
    """Pictures with their time stamps [ns]; those that cannot be decoded are counted."""

    def __init__(self, pictures: Iterator[Picture], stamps: NDArray[np.float64]) -> None:
        self._pictures, self._stamps = pictures, stamps
        self._bad: list[JepaWmError] = []

    @property
    def notes(self) -> list[str]:
        """What there is to say, once all have been taken."""
        if not self._bad:
            return []
        return [f'{len(self._bad)} pictures cannot be decoded: {self._bad[0]}']

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        for stamp_s, picture in zip(self._stamps.tolist(), self._pictures, strict=True):
            if isinstance(picture, JepaWmError):
                self._bad.append(picture)
            else:
                yield nanoseconds_of(stamp_s), picture
