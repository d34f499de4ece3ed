"""How a head is trained (plain data, imports no torch)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import require

STEPS = {'decoder': 2000, 'probe': 1000, 'reward': 2000}
BATCH = {'decoder': 48, 'probe': 256, 'reward': 256}
"""What suits each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTraining:
    """How a head is optimised, with AdamW and half a cosine.

    Attributes:
        steps: Optimisation steps; a linear probe is solved and takes none.
        batch: Frames in a step.
        learning_rate: Peak learning rate, after a warm-up of a twentieth of the steps.
        weight_decay: On matrices only.
        betas: Of AdamW.
        seed: Of the weights, the batches and the held-out episodes.
        validation: Part of the episodes that is held out.
        checkpoint_every: Steps between checkpoints.
    """

    steps: int
    batch: int
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    seed: int = 0
    validation: float = 0.1
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        """Refuse what trains nothing."""
        require(self.steps >= 0, f'steps must not be negative, got {self.steps}')
        for name in ('batch', 'checkpoint_every'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')
        require(self.learning_rate > 0, 'learning_rate must be positive')
        require(self.weight_decay >= 0, 'weight_decay must not be negative')
        require(0 < self.validation < 1, 'validation must be within 0..1 exclusive')

    def rate(self, step: int) -> float:
        """Return the share of the peak learning rate at a step."""
        warmup = max(1, self.steps // 20)
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, self.steps - warmup)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """What counts as a success; without any of these, the labels of the dataset say it.

    Attributes:
        reach_m: The flange is this near to where it is in the goal picture [m]: a head that sees
            the goal, learned from pairs of frames.
        region: x, y, z and radius [m] of a ball in the base frame in which the flange is to be.
        discount: A frame k steps before a success counts discount^k: a value, not a reward.
    """

    reach_m: float | None = None
    region: tuple[float, float, float, float] | None = None
    discount: float = 0.0

    def __post_init__(self) -> None:
        """Refuse labels that nothing, or two things, give."""
        require(self.reach_m is None or self.reach_m > 0, 'reach must be positive [m]')
        require(self.region is None or self.region[3] > 0, "the region's radius must be positive")
        require(self.reach_m is None or self.region is None, 'reach and region exclude each other')
        require(0 <= self.discount < 1, f'discount must be within 0..1, got {self.discount}')
        require(
            self.reach_m is None or self.discount == 0,
            'discount is for labels along an episode, not for reach',
        )
