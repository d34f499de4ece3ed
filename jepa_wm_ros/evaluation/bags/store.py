"""Results of single recordings on the disk: what makes an evaluation resumable."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.bags.landscape import PLANES, Landscape
from jepa_wm_ros.evaluation.bags.result import Example, UnitResult
from jepa_wm_ros.evaluation.bags.settings import BagEvalError
from jepa_wm_ros.evaluation.bags.windows import WindowRecord
from jepa_wm_ros.evaluation.records import write_json

if TYPE_CHECKING:
    from jepa_wm_ros.evaluation.bags.job import Job
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings

FOLDER = 'parts'
_STRIPS = ('pictures', 'expected', 'planned')


class Store:
    """The folder `parts/` of an evaluation.

    Args:
        folder: Of the evaluation.
        settings: What is asked for; parts of other settings are refused.
        resume: Whether parts that are there already are wanted.

    Raises:
        BagEvalError: There are parts, and they are not wanted or belong to other settings.
    """

    def __init__(self, folder: Path, settings: BagEvalSettings, *, resume: bool) -> None:
        self.folder, self._folder = folder, folder / FOLDER
        wanted = json.loads(json.dumps(asdict(settings), default=str))
        path = self._folder / 'settings.json'
        if path.exists():
            if not resume:
                raise BagEvalError(
                    f'{folder} holds an evaluation already; go on with it with --resume, or '
                    'choose another --out'
                )
            if json.loads(path.read_text()) != wanted:
                raise BagEvalError(
                    f'{folder} was begun with other settings (see {path}); repeat them, or choose '
                    'another --out'
                )
        else:
            write_json(path, wanted)

    def load(self, job: Job) -> UnitResult | None:
        """Return what is known of a job; None when nothing is, or its bag has changed since.

        What was broken counts as unknown: perhaps it has been mended.
        """
        result = self._read(job)
        return None if result is None or result.trouble else result

    def require(self, job: Job) -> UnitResult:
        """Return what came of a job, broken or not.

        Raises:
            BagEvalError: It is not there.
        """
        result = self._read(job)
        if result is None:
            raise BagEvalError(
                f'{self._folder} has no result of {job.label}: has its bag changed meanwhile, or '
                'is --out on a disk that not all processes share?'
            )
        return result

    def forget(self, job: Job) -> None:
        """Remove what is known of a job."""
        for suffix in ('.json', '.npz'):
            self._path(job).with_suffix(suffix).unlink(missing_ok=True)

    def _read(self, job: Job) -> UnitResult | None:
        path = self._path(job)
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        if content.pop('changed') != _changed(job):
            return None
        content.pop('job')
        content['windows'] = [WindowRecord(**row) for row in content['windows']]
        content['surprise'] = [tuple(row) for row in content['surprise']]
        result = UnitResult(job=job, **content)
        result.examples = _read_examples(path.with_suffix('.npz'), result.windows)
        return result

    def save(self, result: UnitResult) -> None:
        """Keep a result; it is there as a whole or not at all."""
        path = self._path(result.job)
        if result.examples:
            _write_examples(path.with_suffix('.npz'), result)
        content = {
            entry.name: getattr(result, entry.name)
            for entry in dataclasses.fields(result)
            if entry.name not in ('job', 'examples', 'windows')
        }
        content['windows'] = [asdict(record) for record in result.windows]
        content['job'] = {k: str(v) for k, v in asdict(result.job).items()}
        write_json(path, content | {'changed': _changed(result.job)})

    def _path(self, job: Job) -> Path:
        share = f'\n{job.share} of {job.shares}' if job.shares > 1 else ''
        key = f'{job.source.absolute()}\n{job.recording}\n{job.title}{share}'
        return self._folder / f'{hashlib.sha256(key.encode()).hexdigest()[:16]}.json'


def _changed(job: Job) -> list[Any]:
    """What tells whether a recording is still the same: sizes and times of its files."""
    root = job.source
    if not root.exists():
        return []
    files = sorted(root.rglob('*')) if root.is_dir() else [root]
    stats = [(str(path), path.stat()) for path in files if path.is_file()]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def _write_examples(path: Path, result: UnitResult) -> None:
    columns: dict[str, Any] = {}
    for number, example in enumerate(result.examples):
        columns[f'{number}/window'] = np.array(result.windows.index(example.record))
        columns[f'{number}/grid'] = example.landscape.axes_grid
        for plane in PLANES:
            columns[f'{number}/axes_{plane}'] = example.landscape.axes[plane]
            columns[f'{number}/slice_{plane}'] = example.landscape.slices[plane]
            columns[f'{number}/projection_{plane}'] = example.landscape.projections[plane]
        for strip in _STRIPS:
            for picture, data in enumerate(getattr(example, strip)):
                columns[f'{number}/{strip}_{picture}'] = np.frombuffer(data, np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **columns)
    partial = path.with_suffix('.partial')
    partial.write_bytes(stream.getvalue())
    os.replace(partial, path)


def _read_examples(path: Path, windows: list[WindowRecord]) -> list[Example]:
    if not path.exists():
        return []
    examples = []
    with np.load(path, allow_pickle=False) as columns:
        count = sum(name.endswith('/window') for name in columns.files)
        for number in range(count):
            own = {
                name.partition('/')[2]: columns[name]
                for name in columns.files
                if name.startswith(f'{number}/')
            }
            strips = {strip: _read_strip(own, strip) for strip in _STRIPS}
            landscape = Landscape(
                {plane: own[f'axes_{plane}'] for plane in PLANES},
                {plane: own[f'slice_{plane}'] for plane in PLANES},
                own['grid'],
                {plane: own[f'projection_{plane}'] for plane in PLANES},
            )
            record = windows[int(own['window'])]
            examples.append(Example(record=record, landscape=landscape, **strips))
    return examples


def _read_strip(columns: dict[str, Any], strip: str) -> list[bytes]:
    """The pictures of a strip, in their order."""
    found = {name: bytes(data) for name, data in columns.items() if name.startswith(f'{strip}_')}
    return [found[f'{strip}_{number}'] for number in range(len(found))]
