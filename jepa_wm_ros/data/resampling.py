"""From time stamps to frames that are one step apart.

A grid of moments is laid over a recording, and each moment takes the nearest picture; the robot's
state is looked up at that picture's own stamp, as the encoder node does. Where pictures or states
are missing, or the arm was put elsewhere by a simulator, the recording is cut.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.data.tracks import rate_hz
from jepa_wm_ros.robot.poses import pose_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import TimedRecording
    from jepa_wm_ros.robot.state import RobotSample

PROPRIO_FIELDS = ('x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper')
_SLOWEST_CAMERA = 1.1
"""A camera may give pictures at most this many steps apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppingSettings:
    """How frames are chosen.

    Attributes:
        step_duration_s: Wanted time between two frames [s].
        max_gap_s: Longest time without a picture or a robot state that is bridged [s].
        nominal_fps: None, or: take every `ceil(fps of the video file / nominal_fps)`-th picture
            and do not look at time stamps. This is how the published DROID checkpoints were
            trained, whose video files claim 60 Hz of a 15 Hz camera: with 4 "frames per second"
            their steps last 1 s, not 0.25 s.
    """

    step_duration_s: float
    max_gap_s: float = 0.25
    nominal_fps: float | None = None

    def __post_init__(self) -> None:
        """Refuse durations that are not positive."""
        for name in ('step_duration_s', 'max_gap_s', 'nominal_fps'):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name} must be a positive number, got {value}')


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Frames without a gap between them.

    Attributes:
        pictures: `(T,)` numbers of the pictures.
        stamps: `(T,)` when they were taken [s].
        samples: The robot at these moments.
    """

    pictures: NDArray[np.int64]
    stamps: NDArray[np.float64]
    samples: list[RobotSample]

    def part(self, first: int, last: int) -> Run:
        """Frames `first` to `last` (exclusive)."""
        span = slice(first, last)
        return Run(self.pictures[span], self.stamps[span], self.samples[span])

    def actions(self) -> NDArray[np.float64]:
        """`(T, 7)` pose differences [m, rad, 1]; the last row is NaN."""
        rows = np.full((len(self.samples), 7), np.nan)
        for row, (now, then) in enumerate(itertools.pairwise(self.samples)):
            rows[row, :6] = pose_difference(now.pose, then.pose)
            rows[row, 6] = then.gripper - now.gripper
        return rows

    def moved(self) -> NDArray[np.float64]:
        """`(T,)` how far the flange went since the frame before [m]; 0 for the first."""
        positions = np.array([sample.pose.position for sample in self.samples])
        steps = np.diff(positions, axis=0, prepend=positions[:1])
        return np.sqrt((steps**2).sum(axis=1))

    def proprio(self) -> NDArray[np.float64]:
        """`(T, 7)` position [m], roll, pitch, yaw [rad] and closedness of the gripper."""
        return np.array([sample.proprio(PROPRIO_FIELDS) for sample in self.samples])


@dataclass(frozen=True, slots=True)
class Cuts:
    """The runs of a recording, and why there is more than one.

    Attributes:
        runs: In order of time; each has at least two frames.
        picture_gaps: Places where pictures are missing.
        state_gaps: Places where the robot's state is not known.
        jumps: Places where the arm is suddenly elsewhere.
        longest_gap_s: Longest time between two pictures [s].
    """

    runs: list[Run]
    picture_gaps: int
    state_gaps: int
    jumps: int
    longest_gap_s: float


def cut(recording: TimedRecording, settings: SteppingSettings) -> Cuts:
    """Choose the frames of a recording.

    Raises:
        RecordingError: There is not a single step in it, or the camera is too slow.
        JointBufferError: A robot state is not finite.
        GripperError: The gripper's reading does not fit its kind.
    """
    stamps = recording.stamps
    if len(stamps) < 2:
        raise RecordingError(f'{len(stamps)} pictures: too few for a step')
    covered = np.flatnonzero(recording.states.covers(stamps))
    if not len(covered):
        raise RecordingError(_no_overlap(stamps, recording.states.arm_stamps))
    if settings.nominal_fps:
        chosen = [covered[:: _nominal_stride(recording, settings.nominal_fps)]]
    else:
        chosen = [covered[rows] for rows in _timed(stamps[covered], settings)]
    picture_gaps = len(chosen) - 1
    pictures = np.concatenate(chosen)
    samples = recording.states.at(stamps[pictures])
    known = [sample for sample in samples if sample is not None]
    if not known:
        raise RecordingError(f'no picture has a robot state: {recording.states.trouble}')
    runs, state_gaps, jumps = [], 0, 0
    start = 0
    for block in chosen:
        part = samples[start : start + len(block)]
        start += len(block)
        for run in _known_runs(block, stamps[block], part):
            smooth = _split(run, recording.states.crossed(run.stamps))
            jumps += len(smooth) - 1
            runs += smooth
        state_gaps += _inner_gaps(part)
    runs = [run for run in runs if len(run.samples) >= 2]
    if not runs:
        raise RecordingError('no two frames that are one step apart')
    return Cuts(runs, picture_gaps, state_gaps, jumps, float(np.diff(stamps).max()))


def _timed(stamps: NDArray[np.float64], settings: SteppingSettings) -> list[NDArray[np.int64]]:
    """Numbers of the pictures that are nearest to a grid of steps, cut where pictures lack."""
    step_s, rate = settings.step_duration_s, rate_hz(stamps)
    if not rate or 1.0 / rate > _SLOWEST_CAMERA * step_s:
        raise RecordingError(
            f'the camera gives {rate:.2f} Hz, and steps of {step_s:g} s need {1 / step_s:.2f} Hz; '
            'choose a longer --step-duration'
        )
    longest_s = max(settings.max_gap_s, 2.5 / rate)
    ends = np.flatnonzero(np.diff(stamps) > longest_s) + 1
    blocks = np.split(np.arange(len(stamps)), ends)
    chosen = [block[_nearest(stamps[block], step_s)] for block in blocks]
    return [block for block in chosen if len(block)]


def _nearest(stamps: NDArray[np.float64], step_s: float) -> NDArray[np.int64]:
    """Rows of the stamps nearest to first, first + step, first + 2 steps, …; each row once."""
    count = int((stamps[-1] - stamps[0]) / step_s + 1e-6) + 1
    grid = stamps[0] + step_s * np.arange(count)
    after = np.clip(np.searchsorted(stamps, grid), 1, max(1, len(stamps) - 1))
    if len(stamps) == 1:
        return np.zeros(1, np.int64)
    before = after - 1
    rows = np.where(grid - stamps[before] <= stamps[after] - grid, before, after)
    return np.unique(rows)


def _nominal_stride(recording: TimedRecording, nominal_fps: float) -> int:
    """Every how many pictures one is taken, whatever the time stamps say."""
    if recording.nominal_fps is None:
        raise RecordingError(
            '--nominal-fps counts the frames of a video file, and this recording has none; '
            'leave it out to go by time stamps'
        )
    return max(1, math.ceil(recording.nominal_fps / nominal_fps))


def _no_overlap(pictures: NDArray[np.float64], states: NDArray[np.float64]) -> str:
    spans = [f'{s[0]:.1f}..{s[-1]:.1f} s' if len(s) else 'nowhere' for s in (pictures, states)]
    return (
        f'no picture has a robot state: pictures are at {spans[0]}, states at {spans[1]}; '
        'do camera and arm use different clocks? `stamps: log` in the mapping of a bag takes that '
        'of the recorder'
    )


def _known_runs(
    pictures: NDArray[np.int64], stamps: NDArray[np.float64], samples: Sequence[RobotSample | None]
) -> list[Run]:
    """Cut where the robot's state is not known."""
    known = np.array([sample is not None for sample in samples])
    borders = np.flatnonzero(np.diff(known)) + 1
    spans = np.split(np.arange(len(samples)), borders)
    return [
        Run(pictures[span], stamps[span], [s for s in (samples[i] for i in span) if s is not None])
        for span in spans
        if len(span) and known[span[0]]
    ]


def _inner_gaps(samples: Sequence[RobotSample | None]) -> int:
    """How often the state goes missing between two known ones."""
    known = np.array([sample is not None for sample in samples], dtype=int)
    inner = known[known.argmax() : len(known) - known[::-1].argmax()] if known.any() else known[:0]
    return int((np.diff(inner) < 0).sum())


def _split(run: Run, borders: NDArray[np.bool_]) -> list[Run]:
    """Cut between the frames where `(T-1,)` borders says so."""
    edges = [0, *(np.flatnonzero(borders) + 1).tolist(), len(run.samples)]
    return [run.part(first, last) for first, last in itertools.pairwise(edges)]
