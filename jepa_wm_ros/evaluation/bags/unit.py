"""One recording under one model: everything that is measured."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.data.recordings import RecordingError, damage_of
from jepa_wm_ros.evaluation.bags.controls import SHUFFLED, shuffled
from jepa_wm_ros.evaluation.bags.result import UnitResult
from jepa_wm_ros.evaluation.bags.tracks import Losses, read_tracks
from jepa_wm_ros.evaluation.bags.windows import WindowJudge, step_errors
from jepa_wm_ros.evaluation.bags.worst import Worst
from jepa_wm_ros.evaluation.players import override_planning
from jepa_wm_ros.planning.surprise import SurpriseMonitor

if TYPE_CHECKING:
    from jepa_wm_ros.evaluation.bags.job import Job
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.tracks import Track
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def evaluate(
    job: Job, model: WorldModel, settings: BagEvalSettings, decoder: Decoder | None = None
) -> UnitResult:
    """Evaluate one recording; what is wrong with it is in the result, not raised.

    Args:
        job: The recording, and which windows of it.
        model: The world model, spoilt already where the job is a control that spoils it.
        settings: What is asked of it.
        decoder: Turns its latents into pictures, for the examples.
    """
    result = UnitResult(job=job, wanted_step_s=model.contract.step_duration_s)
    started, worked = time.perf_counter(), time.process_time()
    try:
        if job.damage:
            raise RecordingError(job.damage)
        _Evaluation(result, model, settings, decoder).run()
    except Exception as error:
        result.trouble = damage_of(error)
    result.elapsed_s = time.perf_counter() - started
    result.cpu_s = time.process_time() - worked
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


class _Evaluation:
    """Fills a result in, track by track."""

    def __init__(
        self,
        result: UnitResult,
        model: WorldModel,
        settings: BagEvalSettings,
        decoder: Decoder | None,
    ) -> None:
        self._result, self._model, self._settings = result, model, settings
        planning = planning_of(model.contract, settings, result.job.planner)
        self._judge = WindowJudge(model, planning, settings, decoder)
        self._monitor = SurpriseMonitor(planning.surprise_window, planning.surprise_threshold)
        self._losses = Losses()
        self._worst = Worst(0 if result.job.control else settings.examples)
        self._windows = 0

    def run(self) -> None:
        """Evaluate the recording.

        Raises:
            RecordingError: It has not a single window.
        """
        job, settings = self._result.job, self._settings
        mapping = read_mapping(settings.mapping)
        source = find_source(job.source, mapping, settings.camera, settings.max_gap_s)
        with source.open(job.recording) as recording:
            tracks = read_tracks(recording, self._model, settings.max_gap_s, self._losses)
            for piece, track in enumerate(tracks):
                self._evaluate(piece, track)
        self._result.losses = dataclasses.asdict(self._losses)
        self._result.examples = self._worst.examples
        if not self._windows:
            raise RecordingError(
                f'no uninterrupted piece is {settings.horizon} steps long; choose a smaller '
                '--horizon'
            )

    def _evaluate(self, piece: int, track: Track) -> None:
        if self._result.job.control == SHUFFLED:
            track = shuffled(track, self._settings.seed)
        if self._result.job.share == 0:
            self._add_steps(track)
        last = len(track.actions) - self._settings.horizon
        for frame in range(0, last + 1, self._settings.step):
            self._windows += 1
            if (self._windows - 1) % self._result.job.shares == self._result.job.share:
                record = self._judge.record(track, piece, frame, self._losses.start_s)
                self._result.windows.append(record)
                self._worst.offer(record)
        self._worst.draw(track, self._judge)

    def _add_steps(self, track: Track) -> None:
        """Take in what is not about windows."""
        result, start_s = self._result, self._losses.start_s
        errors = step_errors(self._model, track)
        for stamp_s, error in zip(track.stamps[1:], errors, strict=True):
            seen = self._monitor.update(error)
            row = (float(stamp_s - start_s), seen.distance, seen.score, seen.flagged)
            result.surprise.append(row)
        result.step_s += np.diff(track.stamps).tolist()
        result.encode_s += track.encode_s.tolist()
        result.recorded_s += float(track.stamps[-1] - track.stamps[0])
