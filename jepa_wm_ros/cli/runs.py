"""Folders for results: `runs/<command>-<time>/`."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

from jepa_wm_ros.errors import JepaWmError


class RunFolderError(JepaWmError):
    """There is no place for the results."""


def run_folder(command: str, chosen: Path | None, need_mb: int = 20) -> Path:
    """Make a folder for the results of a command.

    Args:
        command: Name of the command.
        chosen: Where the user wants it; a new folder below `runs/` by default.
        need_mb: Free space that the results may take [MB].

    Returns:
        An absolute path of an existing folder that can be written to.

    Raises:
        RunFolderError: It cannot be made, or the disk is full.
    """
    folder = (chosen or _fresh(command)).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / '.probe'
        probe.write_bytes(b'0')
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise RunFolderError(
            f'cannot write to {folder}: {error.strerror or error}; '
            'choose another folder with --out'
        ) from error
    if free < need_mb * 1_000_000:
        raise RunFolderError(
            f'only {free // 1_000_000} MB are free at {folder}, {need_mb} MB are needed; free '
            'some space or choose another disk with --out'
        )
    return folder


def _fresh(command: str) -> Path:
    stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    folder = Path('runs') / f'{command}-{stamp}'
    number = 2
    while folder.exists():
        folder = folder.with_name(f'{command}-{stamp}-{number}')
        number += 1
    return folder
