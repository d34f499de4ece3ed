"""Batches made ahead, in a thread of their own, and how long that takes."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar('T')


@dataclass(slots=True)
class FeedTimes:
    """Seconds since the feeder began.

    Attributes:
        making: Spent on making batches.
        waiting: For which training stood still, because no batch was ready.
        training: Spent on all else.
    """

    making: float = 0.0
    waiting: float = 0.0
    training: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times as fast data could come as training takes them."""
        return self.training / max(self.making, 1e-9)

    @property
    def waiting_share(self) -> float:
        """Share of the time for which training waited for data."""
        return self.waiting / max(self.waiting + self.training, 1e-9)


class Feeder(Generic[T]):
    """Makes batch k + 1 while batch k is trained on."""

    def __init__(self, make: Callable[[int], T], end: int) -> None:
        """Prepare to make batches.

        Args:
            make: Makes the batch of a number; depends on nothing else.
            end: The number after that of the last batch.
        """
        self._make, self._end = make, end
        self._ahead: dict[int, Future[T]] = {}
        self._pool = ThreadPoolExecutor(1, 'feeder')
        self._given: float | None = None
        self.times = FeedTimes()

    def __enter__(self) -> Feeder[T]:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop what was made ahead."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, index: int) -> T:
        """Return a batch, and begin to make the next."""
        asked = time.perf_counter()
        if self._given is not None:
            self.times.training += asked - self._given
        batch = self._ordered(index).result()
        self._given = time.perf_counter()
        self.times.waiting += self._given - asked
        if index + 1 < self._end:
            self._ahead[index + 1] = self._pool.submit(self._timed, index + 1)
        return batch

    def _ordered(self, index: int) -> Future[T]:
        ordered = self._ahead.pop(index, None)
        self._ahead.clear()
        return ordered or self._pool.submit(self._timed, index)

    def _timed(self, index: int) -> T:
        started = time.perf_counter()
        batch = self._make(index)
        self.times.making += time.perf_counter() - started
        return batch
