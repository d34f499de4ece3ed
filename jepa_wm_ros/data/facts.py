"""What became of one recording: kept in the journal of a build, summed up in the audit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One recording.

    Attributes:
        source: Where it came from.
        name: Which one.
        dropped: Why no episode came of it; empty when there is one.
        note: What is worth knowing; empty when there is nothing.
        proprio: Fields of its proprioception; empty when unknown.
        episodes: Frames of each episode that came of it.
        recorded_s: Time between the first and the last picture [s]; 0 when unknown.
        picture_rate_hz: Median rate of the pictures; 0 when unknown.
        state_rate_hz: Median rate of the arm's states; 0 when unknown.
        picture_gaps: Places where pictures are missing.
        state_gaps: Places where the robot's state is not known.
        jumps: Places where the arm was suddenly elsewhere.
        bad_pictures: Pictures that could not be decoded, or show nothing.
        short: Pieces that were too short.
        longest_gap_s: Longest time between two pictures [s].
        built_s: How long it took [s].
    """

    source: str
    name: str
    dropped: str = ''
    note: str = ''
    proprio: tuple[str, ...] = ()
    episodes: tuple[int, ...] = ()
    recorded_s: float = 0.0
    picture_rate_hz: float = 0.0
    state_rate_hz: float = 0.0
    picture_gaps: int = 0
    state_gaps: int = 0
    jumps: int = 0
    bad_pictures: int = 0
    short: int = 0
    longest_gap_s: float = 0.0
    built_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As JSON can say it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, mapping: dict[str, Any]) -> Facts:
        """Read what `as_json` wrote."""
        lists = {name: tuple(mapping[name]) for name in ('episodes', 'proprio')}
        return cls(**{**mapping, **lists})
