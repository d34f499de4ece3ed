"""The last joint samples, to be looked up at a picture's time stamp."""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError


class JointBufferError(JepaWmError):
    """There is no joint sample near enough to the asked moment."""


@dataclass(frozen=True, slots=True, eq=False)
class JointSample:
    """Joint positions at one moment.

    Attributes:
        stamp_s: When they were measured [s].
        positions: `(n,)` [rad].
    """

    stamp_s: float
    positions: NDArray[np.float64]


class JointBuffer:
    """A ring buffer of joint samples with linear interpolation between them.

    A stamp that lies before the newest one means that the clock was set back (a bag that loops, a
    simulation that was reset): everything older belongs to another life and is forgotten.
    """

    def __init__(self, capacity: int = 256, max_gap_s: float = 0.1) -> None:
        """Make an empty buffer.

        Args:
            capacity: How many samples are kept.
            max_gap_s: The longest time without a sample that is bridged [s]: between two samples
                by interpolation, after the newest one by holding it.
        """
        self._samples: deque[JointSample] = deque(maxlen=capacity)
        self._max_gap_s = max_gap_s

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    @property
    def latest(self) -> JointSample | None:
        """The newest sample; None when there is none."""
        return self._samples[-1] if self._samples else None

    def clear(self) -> None:
        """Forget all samples."""
        self._samples.clear()

    def add(self, stamp_s: float, positions: ArrayLike) -> None:
        """Append `(n,)` positions [rad], measured at `stamp_s` [s].

        Raises:
            JointBufferError: A number is not finite; the buffer stays as it was.
        """
        values = np.array(positions, dtype=np.float64)
        if not (math.isfinite(stamp_s) and np.isfinite(values).all()):
            raise JointBufferError(f'joint sample at {stamp_s} s is not finite: {values.tolist()}')
        if self._samples and stamp_s < self._samples[-1].stamp_s:
            self._samples.clear()
        self._samples.append(JointSample(stamp_s, values))

    def at(self, stamp_s: float) -> NDArray[np.float64]:
        """Return the `(n,)` positions [rad] at `stamp_s` [s].

        Raises:
            JointBufferError: The buffer is empty, the moment is too old or too new, or the samples
                around it are further apart than `max_gap_s`.
        """
        if not self._samples:
            raise JointBufferError('there are no joint states yet')
        newest = self._samples[-1]
        if stamp_s >= newest.stamp_s:
            return self._after(newest, stamp_s)
        # The asked moment is nearly always among the last few samples: search from there.
        for after, before in itertools.pairwise(reversed(self._samples)):
            if before.stamp_s <= stamp_s:
                return self._between(before, after, stamp_s)
        oldest = self._samples[0].stamp_s
        raise JointBufferError(
            f'joint states begin {oldest - stamp_s:.3f} s after the asked moment; '
            'the picture is too old or the clocks of camera and arm differ'
        )

    def speed(self, window_s: float) -> NDArray[np.float64] | None:
        """Return the mean `(n,)` speeds [rad/s] over the last `window_s` [s]; None if unknown."""
        if len(self._samples) < 2:
            return None
        newest = self._samples[-1]
        for sample in itertools.islice(reversed(self._samples), 1, None):
            elapsed = newest.stamp_s - sample.stamp_s
            if elapsed >= window_s:
                return (newest.positions - sample.positions) / elapsed
        return None

    def _after(self, newest: JointSample, stamp_s: float) -> NDArray[np.float64]:
        """Return the newest positions unless the asked moment is much later."""
        if stamp_s - newest.stamp_s > self._max_gap_s:
            raise JointBufferError(
                f'the newest joint state is {stamp_s - newest.stamp_s:.3f} s older than the asked '
                f'moment (at most {self._max_gap_s} s): did the joint states stop?'
            )
        return newest.positions.copy()

    def _between(
        self, before: JointSample, after: JointSample, stamp_s: float
    ) -> NDArray[np.float64]:
        """Return positions between two neighbouring samples."""
        gap = after.stamp_s - before.stamp_s
        if gap > self._max_gap_s:
            raise JointBufferError(
                f'joint states have a gap of {gap:.3f} s around the asked moment '
                f'(at most {self._max_gap_s} s)'
            )
        part = 0.0 if gap == 0.0 else (stamp_s - before.stamp_s) / gap
        return before.positions + part * (after.positions - before.positions)
