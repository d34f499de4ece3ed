"""From one recording to its episodes, pictures fitted and actions computed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.episodes import Episode
from jepa_wm_ros.data.facts import Facts
from jepa_wm_ros.data.labels import labels_at
from jepa_wm_ros.data.recordings import RecordingError, SteppedRecording
from jepa_wm_ros.data.resampling import PROPRIO_FIELDS, SteppingSettings, cut
from jepa_wm_ros.data.restepping import composed, stride_of
from jepa_wm_ros.data.tracks import rate_hz
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.camera import check_picture, fit_picture
from jepa_wm_ros.worldmodel.contract import ACTION_FIELDS, CameraContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from jepa_wm_ros.data.recordings import Picture, Recording, TimedRecording

FROZEN_MOTION_M = 0.01
"""A camera that repeats its picture while the flange moves this far is frozen [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeSettings:
    """What episodes are to be like.

    Attributes:
        stepping: How frames are chosen.
        camera: Crop and size of the pictures.
        action_fields: Names of the action's numbers.
        proprio_fields: Which numbers of the robot's state are kept; some of `PROPRIO_FIELDS`, in
            that order. States whose numbers have no names are kept as they are.
        least_steps: Shorter episodes are dropped.
        most_steps: Longer recordings are cut into episodes of this length; it bounds memory.
    """

    stepping: SteppingSettings
    camera: CameraContract
    action_fields: tuple[str, ...] = ACTION_FIELDS
    proprio_fields: tuple[str, ...] = PROPRIO_FIELDS
    least_steps: int = 1
    most_steps: int = 1000

    def __post_init__(self) -> None:
        """Refuse lengths that leave nothing, and fields that do not exist or are out of order."""
        if self.proprio_fields != tuple(f for f in PROPRIO_FIELDS if f in self.proprio_fields):
            raise ValueError(
                f'proprio_fields must be some of {", ".join(PROPRIO_FIELDS)}, in this order, got '
                f'{", ".join(self.proprio_fields)}'
            )
        if not 1 <= self.least_steps <= self.most_steps:
            raise ValueError(
                'least_steps must be at least 1 and at most most_steps, got '
                f'{self.least_steps} and {self.most_steps}'
            )


@dataclass(slots=True)
class Tally:
    """Counts while pictures are decoded."""

    bad_pictures: int = 0
    short: int = 0
    lengths: list[int] = field(default_factory=list)
    trouble: str = ''


@dataclass(frozen=True, slots=True, eq=False)
class _Frames:
    """Frames to decode: numbers of pictures, and what goes with each.

    `moved` is how far the flange went since the frame before [m]; 0 where nobody knows.
    """

    pictures: NDArray[np.int64]
    action: NDArray[np.float64]
    proprio: NDArray[np.float64]
    stamps: NDArray[np.float64]
    moved: NDArray[np.float64]

    def part(self, first: int, last: int) -> _Frames:
        """Frames `first` to `last` (exclusive); the last action of a part leads nowhere."""
        span = slice(first, last)
        action = self.action[span].copy()
        action[-1] = np.nan
        rows = (self.proprio[span], self.stamps[span], self.moved[span])
        return _Frames(self.pictures[span], action, *rows)

    def parts(self, most_steps: int) -> list[_Frames]:
        """Cut into pieces of at most so many steps."""
        size, total = most_steps + 1, len(self.pictures)
        return [self.part(first, min(first + size, total)) for first in range(0, total, size)]


def assemble(
    recording: Recording, settings: EpisodeSettings, facts: Facts, tally: Tally
) -> tuple[Facts, Iterator[Episode]]:
    """Begin to make episodes of a recording.

    Args:
        recording: Open.
        settings: What the episodes are to be like.
        facts: Source and name of the recording.
        tally: Filled in while the episodes are taken.

    Returns:
        The facts, as far as they are known before pictures are decoded, and the episodes.

    Raises:
        RecordingError: No episode can be made of it.
    """
    facts = dataclasses.replace(facts, note=recording.note)
    if isinstance(recording, SteppedRecording):
        fields = tuple(f for f in settings.proprio_fields if f in recording.proprio_fields)
        facts = dataclasses.replace(facts, proprio=fields or recording.proprio_fields)
        return facts, _decode(recording, [_restepped(recording, settings)], settings, tally)
    if settings.action_fields != ACTION_FIELDS:
        raise RecordingError(
            f'poses give the actions {", ".join(ACTION_FIELDS)}, the model wants '
            f'{", ".join(settings.action_fields)}'
        )
    known, frames = _resampled(recording, settings, facts)
    return known, _decode(recording, frames, settings, tally)


def _resampled(
    recording: TimedRecording, settings: EpisodeSettings, facts: Facts
) -> tuple[Facts, list[_Frames]]:
    stamps = recording.stamps
    cuts = cut(recording, settings.stepping)
    kept = [PROPRIO_FIELDS.index(name) for name in settings.proprio_fields]
    frames = [
        _Frames(run.pictures, run.actions(), run.proprio()[:, kept], run.stamps, run.moved())
        for run in cuts.runs
    ]
    known = dataclasses.replace(
        facts,
        proprio=settings.proprio_fields,
        recorded_s=float(stamps[-1] - stamps[0]),
        picture_rate_hz=rate_hz(stamps),
        state_rate_hz=recording.states.rate_hz,
        picture_gaps=cuts.picture_gaps,
        state_gaps=cuts.state_gaps,
        jumps=cuts.jumps,
        longest_gap_s=cuts.longest_gap_s,
    )
    return known, frames


def _restepped(recording: SteppedRecording, settings: EpisodeSettings) -> _Frames:
    step_s = settings.stepping.step_duration_s
    width = recording.action.shape[1]
    _require_actions(recording, settings.action_fields)
    stride = stride_of(recording, step_s)
    steps = (len(recording.action) - 1) // stride
    if steps < 1:
        raise RecordingError(f'{len(recording.action)} frames: too few for a step')
    pictures = np.arange(steps + 1) * stride
    actions = recording.action[: steps * stride]
    if not (np.isfinite(actions).all() and np.isfinite(recording.proprio[pictures]).all()):
        raise RecordingError('an action or a robot state is NaN')
    if stride > 1:
        _require_cartesian(settings)
        actions = composed(actions, stride)
    last = np.full((1, width), np.nan)
    return _Frames(
        pictures,
        np.concatenate([actions, last]),
        _standard_proprio(recording, settings.proprio_fields)[pictures],
        np.arange(steps + 1) * np.float64(step_s),
        np.zeros(steps + 1),
    )


def _require_actions(recording: SteppedRecording, wanted: tuple[str, ...]) -> None:
    width, named = recording.action.shape[1], recording.action_fields
    if width != len(wanted) or named not in ((), wanted):
        raise RecordingError(
            f'actions have {width} numbers ({", ".join(named) or "without names"}), wanted are '
            f'{len(wanted)}: {", ".join(wanted)}'
        )


def _require_cartesian(settings: EpisodeSettings) -> None:
    if settings.action_fields != ACTION_FIELDS:
        raise RecordingError(
            f'actions of {", ".join(settings.action_fields)} cannot be joined to longer steps; '
            'choose the --step-duration of the source'
        )


def _standard_proprio(recording: SteppedRecording, wanted: tuple[str, ...]) -> NDArray[np.float64]:
    """The wanted part of the state as far as its fields are known, else all of it as it is."""
    own = recording.proprio_fields
    kept = [own.index(name) for name in wanted if name in own]
    return recording.proprio[:, kept] if kept else recording.proprio


def _decode(
    recording: Recording, blocks: list[_Frames], settings: EpisodeSettings, tally: Tally
) -> Iterator[Episode]:
    """Decode pictures and yield episodes, cut where a picture is bad."""
    parts = [part for block in blocks for part in block.parts(settings.most_steps)]
    pictures = recording.pictures([int(n) for part in parts for n in part.pictures])
    for part in parts:
        fitted = [_fitted(next(pictures), settings.camera, tally) for _ in part.pictures]
        _take_out_frozen(fitted, part.moved, tally)
        bad = np.array([picture is None for picture in fitted])
        for span in np.split(np.arange(len(fitted)), np.flatnonzero(np.diff(bad)) + 1):
            if bad[span[0]]:
                continue
            if len(span) <= settings.least_steps:
                tally.short += 1
                continue
            tally.lengths.append(len(span))
            frames = part.part(span[0], span[-1] + 1)
            yield _episode(frames, [fitted[i] for i in span], recording.success)


def _fitted(picture: Picture, camera: CameraContract, tally: Tally) -> NDArray[np.uint8] | None:
    """A picture in the size of the dataset; None for one that shows nothing."""
    try:
        if isinstance(picture, JepaWmError):
            raise picture
        check_picture(picture, camera)
    except JepaWmError as error:
        tally.bad_pictures += 1
        tally.trouble = tally.trouble or str(error)
        return None
    return fit_picture(picture, camera)


def _take_out_frozen(
    pictures: list[NDArray[np.uint8] | None], moved: NDArray[np.float64], tally: Tally
) -> None:
    """Make None of pictures that are the same as before while the arm in them moved."""
    last = None
    for row, picture in enumerate(pictures):
        same = picture is not None and last is not None and np.array_equal(picture, last)
        last = picture
        if same and moved[row] > FROZEN_MOTION_M:
            pictures[row] = None
            tally.bad_pictures += 1
            far = f'{1000 * moved[row]:.0f} mm'
            reason = f'the camera repeats one picture while the arm moves {far}'
            tally.trouble = tally.trouble or reason


def _episode(frames: _Frames, pictures: list[Any], success: NDArray[np.float64] | None) -> Episode:
    return Episode(
        pixels=np.stack(pictures),
        action=frames.action.astype(np.float32),
        proprio=frames.proprio.astype(np.float32),
        stamps=frames.stamps,
        success=labels_at(success, frames.pictures),
    )
