"""Episodes in one HDF5 file: flat columns with the offset and length of each episode.

Columns: `pixels (N, h, w, 3)` uint8 RGB, `action (N, A)` float32 in physical units (row t leads
from frame t to frame t + 1; the last row of an episode is NaN), `proprio (N, P)` float32,
`ep_offset (E,)` and `ep_len (E,)` int64. Where they are known: `success (N,)` float32, 1 in frames
in which the task is done, 0 in others, NaN where nobody knows (a label of whole episodes, `(E,)`,
is read as one of their last frames), and `masks (N, h, w)` uint8, the number of the object that
each pixel shows. Beside them, for others: `ep_idx (N,)` and `step_idx (N,)` int64, and, where the
frames have time stamps, `stamp (N,)` float64 [s]. stable-worldmodel reads the same layout.
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
ROWS = ('pixels', 'action', 'proprio', 'stamp', 'success', 'masks')
"""Columns with one row a frame, as parts have them."""


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
        success: `(T,)` float32, 1 where the task is done, 0 where not; None where nobody knows.
        masks: `(T, h, w)` uint8, the number of the object in each pixel; None without.
    """

    pixels: NDArray[np.uint8]
    action: NDArray[np.float32]
    proprio: NDArray[np.float32]
    stamps: NDArray[np.float64] | None = None
    success: NDArray[np.float32] | None = None
    masks: NDArray[np.uint8] | None = None

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
        success: `(N,)` float32, as in the file; None without labels.
        masks: `(N, h, w)` uint8; None without.
    """

    pixels: NDArray[np.uint8]
    action: NDArray[np.float32]
    proprio: NDArray[np.float32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    provenance: dict[str, Any]
    success: NDArray[np.float32] | None = None
    masks: NDArray[np.uint8] | None = None

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
    for column, name in (('stamp', 'stamps'), ('success', 'success'), ('masks', 'masks')):
        known = [rows for e in episodes if (rows := getattr(e, name)) is not None]
        if len(known) == len(episodes):
            columns[column] = np.concatenate(known)
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
    paths, lengths = list(parts), list[int]()
    with h5py.File(partial, 'w') as file:
        names, labelled = _common(paths)
        for path in paths:
            with np.load(path, allow_pickle=False) as part:
                for name in names:
                    _append(file, name, part[name])
                count = int(part['ep_len'].sum())
                if labelled:
                    unknown = np.full(count, np.nan, np.float32)
                    _append(file, 'success', part.get('success', unknown))
                lengths += part['ep_len'].tolist()
        file['ep_len'] = np.array(lengths, np.int64)
        file['ep_offset'] = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        file['ep_idx'] = np.repeat(np.arange(len(lengths)), lengths)
        file['step_idx'] = np.concatenate([np.arange(length) for length in lengths])
        file.attrs['provenance'] = json.dumps(provenance)
    os.replace(partial, out)
    return out


def read_episodes(path: Path | str, most: int | None = None) -> EpisodeTable:
    """Read a dataset into memory.

    Args:
        path: The dataset.
        most: Read so many episodes, from the beginning; all by default.

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
            table = _table(file, most)
    except OSError as error:
        raise DatasetError(f'{path}: damaged or not an HDF5 file: {error}') from error
    except ValueError as error:
        raise DatasetError(f'{path}: {error}') from error
    if table.episodes == 0 or int(table.length.sum()) != len(table.pixels):
        raise DatasetError(
            f'{path}: {table.episodes} episodes of {int(table.length.sum())} frames in all, but '
            f'{len(table.pixels)} pictures'
        )
    return table


def _common(parts: list[Path]) -> tuple[list[str], bool]:
    """Return the columns that all parts have, labels left out, and whether any has labels."""
    kinds: list[set[str]] = []
    for path in parts:
        with np.load(path, allow_pickle=False) as part:
            kinds.append(set(part.files))
    shared = set.intersection(*kinds) if kinds else set()
    names = [name for name in ROWS if name in shared and name != 'success']
    return names, any('success' in kind for kind in kinds)


def _table(file: Any, most: int | None) -> EpisodeTable:
    """Read the first episodes of an open file.

    Raises:
        ValueError: Labels or masks are not as many as there are episodes or frames.
    """
    episodes, frames = slice(most), slice(None)
    length, offset = file['ep_len'][episodes], file['ep_offset'][episodes]
    if most is not None and len(length) < len(file['ep_len']):
        frames = slice(int((offset + length).max(initial=0)))
    masks = file['masks'][frames] if 'masks' in file else None
    pixels = file['pixels'][frames]
    if masks is not None and masks.shape != pixels.shape[:3]:
        raise ValueError(f'masks are {masks.shape}, the pictures {pixels.shape}')
    return EpisodeTable(
        pixels=pixels,
        action=file['action'][frames],
        proprio=file['proprio'][frames],
        offset=offset,
        length=length,
        provenance=json.loads(file.attrs.get('provenance', '{}')),
        success=_success(file, frames, episodes),
        masks=masks,
    )


def _success(file: Any, frames: slice, episodes: slice) -> NDArray[np.float32] | None:
    """Return labels of frames; of whole episodes, they are those of their last frames."""
    if 'success' not in file:
        return None
    count, found = len(file['pixels']), file['success'][()].astype(np.float32)
    if found.ndim > 1:
        found = found.reshape(len(found), -1)[:, 0]
    if len(found) == count:
        return found[frames]
    offset, length = file['ep_offset'][episodes], file['ep_len'][episodes]
    if len(found) != len(file['ep_len']):
        raise ValueError(
            f'success has {len(found)} rows; it needs one for each of {count} frames or of '
            f'{len(file["ep_len"])} episodes'
        )
    labels = np.zeros(count, np.float32)[frames]
    labels[offset + length - 1] = found[episodes]
    for start, size in zip(offset, length, strict=True):
        if np.isnan(labels[start + size - 1]):
            labels[start : start + size] = np.nan
    return labels


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
