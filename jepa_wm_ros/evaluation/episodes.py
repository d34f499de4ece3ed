"""Which episodes an evaluation plays: start, goal and looks, drawn from a seed.

Every episode has random generators of its own, made from the seed and its number. So episode k is
the same one whatever the others did, however many there are and whoever plays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.limits import WORKSPACE_CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.limits import Workspace
    from jepa_wm_ros.sim.appearance import Appearance

Variation = Literal['none', 'seen', 'unseen']
GoalAppearance = Literal['same', 'other']
EVALUATION_SEED = 5000
"""Default seed: never used for tuning."""
MOST_DRAWS = 10_000
_STREAMS = {'places': 0, 'looks': 1, 'environment': 2, 'policy': 3}


class EpisodeError(JepaWmError):
    """The episodes that were asked for cannot be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeSettings:
    """What the episodes of one evaluation have in common.

    Attributes:
        episodes: How many.
        seed: Draws all of them.
        steps: Actions in each; there is no early stop.
        start_distance_m: Least distance of the start from the goal [m].
        variation: Looks of the scene: `none` (nominal), `seen` (as in training), `unseen`.
        goal_appearance: Whether the goal picture has the `same` looks as the scene or `other`
            ones of the same kind.
    """

    episodes: int = 200
    seed: int = EVALUATION_SEED
    steps: int = 25
    start_distance_m: float = 0.15
    variation: Variation = 'none'
    goal_appearance: GoalAppearance = 'same'

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            EpisodeError: A value is out of its range.
        """
        for name in ('episodes', 'steps'):
            if getattr(self, name) < 1:
                raise EpisodeError(f'{name} must be at least 1, got {getattr(self, name)}')
        if self.seed < 0:
            raise EpisodeError(f'seed must not be negative, got {self.seed}')
        if not self.start_distance_m >= 0:
            raise EpisodeError(f'start_distance_m must be 0 or more, got {self.start_distance_m}')
        choices = {'variation': Variation, 'goal_appearance': GoalAppearance}
        for name, kind in choices.items():
            accepted = get_args(kind)
            if getattr(self, name) not in accepted:
                raise EpisodeError(
                    f'{name} must be one of {", ".join(accepted)}, got {getattr(self, name)!r}'
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpisodeDraw:
    """One episode before it is played.

    Attributes:
        index: Its number, from 0.
        seed: Seed of the evaluation.
        start: `(3,)` flange at the start, base frame [m].
        goal: `(3,)` flange in the goal picture, base frame [m].
    """

    index: int
    seed: int
    start: NDArray[np.float64]
    goal: NDArray[np.float64]

    @property
    def start_distance_m(self) -> float:
        """Distance of the start from the goal [m]."""
        return float(np.linalg.norm(self.start - self.goal))

    def generator(self, stream: str) -> np.random.Generator:
        """Return a fresh generator for `looks`, `environment` or `policy` of this episode."""
        return episode_generator(self.seed, self.index, stream)


def episode_generator(seed: int, index: int, stream: str) -> np.random.Generator:
    """Return the generator of one purpose (a key of the streams) in one episode."""
    key = (index, _STREAMS[stream])
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def draw_episode(
    settings: EpisodeSettings, index: int, workspace: Workspace = WORKSPACE_CELL
) -> EpisodeDraw:
    """Draw start and goal, uniform in the workspace; starts too near to the goal are drawn again.

    Args:
        settings: Seed and least distance.
        index: Number of the episode.
        workspace: Box of the flange [m].

    Returns:
        The episode.

    Raises:
        EpisodeError: The workspace holds no two points so far apart.
    """
    rng = episode_generator(settings.seed, index, 'places')
    goal = rng.uniform(workspace.lower, workspace.upper)
    for _ in range(MOST_DRAWS):
        start = rng.uniform(workspace.lower, workspace.upper)
        if np.linalg.norm(start - goal) >= settings.start_distance_m:
            return EpisodeDraw(index=index, seed=settings.seed, start=start, goal=goal)
    raise EpisodeError(
        f'no start is {settings.start_distance_m} m away from the goal {goal.round(3).tolist()} '
        f'in the workspace; use a smaller start_distance_m'
    )


def draw_appearances(
    settings: EpisodeSettings, draw: EpisodeDraw
) -> tuple[Appearance, Appearance]:
    """Return the looks of the scene and of the goal picture."""
    from jepa_wm_ros.sim.appearance import NOMINAL, sample_appearance

    if settings.variation == 'none':
        return NOMINAL, NOMINAL
    rng = draw.generator('looks')
    scene = sample_appearance(rng, settings.variation)
    if settings.goal_appearance == 'same':
        return scene, scene
    return scene, sample_appearance(rng, settings.variation)
