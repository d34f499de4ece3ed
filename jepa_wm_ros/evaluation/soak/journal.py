"""The notes of a soak: one JSON object a line, appended as it comes, so that nothing gets lost."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = 'samples.jsonl'


class JournalError(JepaWmError):
    """The notes of a soak cannot be read or written."""


class Journal:
    """Appends notes to a file; safe from several threads.

    Args:
        folder: Of the run; a journal that is there goes on.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        try:
            if path.exists() and not path.read_bytes().endswith(b'\n') and path.stat().st_size:
                path.write_bytes(path.read_bytes().rpartition(b'\n')[0] + b'\n')
            self._file = path.open('a')
        except OSError as error:
            raise JournalError(f'cannot write {path}: {error.strerror or error}') from error
        self._lock = threading.Lock()

    def note(self, kind: str, **values: Any) -> None:
        """Write one note; it is with the system when this returns."""
        line = json.dumps({'kind': kind, **values}, allow_nan=False)
        with self._lock:
            self._file.write(line + '\n')
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journal(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the notes by kind, in order of time.

    A last line that was cut off, because the program was killed while it wrote, is left out.

    Raises:
        JournalError: There is no journal, or a line in its middle is damaged.
    """
    path = folder / NAME
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise JournalError(
            f'cannot read {path}: {error.strerror or error}; give the folder of a soak'
        ) from error
    notes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        try:
            note: Mapping[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise JournalError(f'{path}, line {number}: {error}') from error
        notes[note['kind']].append(dict(note))
    if not notes['begin']:
        raise JournalError(f'{path} does not begin as the notes of a soak do')
    return notes
