"""The most memory that a piece of work held."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS = Path('/proc/self/status')
CLEAR = Path('/proc/self/clear_refs')
RESET_PEAK = '5'
"""What Linux takes as: let the high-water mark of resident memory begin anew (proc(5))."""


def peak_bytes(run: Callable[[], object], device: torch.device) -> int | None:
    """Run something and return the most memory held while it ran, its weights included [bytes].

    On CUDA that is what PyTorch's allocator handed out; on a CPU it is the resident memory of the
    whole process, interpreter and libraries too (about 0.3 GB).

    Returns:
        The peak, or None on systems that do not tell (other than Linux).
    """
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        run()
        return None
    run()
    return _high_water_mark()


def _high_water_mark() -> int | None:
    for line in STATUS.read_text().splitlines():
        name, _, value = line.partition(':')
        if name == 'VmHWM':
            return int(value.split()[0]) * 1024
    return None
