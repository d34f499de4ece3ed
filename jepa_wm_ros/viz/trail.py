"""Where the flange has been."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jepa_wm_ros.robot.poses import Pose

_CLOCK_RESET_S = 1.0
_TELEPORT_M = 0.2


class Trail:
    """The executed path, thinned out, and what the flange's pose was at a given time.

    Args:
        capacity: How many poses are kept.
        spacing_m: A pose nearer than this to the last one of the path is left out of it [m].
        max_gap_s: Longest time between a pose and the moment that it is asked for [s].
    """

    def __init__(
        self, capacity: int = 400, spacing_m: float = 0.004, max_gap_s: float = 0.3
    ) -> None:
        self._path: deque[tuple[float, Pose]] = deque(maxlen=capacity)
        self._recent: deque[tuple[float, Pose]] = deque(maxlen=capacity)
        self._spacing_m = spacing_m
        self._max_gap_s = max_gap_s
        self.count = 0
        """How many poses were added to the path so far; another number means another path."""

    def add(self, stamp_s: float, pose: Pose) -> None:
        """Take in a pose; a clock that was set back, or a reset arm, begins a new path."""
        if self._recent and stamp_s < self._recent[-1][0] - _CLOCK_RESET_S:
            self.clear()
        if self._recent and stamp_s <= self._recent[-1][0]:
            return
        self._recent.append((stamp_s, pose))
        moved = self._moved(pose)
        if moved > _TELEPORT_M:
            self._path.clear()
        if moved >= self._spacing_m:
            self._path.append((stamp_s, pose))
            self.count += 1

    def clear(self) -> None:
        """Forget everything."""
        self._path.clear()
        self._recent.clear()
        self.count += 1

    def path(self, start: int = 0) -> Iterator[tuple[float, Pose]]:
        """Yield time [s] and pose along the path, from the oldest that is kept."""
        return islice(iter(self._path), start, None)

    def pose_at(self, stamp_s: float) -> Pose | None:
        """Return the pose nearest to a time [s]; None when none is near enough."""
        times = [stamp for stamp, _ in self._recent]
        at = bisect_left(times, stamp_s)
        near = [self._recent[i] for i in (at - 1, at) if 0 <= i < len(times)]
        if not near:
            return None
        stamp, pose = min(near, key=lambda sample: abs(sample[0] - stamp_s))
        return pose if abs(stamp - stamp_s) <= self._max_gap_s else None

    def _moved(self, pose: Pose) -> float:
        if not self._path:
            return float('inf')
        return float(np.linalg.norm(pose.position - self._path[-1][1].position))
