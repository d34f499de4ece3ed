"""What happened in an evaluation, and the files that keep it."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ResultsError(JepaWmError):
    """The results cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step of an episode.

    Attributes:
        action: What was asked for: dx dy dz [m], droll dpitch dyaw [rad], dgripper.
        distance_m: True distance from the goal after the step [m].
        cost: Latent distance of the observation before the step; None without a planner.
        plan_time_s: Time that planning took [s]; None when this step came from an older plan.
        encode_time_s: Time that encoding took [s]; None likewise.
        restarted: Whether the plan began afresh.
        deadline_hit: Whether the solver ran out of time.
    """

    action: tuple[float, ...]
    distance_m: float
    cost: float | None = None
    plan_time_s: float | None = None
    encode_time_s: float | None = None
    restarted: bool = False
    deadline_hit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """One episode that was played.

    Attributes:
        index: Its number in the draw.
        start: Flange at the start, base frame [m].
        goal: Flange in the goal picture, base frame [m].
        start_distance_m: True distance at the start [m].
        steps: What happened, in order.
        outcome: How it ended, where that can differ (through ROS: name of the result code).
    """

    index: int
    start: tuple[float, ...]
    goal: tuple[float, ...]
    start_distance_m: float
    steps: tuple[StepRecord, ...]
    outcome: str = 'MAX_STEPS'

    @property
    def final_distance_m(self) -> float:
        """True distance after the last step [m]."""
        return self.distances_m[-1]

    @property
    def best_distance_m(self) -> float:
        """Least true distance on the way [m]."""
        return min(self.distances_m)

    @property
    def distances_m(self) -> list[float]:
        """True distance at the start and after each step [m]."""
        return [self.start_distance_m, *(step.distance_m for step in self.steps)]


def write_text(path: Path, text: str) -> None:
    """Write a file that is either the old one or the whole new one.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    partial = path.with_name(f'.{path.name}.partial')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text)
        os.replace(partial, path)
    except OSError as error:
        raise ResultsError(
            f'cannot write {path}: {error.strerror or error}; free some space or choose another '
            'folder with --out'
        ) from error


def write_json(path: Path, content: dict[str, Any] | list[Any]) -> None:
    """Write JSON (without NaN) as `write_text` does."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + '\n')


def write_episodes(folder: Path, records: Sequence[EpisodeRecord], name: str = 'episodes') -> None:
    """Write `<name>.json` (every step) and `<name>.csv` (a row for each episode)."""
    ordered = sorted(records, key=lambda record: record.index)
    write_json(folder / f'{name}.json', [asdict(record) for record in ordered])
    stream = io.StringIO()
    writer = csv.writer(stream)
    places = [f'{end}_{axis}_m' for end in ('start', 'goal') for axis in ('x', 'y', 'z')]
    distances = [f'{when}_distance_m' for when in ('start', 'final', 'best')]
    writer.writerow(['index', *places, *distances, 'steps', 'outcome'])
    for record in ordered:
        numbers = (*record.start, *record.goal, record.start_distance_m)
        ends = (record.final_distance_m, record.best_distance_m)
        row = [record.index, *(f'{value:.5f}' for value in (*numbers, *ends))]
        writer.writerow([*row, len(record.steps), record.outcome])
    write_text(folder / f'{name}.csv', stream.getvalue())
