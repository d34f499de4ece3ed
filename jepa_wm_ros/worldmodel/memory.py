"""How much memory this process takes, and took at most (Linux)."""

from __future__ import annotations

from pathlib import Path

STATUS = Path('/proc/self/status')
CLEAR = Path('/proc/self/clear_refs')
RESET_PEAK = '5'


def resident_bytes() -> int:
    """Memory that this process takes now, with pages of mapped files [bytes]."""
    return _field('VmRSS')


def peak_bytes() -> int:
    """Most memory that this process took since `reset_peak`, or since it began [bytes].

    Unlike `resource.getrusage`, this does not count what the parent process took.
    """
    return _field('VmHWM')


def reset_peak() -> None:
    """Begin to measure the peak anew; without permission for it, the old peak stands."""
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        return


def _field(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f'{name}:'):
            return int(line.split()[1]) * 1024
    raise OSError(f'{STATUS} has no {name}')
