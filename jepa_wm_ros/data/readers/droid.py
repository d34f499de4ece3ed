"""Raw DROID episodes: `trajectory.h5` beside `recordings/MP4/<serial>.mp4`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.labels import at_the_end, outcome
from jepa_wm_ros.data.readers.pose_states import pose_track
from jepa_wm_ros.data.readers.video import VideoFile
from jepa_wm_ros.data.recordings import RecordingError, TimedRecording, check_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture

CAMERAS = ('left', 'right', 'ext1', 'ext2', 'wrist')
CONTROL_HZ = 15.0
_TRAJECTORY = 'trajectory.h5'
_STATE = 'observation/robot_state'
_STAMP = 'observation/timestamp'


class DroidSource:
    """The episodes below a folder.

    Args:
        root: An episode's folder, or one above.
        camera: One of `CAMERAS`, or a serial number; empty is `left`, which the published world
            models were trained on.
        max_gap_s: Longest time without a robot state that is bridged [s].
    """

    kind = 'DROID raw'

    def __init__(self, root: Path, camera: str, max_gap_s: float) -> None:
        self._camera, self._max_gap_s = camera or 'left', max_gap_s
        found = sorted(path.parent for path in root.rglob(_TRAJECTORY))
        self._folders = {str(p.relative_to(root)) if p != root else root.name: p for p in found}

    def names(self) -> Sequence[str]:
        """Folders of the episodes, by their paths below the root."""
        return list(self._folders)

    @contextmanager
    def open(self, name: str) -> Iterator[TimedRecording]:
        """Open one episode.

        Raises:
            RecordingError: A file is missing or damaged, or the robot's states are not complete.
        """
        folder = self._folders[name]
        serial, path, stereo = self._video(folder)
        table = _read_trajectory(folder / _TRAJECTORY, serial)
        with VideoFile(path) as video:
            check_clock(table['taken'], 'pictures')
            check_clock(table['read'], 'robot states')

            def pictures(wanted: Sequence[int]) -> Iterator[Picture]:
                for picture in video.frames(wanted):
                    yield picture[:, : picture.shape[1] // 2] if stereo else picture

            yield TimedRecording(
                stamps=table['taken'],
                pictures=pictures,
                states=pose_track(
                    table['read'], table['cartesian'], table['gripper'], self._max_gap_s
                ),
                nominal_fps=video.fps,
                note=str(table['note']),
                success=at_the_end(_outcome(folder), len(table['taken'])),
            )

    def _video(self, folder: Path) -> tuple[str, Path, bool]:
        """Serial number, file, and whether both eyes are in one picture."""
        serial = self._camera
        if serial in CAMERAS:
            serial = _serial(folder, serial)
        mono = folder / 'recordings' / 'MP4' / f'{serial}.mp4'
        both = mono.with_name(f'{serial}-stereo.mp4')
        if not mono.exists() and both.exists():
            return serial, both, True
        return serial, mono, False


def _outcome(folder: Path) -> bool | None:
    """How an episode ended: its folders say it, or its metadata say what they were."""
    said = outcome(folder.parts)
    files = sorted(folder.glob('metadata_*.json'))
    if said is not None or not files:
        return said
    try:
        metadata = json.loads(files[0].read_text(encoding='utf-8'))
        return outcome(str(metadata['left_mp4_path']).replace('\\', '/').split('/'))
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _serial(folder: Path, camera: str) -> str:
    """The serial number of a camera, from the episode's metadata."""
    files = sorted(folder.glob('metadata_*.json'))
    if not files:
        raise RecordingError(
            f'no metadata_*.json, which says which camera is {camera!r}; name a serial number '
            'with --camera'
        )
    try:
        path = str(json.loads(files[0].read_text(encoding='utf-8'))[f'{camera}_mp4_path'])
    except (KeyError, ValueError, OSError) as error:
        raise RecordingError(f'{files[0].name} has no {camera}_mp4_path: {error}') from error
    # the path is that of the lab's disk: only its last part counts here
    return path.replace('\\', '/').rsplit('/', 1)[-1].removesuffix('.mp4')


def _read_trajectory(path: Path, serial: str) -> dict[str, Any]:
    """Columns of the trajectory: `cartesian`, `gripper`, `taken`, `read` [s], and a `note`."""
    import h5py

    try:
        with h5py.File(path, 'r') as file:
            names = ('cartesian_position', 'gripper_position')
            missing = [name for name in names if f'{_STATE}/{name}' not in file]
            if missing:
                raise RecordingError(f'{path.name} has no {_STATE}/{missing[0]}')
            cartesian, gripper = (file[f'{_STATE}/{name}'][()].astype(float) for name in names)
            taken, read, note = _stamps(file, serial, len(cartesian))
    except OSError as error:
        raise RecordingError(f'{path.name} is damaged: {error}') from error
    gripper = gripper.reshape(len(gripper), -1)[:, 0] if len(gripper) else gripper.reshape(0)
    columns = {'cartesian': cartesian, 'gripper': gripper, 'taken': taken, 'read': read}
    return {**columns, 'note': note}


def _stamps(
    file: Any, serial: str, rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """When pictures were taken and the robot was read [s], both on the laptop's clock.

    `robot_timestamp_seconds` is of another computer, and not used.
    """
    taken = _first(
        file, [f'cameras/{serial}_{name}' for name in ('estimated_capture', 'read_end')]
    )
    read = _first(file, ['robot_state/read_start', 'robot_state/read_end'])
    other, note = _first(file, ['control/step_start']), ''
    known = [stamps for stamps in (other, taken, read) if stamps is not None]
    if not known:
        known = [np.arange(rows) * np.float64(1000.0 / CONTROL_HZ)]
        note = f'no time stamps: rows are taken to be {CONTROL_HZ:g} Hz'
    taken = known[0] if taken is None else taken
    read = known[0] if read is None else read
    if len(taken) != rows or len(read) != rows:
        raise RecordingError(
            f'{rows} robot states, but {len(taken)} and {len(read)} time stamps of pictures and '
            'states'
        )
    return taken / 1000.0, read / 1000.0, note


def _first(file: Any, names: list[str]) -> NDArray[np.float64] | None:
    """The first of some columns of time stamps [ms] that is there and was filled in."""
    for name in names:
        stamps = file[f'{_STAMP}/{name}'][()] if f'{_STAMP}/{name}' in file else None
        if stamps is not None and (len(stamps) == 0 or np.ptp(stamps) > 0 or len(stamps) == 1):
            return np.asarray(stamps, dtype=np.float64)
    return None
