"""Episodes in one HDF5 file: flat columns with the offset and length of each episode.

Columns: `pixels (N, h, w, 3)` uint8 RGB, `action (N, A)` float32 in physical units (row t leads
from frame t to frame t + 1; the last row of an episode is NaN), `proprio (N, P)` float32,
`ep_offset (E,)` and `ep_len (E,)` int64. Beside them, for others: `ep_idx (N,)` and
`step_idx (N,)` int64, and `stamp (N,)` float64 [s] where the frames have time stamps.
stable-worldmodel reads the same layout.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

COLUMNS = ('pixels', 'action', 'proprio', 'ep_offset', 'ep_len')


class DatasetError(JepaWmError):
    """A dataset is missing, damaged or does not fit its use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One recorded run.

    Attributes:
        pixels: `(T, h, w, 3)` uint8 RGB.
        action: `(T, A)` float32; the last row is NaN.
        proprio: `(T, P)` float32.
        stamps: `(T,)` float64, when the pictures were taken [s]; None where nobody knows.
    """

    pixels: NDArray[np.uint8]
    action: NDArray[np.float32]
    proprio: NDArray[np.float32]
    stamps: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Frames in the episode."""
        return len(self.pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeTable:
    """All episodes of a file, in memory.

    Attributes:
        pixels: `(N, h, w, 3)` uint8 RGB.
        action: `(N, A)` float32.
        proprio: `(N, P)` float32.
        offset: `(E,)` first row of each episode.
        length: `(E,)` rows of each episode.
        provenance: How the file was made.
    """

    pixels: NDArray[np.uint8]
    action: NDArray[np.float32]
    proprio: NDArray[np.float32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    provenance: dict[str, Any]

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self.offset)


def write_part(path: Path, episodes: list[Episode]) -> None:
    """Write some episodes to one part file, which appears only when it is complete."""
    columns: dict[str, Any] = {
        'pixels': np.concatenate([e.pixels for e in episodes]),
        'action': np.concatenate([e.action for e in episodes]),
        'proprio': np.concatenate([e.proprio for e in episodes]),
        'ep_len': np.array([len(e) for e in episodes]),
    }
    stamps = [e.stamps for e in episodes if e.stamps is not None]
    if len(stamps) == len(episodes):
        columns['stamp'] = np.concatenate(stamps)
    partial = path.with_suffix('.partial')
    with partial.open('wb') as stream:
        np.savez(stream, **columns)
    os.replace(partial, path)


def join_parts(parts: Iterable[Path], out: Path, provenance: dict[str, Any]) -> Path:
    """Join part files into one HDF5 file, which appears only when it is complete.

    Args:
        parts: Files of `write_part`, in order.
        out: The dataset.
        provenance: JSON-able record of how it was made.
    """
    import h5py

    partial = out.with_name(out.name + '.partial')
    lengths: list[int] = []
    with h5py.File(partial, 'w') as file:
        for path in parts:
            with np.load(path, allow_pickle=False) as part:
                for name in ('pixels', 'action', 'proprio', 'stamp'):
                    if name in part:
                        _append(file, name, part[name])
                lengths += part['ep_len'].tolist()
        file['ep_len'] = np.array(lengths, np.int64)
        file['ep_offset'] = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        file['ep_idx'] = np.repeat(np.arange(len(lengths)), lengths)
        file['step_idx'] = np.concatenate([np.arange(length) for length in lengths])
        file.attrs['provenance'] = json.dumps(provenance)
    os.replace(partial, out)
    return out


def read_episodes(path: Path | str) -> EpisodeTable:
    """Read a whole dataset into memory.

    Raises:
        DatasetError: The file is missing, damaged, lacks a column or is inconsistent.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise DatasetError(
            f'{path} is missing; `jepa-wm collect` makes a dataset of the cell, '
            '`jepa-wm dataset build` one of recordings'
        )
    try:
        with h5py.File(path, 'r') as file:
            missing = [name for name in COLUMNS if name not in file]
            if missing:
                raise DatasetError(
                    f'{path}: missing columns {", ".join(missing)}; needs {COLUMNS}'
                )
            table = EpisodeTable(
                pixels=file['pixels'][()],
                action=file['action'][()],
                proprio=file['proprio'][()],
                offset=file['ep_offset'][()],
                length=file['ep_len'][()],
                provenance=json.loads(file.attrs.get('provenance', '{}')),
            )
    except OSError as error:
        raise DatasetError(f'{path}: damaged or not an HDF5 file: {error}') from error
    if table.episodes == 0 or int(table.length.sum()) != len(table.pixels):
        raise DatasetError(
            f'{path}: {table.episodes} episodes of {int(table.length.sum())} frames in all, but '
            f'{len(table.pixels)} pictures'
        )
    return table


def _append(file: Any, name: str, rows: NDArray[Any]) -> None:
    if name not in file:
        shape = rows.shape[1:]
        chunk = 1 if rows.ndim > 2 else 1024
        file.create_dataset(
            name,
            shape=(0, *shape),
            maxshape=(None, *shape),
            chunks=(chunk, *shape),
            dtype=rows.dtype,
        )
    data = file[name]
    data.resize(len(data) + len(rows), axis=0)
    data[-len(rows) :] = rows
