"""Recordings: what every reader hands over, whatever it reads.

A source holds recordings; each is opened by name. What is wrong with one recording is a
`RecordingError`, which costs this recording and no other.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from jepa_wm_ros.data.tracks import StateTrack

Picture: TypeAlias = 'NDArray[np.uint8] | JepaWmError'
"""`(H, W, 3)` uint8 RGB, or why this one cannot be read."""
Pictures: TypeAlias = Callable[[Sequence[int]], Iterator[Picture]]
"""From increasing numbers of pictures to the pictures, decoded one by one."""

_CLOCK_JUMP_S = 1.0
_OF_THIS_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Errors that are not the recording's fault, and will not be better with the next one."""


class RecordingError(JepaWmError):
    """A recording from which no episode can be made."""


class SourceError(JepaWmError):
    """A source that is not there, or of no kind that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRecording:
    """Pictures and robot states, each with time stamps of their own.

    Attributes:
        stamps: `(N,)` when each picture was taken [s], ascending.
        pictures: The pictures by number.
        states: The robot, by time; on the clock of the pictures.
        nominal_fps: Frames per second that the video file claims; None where there is no video.
        note: What a reader of the audit should know; empty when there is nothing.
        success: `(N,)` for each picture: 1 when the task is done, 0 when not, NaN where nobody
            knows; None without labels.
    """

    stamps: NDArray[np.float64]
    pictures: Pictures
    states: StateTrack
    nominal_fps: float | None = None
    note: str = ''
    success: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppedRecording:
    """Frames with the actions between them, one as long as the other.

    Attributes:
        pictures: The T pictures by number.
        action: `(T, A)`; row t leads from frame t to frame t + 1. The last row means nothing.
        proprio: `(T, P)`.
        action_fields: Names of the action's numbers; empty when unknown.
        proprio_fields: Names of proprio's; empty when unknown.
        step_duration_s: Time between two frames [s]; None when unknown.
        note: What a reader of the audit should know; empty when there is nothing.
        success: `(T,)` as in `TimedRecording`.
    """

    pictures: Pictures
    action: NDArray[np.float64]
    proprio: NDArray[np.float64]
    action_fields: tuple[str, ...] = ()
    proprio_fields: tuple[str, ...] = ()
    step_duration_s: float | None = None
    note: str = ''
    success: NDArray[np.float64] | None = None


Recording: TypeAlias = TimedRecording | SteppedRecording


class Source(Protocol):
    """Where recordings come from: a folder of bags, a dataset, a file."""

    @property
    def kind(self) -> str:
        """What it is, for people."""

    def names(self) -> Sequence[str]:
        """The recordings in a fixed order.

        Raises:
            RecordingError: The index of the source is damaged.
        """

    def open(self, name: str) -> AbstractContextManager[Recording]:
        """Open one recording; its pictures are readable inside the context.

        Raises:
            RecordingError: It is damaged, incomplete or empty.
        """


def damage_of(error: Exception) -> str:
    """Return in one line what is wrong with a recording; foreign readers raise anything on it.

    Args:
        error: What reading it raised.

    Raises:
        OSError: The same one, when it is this machine's fault: a full disk, say.
    """
    if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
        raise error
    named = isinstance(error, JepaWmError)
    text = str(error) if named else f'{type(error).__name__}: {error}'
    return ' '.join(text.split())


def check_clock(
    stamps: NDArray[np.float64], what: str, arrivals: NDArray[np.float64] | None = None
) -> None:
    """Refuse stamps of a clock that was set while it was running.

    Args:
        stamps: `(N,)` time stamps [s] in the order of arrival.
        what: Whose they are, for the message.
        arrivals: `(N,)` when each message arrived, on the clock of the recorder [s]. With them,
            a jump forward is told from a pause.

    Raises:
        RecordingError: A stamp is not finite, or jumps by more than a second.
    """
    if not np.isfinite(stamps).all():
        raise RecordingError(f'{what}: time stamp {int((~np.isfinite(stamps)).argmax())} is NaN')
    steps = np.diff(stamps)
    jumps = steps if arrivals is None else steps - np.diff(arrivals)
    wrong = (steps < -_CLOCK_JUMP_S) | ((jumps > _CLOCK_JUMP_S) & (arrivals is not None))
    if wrong.any():
        first = int(wrong.argmax())
        raise RecordingError(
            f'{what}: the clock jumps by {jumps[first]:+.1f} s after stamp {first} '
            f'({stamps[first]:.3f} s); record again with a clock that is set before, not during'
        )
