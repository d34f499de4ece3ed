"""From a recording to encoded frames one model step apart, with the actions between them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.assembly import FROZEN_MOTION_M
from jepa_wm_ros.data.recordings import RecordingError, TimedRecording
from jepa_wm_ros.data.resampling import SteppingSettings, cut
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.bags.thumbnails import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture, Recording
    from jepa_wm_ros.data.resampling import Run
    from jepa_wm_ros.robot.state import RobotSample
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

MOST_FRAMES = 512
"""Longer pieces are cut here: it bounds memory, whatever the length of the recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Frames without a gap between them.

    Attributes:
        stamps: `(T,)` when the pictures were taken [s].
        actions: `(T-1, 7)` what was done between them.
        latents: T observations, each `(1, N, D)`.
        goals: The same pictures as goals: encoded without the robot's state, as the nodes do.
        thumbnails: The pictures as small JPEG files.
        encode_s: `(T,)` how long encoding took [s].
    """

    stamps: NDArray[np.float64]
    actions: NDArray[np.float64]
    latents: list[Latent]
    goals: list[Latent]
    thumbnails: list[bytes]
    encode_s: NDArray[np.float64]


@dataclass(slots=True)
class Losses:
    """What could not be used of a recording.

    Attributes:
        gaps: Places where pictures or robot states are missing, or the arm jumps.
        bad_pictures: Pictures that show nothing, cannot be decoded, or are frozen.
        trouble: The first reason.
        start_s: Stamp of the recording's first picture [s].
    """

    gaps: int = 0
    bad_pictures: int = 0
    trouble: str = ''
    start_s: float = 0.0

    def bad_picture(self, reason: str) -> None:
        """Count one more."""
        self.bad_pictures += 1
        self.trouble = self.trouble or reason


@dataclass(slots=True)
class _Piece:
    """Frames so far."""

    samples: list[RobotSample] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)
    rows: list[tuple[Latent, Latent, bytes, float]] = field(default_factory=list)

    def track(self) -> Track:
        from jepa_wm_ros.data.resampling import Run

        stamps = np.array(self.stamps)
        run = Run(np.arange(len(stamps)), stamps, self.samples)
        latents, goals, thumbnails, encode_s = map(list, zip(*self.rows, strict=True))
        return Track(stamps, run.actions()[:-1], latents, goals, thumbnails, np.array(encode_s))


def read_tracks(
    recording: Recording, model: WorldModel, max_gap_s: float, losses: Losses
) -> Iterator[Track]:
    """Encode a recording piece by piece.

    Args:
        recording: Open.
        model: Encodes; its contract says how long a step is.
        max_gap_s: Longest time without a picture or a robot state that is bridged [s].
        losses: Filled in on the way.

    Yields:
        Pieces of at least two frames.

    Raises:
        RecordingError: There is not a single step in it.
    """
    if not isinstance(recording, TimedRecording):
        raise RecordingError('it has no time stamps: bags and DROID episodes are evaluated')
    step_s = model.contract.step_duration_s
    cuts = cut(recording, SteppingSettings(step_duration_s=step_s, max_gap_s=max_gap_s))
    losses.gaps = cuts.picture_gaps + cuts.state_gaps + cuts.jumps
    losses.start_s = float(recording.stamps[0])
    pictures = recording.pictures([int(n) for run in cuts.runs for n in run.pictures])
    found = 0
    for run in cuts.runs:
        for track in _encoded(run, pictures, model, losses):
            found += 1
            yield track
    if not found:
        raise RecordingError(f'no two usable frames in a row: {losses.trouble}')


def _encoded(
    run: Run, pictures: Iterator[Picture], model: WorldModel, losses: Losses
) -> Iterator[Track]:
    piece, last = _Piece(), None
    for row, (sample, moved) in enumerate(zip(run.samples, run.moved(), strict=True)):
        picture = next(pictures)
        frozen = moved > FROZEN_MOTION_M and _same(picture, last)
        last = picture
        encoded = None
        if frozen:
            losses.bad_picture('the camera repeats one picture while the arm moves')
        else:
            encoded = _encode(model, picture, sample, losses)
        if encoded is None or len(piece.rows) == MOST_FRAMES:
            if len(piece.rows) > 1:
                yield piece.track()
            piece = _Piece()
        if encoded is not None:
            piece.samples.append(sample)
            piece.stamps.append(float(run.stamps[row]))
            piece.rows.append(encoded)
    if len(piece.rows) > 1:
        yield piece.track()


def _same(picture: Picture, last: Picture | None) -> bool:
    if isinstance(picture, JepaWmError) or last is None or isinstance(last, JepaWmError):
        return False
    return np.array_equal(picture, last)


def _encode(
    model: WorldModel, picture: Picture, sample: RobotSample, losses: Losses
) -> tuple[Latent, Latent, bytes, float] | None:
    from jepa_wm_ros.worldmodel.observation import encode_picture

    fields = model.contract.proprio.fields
    try:
        if isinstance(picture, JepaWmError):
            raise picture
        proprio = sample.proprio(fields) if fields else None
        started = time.perf_counter()
        latent = encode_picture(model, picture, proprio)
        encode_s = time.perf_counter() - started
        goal = encode_picture(model, picture) if fields else latent
    except JepaWmError as error:
        losses.bad_picture(str(error))
        return None
    return latent, goal, thumbnail(picture), encode_s
