"""Clips: short runs of frames and actions, drawn at random from episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.episodes import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.data.episodes import EpisodeTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipBatch:
    """A batch of clips of T frames.

    Attributes:
        pixels: `(B, T, h, w, 3)` uint8 RGB, or what stands for the pictures.
        action: `(B, T-1, A)` float32: the actions between the frames.
        proprio: `(B, T, P)` float32.
        masks: `(B, T, h, w)` uint8, where the table has them.
    """

    pixels: NDArray[Any]
    action: NDArray[np.float32]
    proprio: NDArray[np.float32]
    masks: NDArray[np.uint8] | None = None


class ClipSampler:
    """Draws clips from some episodes of a table; batch k depends on the seed and k alone.

    That makes a resumed training see the same data as one that was never interrupted.
    """

    def __init__(
        self,
        table: EpisodeTable,
        episodes: NDArray[np.int64],
        frames: int,
        seed: int,
        pictures: NDArray[Any] | None = None,
    ) -> None:
        """Prepare to draw clips.

        Args:
            table: The episodes.
            episodes: Numbers of those to draw from.
            frames: Frames of a clip.
            seed: Seed of the draws.
            pictures: `(N, ...)` what stands for the pictures; the table's pixels by default.

        Raises:
            DatasetError: No episode is long enough.
        """
        starts = [
            np.arange(table.offset[e], table.offset[e] + table.length[e] - frames + 1)
            for e in episodes
        ]
        self._starts = np.concatenate(starts) if starts else np.zeros(0, np.int64)
        if len(self._starts) == 0:
            raise DatasetError(
                f'no episode has the {frames} frames of one clip; the longest of {len(episodes)} '
                f'has {max(table.length[episodes], default=0)}'
            )
        self._table, self._frames, self._seed = table, frames, seed
        self._pictures = table.pixels if pictures is None else pictures

    def __len__(self) -> int:
        """Number of different clips."""
        return len(self._starts)

    def batch(self, index: int, size: int, part: slice | None = None) -> ClipBatch:
        """Draw batch number `index` of `size` clips; with `part`, read only those of it."""
        rng = np.random.default_rng([self._seed, index])
        start = rng.choice(self._starts, size)[part or slice(None)]
        rows = start[:, None] + np.arange(self._frames)
        masks = self._table.masks
        return ClipBatch(
            pixels=self._pictures[rows],
            action=self._table.action[rows[:, :-1]],
            proprio=self._table.proprio[rows],
            masks=None if masks is None else masks[rows],
        )


def split_episodes(
    count: int, validation: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide episode numbers into training and validation, at random but the same for a seed."""
    order = np.random.default_rng(seed).permutation(count)
    held_out = max(1, round(count * validation))
    return np.sort(order[held_out:]), np.sort(order[:held_out])
