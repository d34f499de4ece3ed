"""Notices a camera that repeats one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLOCK_RESET_S = 1.0


class PictureWatch:
    """Compares each picture with the one before.

    A frozen camera is dangerous: the planner would act on a world that is no more. But two equal
    pictures alone prove nothing where there is no sensor noise (simulation, arm at rest). Proof
    is that the picture stays the same while the arm in it moves.

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
        self._first_position: NDArray[np.float64] | None = None

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
        known = self._checksum is not None
        # a clock that jumped far back has been reset: a new life, not an old picture
        repeated = known and stamp_s <= self._stamp_s < stamp_s + _CLOCK_RESET_S
        if repeated:
            return f'the camera sent the stamp {stamp_s:.3f} s again, after {self._stamp_s:.3f} s'
        self._stamp_s = stamp_s
        if checksum != self._checksum or stamp_s < self._first_stamp_s:
            self._checksum, self._first_stamp_s = checksum, stamp_s
            self._first_position = position
            return ''
        if self._first_position is None:
            self._first_position = position
        return self._verdict(stamp_s, position)

    def _verdict(self, stamp_s: float, position: NDArray[np.float64] | None) -> str:
        since_s = stamp_s - self._first_stamp_s
        if position is not None and self._first_position is not None:
            moved_m = float(np.linalg.norm(position - self._first_position))
            if moved_m >= self._motion_m:
                return (
                    f'the camera has repeated one picture for {since_s:.2f} s while the arm '
                    f'moved {1000 * moved_m:.0f} mm; check the camera driver'
                )
        if self._after_s and since_s >= self._after_s:
            return f'the camera has repeated one picture for {since_s:.2f} s'
        return ''
