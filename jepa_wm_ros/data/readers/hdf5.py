"""HDF5 files with steps in them already: of stable-worldmodel, and of the simulated cell."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.labels import at_the_end
from jepa_wm_ros.data.recordings import RecordingError, SteppedRecording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture

SUFFIXES = ('.h5', '.hdf5')
PICTURES = ('pixels', 'observation', 'rgb')
STATES = ('proprio', 'state', 'observation.state')


class Hdf5Source:
    """Episodes in flat columns with `ep_len` and `ep_offset`.

    Args:
        path: The file.
        camera: Column of the pictures; empty takes `pixels`.
    """

    kind = 'HDF5'

    def __init__(self, path: Path, camera: str) -> None:
        self._path, self._camera = path, camera

    def names(self) -> Sequence[str]:
        """Episodes by number.

        Raises:
            RecordingError: The file is damaged, or has no index.
        """
        with _open(self._path) as file:
            missing = [name for name in ('ep_len', 'ep_offset', 'action') if name not in file]
            if missing:
                raise RecordingError(
                    f'no column {missing[0]}: neither a dataset of stable-worldmodel nor of ours'
                )
            return [f'episode {number}' for number in range(len(file['ep_len']))]

    @contextmanager
    def open(self, name: str) -> Iterator[SteppedRecording]:
        """Open one episode.

        Raises:
            RecordingError: Columns are missing, or end before the episode does.
        """
        number = int(name.split()[-1])
        with _open(self._path) as file:
            first, length = int(file['ep_offset'][number]), int(file['ep_len'][number])
            column = _column(file, [self._camera] if self._camera else PICTURES, 'pictures')
            proprio = next((name for name in STATES if name in file), None)
            for name in {column, 'action', *([proprio] if proprio else [])}:
                if first + length > len(file[name]):
                    raise RecordingError(f'{name} ends before the episode does: file truncated')
            rows = slice(first, first + length)
            provenance = _provenance(file)
            action = np.asarray(file['action'][rows], dtype=np.float64).reshape(length, -1)
            state = file[proprio][rows] if proprio else np.zeros((length, 0))

            def pictures(wanted: Sequence[int]) -> Iterator[Picture]:
                for index in wanted:
                    yield _picture(file[column][first + index])

            yield SteppedRecording(
                pictures=pictures,
                action=action,
                proprio=np.asarray(state, dtype=np.float64).reshape(length, -1),
                action_fields=tuple(provenance.get('action', ())),
                proprio_fields=tuple(provenance.get('proprio', ())),
                step_duration_s=provenance.get('step_duration_s'),
                note='' if 'step_duration_s' in provenance else 'its steps are taken as they are',
                success=_success(file, number, rows),
            )


def _success(file: Any, number: int, rows: slice) -> NDArray[np.float64] | None:
    """Labels of an episode's frames, from a column of frames or of episodes."""
    if 'success' not in file:
        return None
    column = file['success']
    if len(column) == len(file['ep_len']) and len(column) != len(file['action']):
        last = float(np.ravel(column[number])[0])
        labels = at_the_end(bool(last), rows.stop - rows.start)
        return None if np.isnan(last) else labels
    labels = np.asarray(column[rows], dtype=np.float64).reshape(rows.stop - rows.start, -1)
    return labels[:, 0]


def _column(file: Any, names: Sequence[str], what: str) -> str:
    found = next((name for name in names if name in file), None)
    if found is None:
        raise RecordingError(
            f'no {what}: looked for {" or ".join(names)}, the columns are {", ".join(file)}'
        )
    return found


def _provenance(file: Any) -> dict[str, Any]:
    try:
        provenance = json.loads(file.attrs.get('provenance', '{}'))
    except ValueError:
        return {}
    return provenance if isinstance(provenance, dict) else {}


def _picture(pixels: Any) -> Picture:
    """A picture as (H, W, 3), also from (3, H, W)."""
    picture = np.asarray(pixels)
    if picture.ndim == 3 and picture.shape[0] == 3 != picture.shape[2]:
        picture = np.moveaxis(picture, 0, -1)
    return np.ascontiguousarray(picture)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, 'r') as file:
            yield file
    except OSError as error:
        raise RecordingError(f'{path.name} is damaged or no HDF5 file: {error}') from error
