"""Episodes in which the arm is suddenly elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.episodes import DatasetError, Episode
from jepa_wm_ros.evaluation.explain.settings import LEAST_STEPS
from jepa_wm_ros.planning.surprise import WARM_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.data.episodes import EpisodeTable

SMALLEST_M = 0.02
LARGEST_M = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jump:
    """An episode with one teleport.

    Attributes:
        episode: Pictures, actions and positions, the jump included.
        at: Number of the first frame after it.
        size_m: Distance from where the action led to where the arm then was [m].
    """

    episode: Episode
    at: int
    size_m: float


def draw_moment(rng: np.random.Generator, frames: int) -> int:
    """Return the first frame after a jump: late enough to know before what is usual."""
    return int(rng.integers(WARM_UP + 1, frames - 2))


def spliced(table: EpisodeTable, count: int, seed: int) -> list[Jump]:
    """Make jumps out of recorded episodes: some frames in the middle are left out or repeated.

    The looks of the scene stay, only the arm is elsewhere.

    Args:
        table: The episodes.
        count: Jumps; episodes are used in turn.
        seed: Of what is cut out.

    Raises:
        DatasetError: No episode is long enough and moves far enough.
    """
    long = [int(e) for e in range(table.episodes) if table.length[e] > LEAST_STEPS]
    jumps: list[Jump] = []
    for number in range(count if long else 0):
        rng = np.random.default_rng([seed, number])
        jump = _splice(table, long[number % len(long)], rng)
        jumps += [jump] if jump is not None else []
    if not jumps:
        raise DatasetError(
            f'no episode is longer than {LEAST_STEPS} frames and moves the arm by more than '
            f'{100 * SMALLEST_M:g} cm; surprise cannot be measured on these data'
        )
    return jumps


def _splice(table: EpisodeTable, episode: int, rng: np.random.Generator) -> Jump | None:
    """Continue an episode from another of its frames; None where all are too near."""
    rows = table.offset[episode] + np.arange(table.length[episode])
    position = table.proprio[rows, :3].astype(np.float64)
    at = draw_moment(rng, len(rows))
    gap = np.linalg.norm(position - position[at], axis=1)
    gap[-2:] = 0.0
    choices = np.flatnonzero(gap > SMALLEST_M)
    if len(choices) == 0:
        return None
    to = int(rng.choice(choices))
    order: NDArray[np.int64] = np.concatenate([rows[:at], rows[to:]])
    episode_rows = Episode(
        pixels=table.pixels[order], action=table.action[order], proprio=table.proprio[order]
    )
    return Jump(episode=episode_rows, at=at, size_m=float(gap[to]))
