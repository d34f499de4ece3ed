"""Results of single jobs on the disk, and who works on what: what makes a study resumable."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.records import write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jepa_wm_ros.evaluation.studies.grid import Job


class Store:
    """The folder `jobs/` of a study."""

    def __init__(self, folder: Path) -> None:
        """Keep results in a folder, which is the study's."""
        self.folder = folder

    def load(self, job: Job) -> dict[str, Any] | None:
        """Return the result of a job; None when there is none, or it is of something else."""
        try:
            result: dict[str, Any] = json.loads(self._path(job, '.json').read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return result if result.get('key') == job.key else None

    def save(self, job: Job, result: dict[str, Any]) -> None:
        """Keep a result; it is there as a whole or not at all."""
        write_json(self._path(job, '.json'), result)
        self.failure(job).unlink(missing_ok=True)

    def fail(self, job: Job, words: str) -> None:
        """Keep why a job failed, for people; the next call tries it again."""
        write_text(self.failure(job), words)

    def failure(self, job: Job) -> Path:
        """Return the file that says why a job failed."""
        return self._path(job, '.failed.txt')

    def lock(self, job: Job) -> Path:
        """Return the file that stands for a job, or for the bundle that it trains."""
        return job.model.with_suffix('.lock') if job.recipe else self._path(job, '.lock')

    def _path(self, job: Job, ending: str) -> Path:
        return self.folder / 'jobs' / f'{job.file_name}{ending}'


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Hold a piece of work for this process alone; given back by itself when the process dies.

    Args:
        path: The file that stands for it.

    Yields:
        Whether it is ours; not, when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
