"""The windows with the greatest errors, which are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.evaluation.bags.result import Example, error_m

if TYPE_CHECKING:
    from jepa_wm_ros.evaluation.bags.tracks import Track
    from jepa_wm_ros.evaluation.bags.windows import WindowJudge, WindowRecord


class Worst:
    """Keeps some windows, and draws them while their track is at hand.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._new: list[WindowRecord] = []
        self.examples: list[Example] = []
        """The worst first."""

    def offer(self, record: WindowRecord) -> None:
        """Take note of a window of the track under way."""
        self._new = sorted([*self._new, record], key=lambda r: -error_m(r))[: self._count]

    def draw(self, track: Track, judge: WindowJudge) -> None:
        """Draw those windows of the track that are among the worst."""
        full = self._count and len(self.examples) == self._count
        least = self.examples[-1].error_m if full else -1.0
        drawn = [judge.example(track, r) for r in self._new if error_m(r) > least]
        self._new = []
        every = sorted([*self.examples, *drawn], key=lambda example: -example.error_m)
        self.examples = every[: self._count]
