"""How much is looked at (plain data)."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.planning.surprise import WARM_UP
from jepa_wm_ros.worldmodel.checks import require

LEAST_STEPS = WARM_UP + 4
"""A jump needs steps before it, from which to know what is usual, and some after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """How much is looked at.

    Attributes:
        episodes: Episodes without a jump; a probe learns from every other one, the rest judge.
        jumps: Episodes in which the arm is teleported once.
        steps: Actions of an episode that is collected for this.
        seed: Of everything random.
        varied: Whether the looks of the cell differ between episodes as in training.
        starts: Frames that the grid of actions starts from.
        grid: Values of an action along each axis.
    """

    episodes: int = 24
    jumps: int = 24
    steps: int = 24
    seed: int = 0
    varied: bool = True
    starts: int = 48
    grid: int = 9

    def __post_init__(self) -> None:
        """Refuse what measures nothing."""
        require(self.episodes >= 4, f'episodes must be at least 4, got {self.episodes}')
        require(self.jumps >= 1, f'jumps must be at least 1, got {self.jumps}')
        require(
            self.steps >= LEAST_STEPS, f'steps must be at least {LEAST_STEPS}, got {self.steps}'
        )
        require(self.seed >= 0, f'seed must not be negative, got {self.seed}')
        require(self.starts >= 1, f'starts must be at least 1, got {self.starts}')
        require(self.grid >= 3, f'grid must be at least 3, got {self.grid}')
