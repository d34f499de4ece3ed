"""One recording under one model: everything that is measured, as plain data."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.data.recordings import RecordingError, damage_of
from jepa_wm_ros.evaluation.action_score import action_error
from jepa_wm_ros.evaluation.bags.tracks import Losses, Track, read_tracks
from jepa_wm_ros.evaluation.bags.windows import WindowJudge, WindowRecord, step_errors
from jepa_wm_ros.evaluation.players import override_planning
from jepa_wm_ros.planning.surprise import SurpriseMonitor

if TYPE_CHECKING:
    from jepa_wm_ros.evaluation.bags.landscape import Landscape
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to evaluate: a recording of a source, and a model.

    Attributes:
        source: The path that the user named.
        recording: Name of the recording within it.
        model: Bundle.
        bundle: `name@fingerprint`.
        planner: Solver to plan with; empty takes the bundle's own.
        damage: Why the source cannot be read at all; empty when it can.
    """

    source: Path
    recording: str
    model: Path
    bundle: str
    planner: str = ''
    damage: str = ''

    @property
    def label(self) -> str:
        """The recording, for people."""
        name = self.source.name
        return name if self.recording in ('', name) else f'{name}/{self.recording}'

    @property
    def title(self) -> str:
        """The model, and the planner where one was named, for people."""
        return f'{self.bundle}, {self.planner}' if self.planner else self.bundle


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A window that is shown: its record, its pictures as JPEG files, its energy landscape."""

    record: WindowRecord
    pictures: list[bytes]
    landscape: Landscape


@dataclass(slots=True, kw_only=True)
class UnitResult:
    """What came of a job.

    Attributes:
        job: What was evaluated.
        trouble: Why nothing could be evaluated; empty when it could.
        windows: In order of time.
        surprise: For each step: offset [s], distance, score, flag.
        step_s: How long each step really lasted [s].
        wanted_step_s: How long the contract says [s].
        recorded_s: Length of the usable pieces [s].
        encode_s: How long encoding each picture took [s].
        elapsed_s: How long all of it took, with reading [s].
        losses: What could not be used.
        examples: The worst windows; not part of the JSON.
    """

    job: Job
    trouble: str = ''
    windows: list[WindowRecord] = field(default_factory=list)
    surprise: list[tuple[float, float, float, bool]] = field(default_factory=list)
    step_s: list[float] = field(default_factory=list)
    wanted_step_s: float = 0.0
    recorded_s: float = 0.0
    encode_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    losses: dict[str, Any] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)


def evaluate(job: Job, model: WorldModel, settings: BagEvalSettings) -> UnitResult:
    """Evaluate one recording; what is wrong with it is in the result, not raised."""
    result = UnitResult(job=job, wanted_step_s=model.contract.step_duration_s)
    started = time.perf_counter()
    try:
        if job.damage:
            raise RecordingError(job.damage)
        _evaluate(result, model, settings)
    except Exception as error:
        result.trouble = damage_of(error)
    result.elapsed_s = time.perf_counter() - started
    return result


def planning_of(
    contract: Contract, settings: BagEvalSettings, planner: str = ''
) -> PlanningSettings:
    """Return how a model plans in windows: its own settings, changed, with their horizon.

    Args:
        contract: The model's.
        settings: What is asked for.
        planner: Solver; empty takes that of the settings.

    Raises:
        PlayerError: A planning setting does not exist or has an impossible value.
    """
    changes = {**settings.planning, 'horizon': settings.horizon, 'executed_steps': 1}
    if planner:
        changes['solver'] = planner
    return override_planning(contract.planning, changes)


def _evaluate(result: UnitResult, model: WorldModel, settings: BagEvalSettings) -> None:
    planning = planning_of(model.contract, settings, result.job.planner)
    judge = WindowJudge(model, planning, settings)
    monitor = SurpriseMonitor(planning.surprise_window, planning.surprise_threshold)
    mapping = read_mapping(settings.mapping)
    source = find_source(result.job.source, mapping, settings.camera, settings.max_gap_s)
    losses, worst = Losses(), _Worst(settings.examples)
    with source.open(result.job.recording) as recording:
        tracks = read_tracks(recording, model, settings.max_gap_s, losses)
        for piece, track in enumerate(tracks):
            _add_steps(result, track, step_errors(model, track), monitor, losses.start_s)
            last = len(track.actions) - settings.horizon
            for frame in range(0, last + 1, settings.step):
                record = judge.record(track, piece, frame, losses.start_s)
                result.windows.append(record)
                worst.offer(record, track)
            worst.draw(track, judge)
    result.losses = dataclasses.asdict(losses)
    result.examples = worst.examples
    if not result.windows:
        raise RecordingError(
            f'no uninterrupted piece is {settings.horizon} steps long; choose a smaller --horizon'
        )


def _add_steps(
    result: UnitResult,
    track: Track,
    errors: list[float],
    monitor: SurpriseMonitor,
    start_s: float,
) -> None:
    for stamp_s, error in zip(track.stamps[1:], errors, strict=True):
        seen = monitor.update(error)
        row = (float(stamp_s - start_s), seen.distance, seen.score, seen.flagged)
        result.surprise.append(row)
    result.step_s += np.diff(track.stamps).tolist()
    result.encode_s += track.encode_s.tolist()
    result.recorded_s += float(track.stamps[-1] - track.stamps[0])


class _Worst:
    """Keeps the windows with the greatest position error."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: list[tuple[float, Example]] = []
        self._new: list[tuple[float, WindowRecord, list[bytes]]] = []

    @property
    def examples(self) -> list[Example]:
        return [example for _, example in self._kept]

    def offer(self, record: WindowRecord, track: Track) -> None:
        """Take note of a window of the track under way."""
        error = float(action_error([record.planned], [record.executed]).position[0])
        pictures = track.thumbnails[record.frame : record.frame + len(record.executed) + 1]
        self._new.append((error, record, pictures))
        self._new.sort(key=lambda entry: -entry[0])
        del self._new[self._count :]

    def draw(self, track: Track, judge: WindowJudge) -> None:
        """Compute the landscapes of those windows of the track that are among the worst."""
        least = self._kept[-1][0] if len(self._kept) == self._count and self._kept else -1.0
        for error, record, pictures in self._new:
            if error > least:
                example = Example(record, pictures, judge.landscape(track, record))
                self._kept.append((error, example))
        self._new = []
        self._kept.sort(key=lambda pair: -pair[0])
        del self._kept[self._count :]
