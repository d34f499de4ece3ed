"""Where the time of a plan goes."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Adds up the time of named parts; on an accelerator by events, without waiting for it."""

    def __init__(self, device: torch.device | str = 'cpu') -> None:
        """Measure work on a device."""
        self._events = torch.device(device).type == 'cuda'
        self._seconds: dict[str, float] = defaultdict(float)
        self._pairs: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside to a part."""
        if self._events:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            yield
            end.record()
            self._pairs.append((name, start, end))
            return
        started = time.perf_counter()
        yield
        self._seconds[name] += time.perf_counter() - started

    def seconds(self, name: str) -> float:
        """Return the time of a part [s]; waits for the accelerator."""
        total = self._seconds[name]
        for part, start, end in self._pairs:
            if part == name:
                end.synchronize()
                total += start.elapsed_time(end) / 1000
        return total


def monotonic(device: torch.device | str) -> float:
    """Return the time [s] when a device has done what it was told."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()
