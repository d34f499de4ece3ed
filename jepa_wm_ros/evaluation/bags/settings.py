"""What an evaluation on bags is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jepa_wm_ros.errors import JepaWmError

PLANNING = {'reduction': 'last'}
"""Planning settings of windows where they differ from those of a bundle."""


class BagEvalError(JepaWmError):
    """An evaluation on bags cannot be made as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BagEvalSettings:
    """How windows are drawn from recordings, and what is asked of the model in each.

    Attributes:
        horizon: Steps H between a window's first picture and its goal; plans are as long.
        stride: Steps between the beginnings of two windows; 0 takes H, so that none overlap.
        planning: Planning settings that differ from the bundle's own. The cost is that of the last
            frame unless this says otherwise: the goal lies exactly at the end of the horizon, and
            arriving early is not asked for.
        candidates: Random action sequences among which the executed one is ranked.
        grid: Points on each axis of the grid of constant translations.
        slices: Points on each axis of a drawn energy landscape.
        examples: Windows of each recording that are shown: the worst ones.
        seed: Of plans and candidates; every window begins with it.
        max_gap_s: Longest time without a picture or robot state that is bridged [s].
        camera: Camera of the mapping, or a topic; empty takes the first.
        mapping: File that says which topics are what; None takes the package's.
        device: Kind of compute device, `cpu` or `cuda`; figures differ in the last digits.
    """

    horizon: int = 3
    stride: int = 0
    planning: dict[str, Any] = field(default_factory=lambda: dict(PLANNING))
    candidates: int = 128
    grid: int = 5
    slices: int = 17
    examples: int = 5
    seed: int = 0
    max_gap_s: float = 0.25
    camera: str = ''
    mapping: Path | None = None
    device: str = 'cpu'

    def __post_init__(self) -> None:
        """Refuse counts that leave nothing to measure.

        Raises:
            BagEvalError: A count is too small.
        """
        least = {'horizon': 1, 'stride': 0, 'candidates': 1, 'grid': 2, 'slices': 2, 'examples': 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise BagEvalError(f'{name} must be at least {bound}, got {getattr(self, name)}')
        if 'horizon' in self.planning:
            raise BagEvalError(
                'the planning horizon is that of the windows; choose it with --horizon'
            )

    @property
    def step(self) -> int:
        """Steps between the beginnings of two windows."""
        return self.stride or self.horizon
