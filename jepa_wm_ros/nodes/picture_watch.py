"""Notices a camera that repeats one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLOCK_RESET_S = 1.0
_FASTEST_M_S = 2.0
"""No arm of this kind moves its flange faster: what does was put there, by a simulator."""


class PictureWatch:
    """Compares each picture with the one before.

    A frozen camera is dangerous: the planner would act on a world that is no more. But two equal
    pictures alone prove nothing where there is no sensor noise (simulation, arm at rest). Proof
    is that the picture stays the same while the arm in it moves.

    The arm's position reaches us a moment after the picture that it belongs to, so motion counts
    from the first repetition on; and an arm that is suddenly elsewhere has not moved there, it
    has been reset.

    Args:
        motion_m: A picture is frozen that stays the same while the flange moves this far [m].
        after_s: A picture is frozen that stays the same for this long [s], arm at rest or not;
            0 switches this off. Real cameras have noise: half a second is safe there.
    """

    def __init__(self, motion_m: float = 0.01, after_s: float = 0.0) -> None:
        self._motion_m = motion_m
        self._after_s = after_s
        self._checksum: int | None = None
        self._stamp_s = 0.0
        self._first_stamp_s = 0.0
        self._reference: NDArray[np.float64] | None = None
        self._last_position: NDArray[np.float64] | None = None

    def look(
        self, checksum: int, stamp_s: float, position: NDArray[np.float64] | None = None
    ) -> str:
        """Take in a picture.

        Args:
            checksum: Of its bytes.
            stamp_s: When it was taken [s].
            position: Flange position (3,) [m] by now; None when unknown.

        Returns:
            What is wrong, for people; empty when all is well.
        """
        previous_s = self._stamp_s
        # a clock that jumped far back has been reset: a new life, not an old picture
        if self._checksum is not None and stamp_s <= previous_s < stamp_s + _CLOCK_RESET_S:
            return f'the camera sent the stamp {stamp_s:.3f} s again, after {previous_s:.3f} s'
        self._stamp_s = stamp_s
        if checksum != self._checksum or stamp_s < previous_s:
            self._checksum, self._first_stamp_s = checksum, stamp_s
            self._reference = self._last_position = None
            return ''
        self._follow(position, stamp_s - previous_s)
        return self._verdict(stamp_s)

    def _follow(self, position: NDArray[np.float64] | None, elapsed_s: float) -> None:
        """Keep the position since which motion counts."""
        if position is None:
            return
        last = self._last_position
        if last is None or np.linalg.norm(position - last) > _FASTEST_M_S * elapsed_s:
            self._reference = position
        self._last_position = position

    def _verdict(self, stamp_s: float) -> str:
        since_s = stamp_s - self._first_stamp_s
        if self._reference is not None and self._last_position is not None:
            moved_m = float(np.linalg.norm(self._last_position - self._reference))
            if moved_m >= self._motion_m:
                return (
                    f'the camera has repeated one picture for {since_s:.2f} s while the arm '
                    f'moved {1000 * moved_m:.0f} mm; check the camera driver'
                )
        if self._after_s and since_s >= self._after_s:
            return f'the camera has repeated one picture for {since_s:.2f} s'
        return ''
