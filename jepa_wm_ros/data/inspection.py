"""Looking into a dataset that is there already."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.audit import SourceSummary, StepSummary, summarise_steps
from jepa_wm_ros.data.episodes import DatasetError
from jepa_wm_ros.worldmodel.contract import ACTION_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.data.audit import Bounds

SHEET_ROWS = 8
SHEET_COLUMNS = 8
_TILE = 112
_CAPTION = 16


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a dataset holds.

    Attributes:
        steps: Its steps.
        sources: What it was made of; None where that was not written down.
    """

    steps: StepSummary
    sources: SourceSummary | None


def look_into(path: Path) -> Inspection:
    """Sum up a dataset.

    Raises:
        DatasetError: The file is missing, damaged, or lacks a column.
    """
    with _open(path) as file:
        provenance = _provenance(file)
        lengths, offsets = file['ep_len'][()], file['ep_offset'][()]
        rows = _inner_rows(lengths, offsets)
        action = file['action'][()]
        action = action.reshape(len(action), -1)
        fields = _fields(provenance, action.shape[1])
        durations = np.zeros(0)
        if 'stamp' in file:
            stamps = file['stamp'][()]
            durations = stamps[rows + 1] - stamps[rows]
        steps = summarise_steps(
            lengths.astype(np.int64),
            action[rows],
            durations,
            fields,
            _bounds(provenance, len(fields)),
            provenance.get('step_duration_s'),
        )
    sources = provenance.get('audit', {}).get('sources')
    return Inspection(steps, SourceSummary(**_tuples(sources)) if sources else None)


def write_sheet(path: Path, sheet: Path) -> None:
    """Write a picture sheet: some episodes below each other, some frames of each in a row.

    Args:
        path: The dataset.
        sheet: PNG to write.

    Raises:
        DatasetError: The dataset has no pictures, or the sheet cannot be written.
    """
    import cv2

    with _open(path) as file:
        if 'pixels' not in file:
            raise DatasetError(f'{path}: no column pixels, so no picture sheet')
        lengths, offsets = file['ep_len'][()], file['ep_offset'][()]
        episodes = _spread(len(lengths), SHEET_ROWS)
        rows = [
            _row(file['pixels'], int(offsets[e]), int(lengths[e]), f'episode {e}')
            for e in episodes
        ]
    picture = np.concatenate(rows)
    if not cv2.imwrite(str(sheet), picture[..., ::-1]):
        raise DatasetError(f'cannot write {sheet}: is the folder there, and does it end in .png?')


def _row(pixels: Any, offset: int, length: int, name: str) -> NDArray[np.uint8]:
    """Frames of one episode side by side, numbered."""
    tiles = [
        _tile(pixels[offset + frame], f'{name}, {frame}' if column == 0 else str(frame))
        for column, frame in enumerate(_spread(length, SHEET_COLUMNS))
    ]
    blank = np.full_like(tiles[0], 255)
    return np.concatenate(tiles + [blank] * (SHEET_COLUMNS - len(tiles)), axis=1)


def _tile(pixels: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    import cv2

    height, width = pixels.shape[:2]
    scale = min(_TILE / width, _TILE / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    tile = np.full((_TILE + _CAPTION, _TILE + 2, 3), 255, np.uint8)
    tile[_CAPTION : _CAPTION + size[1], : size[0]] = cv2.resize(
        np.ascontiguousarray(pixels[..., :3]), size, interpolation=cv2.INTER_AREA
    )
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(tile, caption, (1, _CAPTION - 4), font, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def _spread(count: int, most: int) -> list[int]:
    """At most so many numbers below `count`, evenly, the first and the last among them."""
    chosen = np.linspace(0, count - 1, min(count, most)).round()
    return [int(number) for number in chosen]


def _inner_rows(lengths: NDArray[Any], offsets: NDArray[Any]) -> NDArray[np.int64]:
    """Rows from which an action leads on: all but the last of each episode."""
    spans = [np.arange(o, o + n - 1) for o, n in zip(offsets, lengths, strict=True)]
    return np.concatenate([*spans, np.zeros(0)]).astype(np.int64)


def _fields(provenance: dict[str, Any], width: int) -> Sequence[str]:
    named = provenance.get('action', ACTION_FIELDS)
    return named if len(named) == width else [f'action {i}' for i in range(width)]


def _bounds(provenance: dict[str, Any], width: int) -> Bounds | None:
    columns = provenance.get('audit', {}).get('steps', {}).get('actions', [])
    if len(columns) != width or any(column['lower'] is None for column in columns):
        return None
    return tuple(c['lower'] for c in columns), tuple(c['upper'] for c in columns)


def _tuples(mapping: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in mapping.items()}


def _provenance(file: Any) -> dict[str, Any]:
    try:
        provenance = json.loads(file.attrs.get('provenance', '{}'))
    except ValueError:
        return {}
    return provenance if isinstance(provenance, dict) else {}


def _open(path: Path) -> Any:
    import h5py

    if not path.is_file():
        raise DatasetError(f'{path} is missing; `jepa-wm dataset build` makes one')
    try:
        file = h5py.File(path, 'r')
    except OSError as error:
        raise DatasetError(f'{path}: damaged or not an HDF5 file: {error}') from error
    missing = [name for name in ('ep_len', 'ep_offset', 'action') if name not in file]
    if missing:
        file.close()
        raise DatasetError(f'{path}: missing columns {", ".join(missing)}')
    return file
