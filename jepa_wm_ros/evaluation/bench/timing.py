"""Wall-clock timing: warm-up first, then repeats that take turns."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock times of the repeats of one thing.

    Attributes:
        seconds: One time for each repeat [s], in the order in which they were taken.
    """

    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a timing without times."""
        if not self.seconds:
            raise ValueError('a timing needs at least one repeat')

    @property
    def median_s(self) -> float:
        """The middle time [s]."""
        return statistics.median(self.seconds)

    @property
    def p95_s(self) -> float:
        """The time that 95 % of the repeats keep [s], linearly interpolated between ranks.

        With fewer than about 20 repeats it is little more than the longest one.
        """
        ordered = sorted(self.seconds)
        rank = 0.95 * (len(ordered) - 1)
        low = int(rank)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


def take_turns(
    runs: Sequence[Callable[[], object]],
    *,
    warm_up: int,
    repeats: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:
    """Time several things that are to be compared.

    They take turns, so that a machine that gets slower (heat, neighbours) does so for all.

    Args:
        runs: What to time.
        warm_up: Calls of each that are not timed: allocation, compilation, caches.
        repeats: Calls of each that are.
        device: Whose queue is drained before a clock is read.
        clock: A monotonic clock [s].

    Returns:
        One timing for each of `runs`.
    """
    for run in runs:
        for _ in range(warm_up):
            run()
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for times, run in zip(seconds, runs, strict=True):
            _drain(device)
            started = clock()
            run()
            _drain(device)
            times.append(clock() - started)
    return [Timing(tuple(times)) for times in seconds]


def _drain(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
