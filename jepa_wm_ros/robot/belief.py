"""Whether a measured joint state can be true. One rule for live nodes, for bags and the doctor.

A state that cannot be true is never used: a motion that begins there, a hold there, and a plan
that is made for there all move an arm that is somewhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.faults import FaultCode
from jepa_wm_ros.robot.limits import JointLimits

# Encoders are noisy, stamps are rounded, and joints overshoot the ends of their range [rad].
NOISE_RAD = 0.02
RANGE_MARGIN_RAD = 0.05
# Joints that are pushed move faster than they may be commanded.
SPEED_MARGIN = 1.5
# Stamps that lie further back than this belong to a clock that was set, or to another life [s].
CLOCK_RESET_S = 2.0
# On a network a message is overtaken by ones that are younger by up to this [s].
OVERTAKEN_S = 0.05
# The old life is over when nothing that fits it has come for this long [s].
RESEAT_S = 0.25
# A state is doubtful for this long after the last one that could not be true [s].
QUIET_S = 0.5
# Positions in degrees look like this: far outside, but inside when they are converted.
_DEGREES = math.pi / 180.0


class DisbeliefKind(Enum):
    """Why a joint state cannot be true."""

    NOT_FINITE = 'not finite'
    INCOMPLETE = 'incomplete'
    OUT_OF_RANGE = 'outside of the range'
    JUMP = 'a jump'
    LATE = 'late'
    CLOCK = 'a clock that was set back'
    REPEATED = 'a stamp that does not advance'

    @property
    def harmless(self) -> bool:
        """Whether such a sample is only left out; messages overtake each other on a network."""
        return self is DisbeliefKind.REPEATED

    @property
    def fault(self) -> FaultCode:
        """What it is while the arm is armed."""
        return _FAULTS.get(self, FaultCode.JOINTS_IMPLAUSIBLE)


_FAULTS = {
    DisbeliefKind.NOT_FINITE: FaultCode.JOINTS_INVALID,
    DisbeliefKind.INCOMPLETE: FaultCode.JOINTS_INVALID,
    DisbeliefKind.LATE: FaultCode.JOINTS_STALE,
    DisbeliefKind.CLOCK: FaultCode.CLOCK_JUMP,
}


@dataclass(frozen=True, slots=True)
class Disbelief:
    """Why a joint state is not believed.

    Attributes:
        kind: What cannot be true.
        message: The same for people.
    """

    kind: DisbeliefKind
    message: str


class JointBelief:
    """Decides for each joint state whether it can be true, given those that were believed.

    A sample is believed when it is finite, inside the physical range of the joints, stamped later
    than the one before, and no farther from it than the joints can have moved meanwhile:

        |q - q'| <= 1.5 v_max (t - t') + 0.02 rad

    When the samples that were believed have ended and others go on for `RESEAT_S`, the arm was
    moved while nobody looked, or a simulation was reset: those others are believed from then on,
    and the state stays doubtful for `QUIET_S`.
    """

    def __init__(self, limits: JointLimits, names: Sequence[str]) -> None:
        """Believe nothing yet.

        Args:
            limits: Of the arm; their `physical` range and speeds count where they have them.
            names: `(n,)` names of the joints, for messages.
        """
        self._limits = limits.physical or limits
        self._names = tuple(names)
        self._stamp_s: float | None = None
        self._positions: NDArray[np.float64] | None = None
        self._believed_s = -math.inf
        self._doubt: Disbelief | None = None
        self._doubted_s = -math.inf
        self.rejected = 0
        """How many samples could not be true."""
        self.life = 0
        """Changes when what was believed before says nothing about what is believed now."""

    @property
    def positions(self) -> NDArray[np.float64] | None:
        """The `(n,)` positions [rad] that were believed last; None before the first."""
        return self._positions

    def doubt(self, now_s: float) -> Disbelief | None:
        """Return why the state is doubtful at a moment [s, clock of `judge`]; None when it is not.

        It stays doubtful for `QUIET_S` after the last sample that could not be true: of two
        sources that contradict each other, nobody can tell which one is the arm.
        """
        return self._doubt if now_s - self._doubted_s <= QUIET_S else None

    def judge(self, stamp_s: float, positions: ArrayLike, now_s: float) -> Disbelief | None:
        """Decide on the next sample.

        Args:
            stamp_s: When it was measured [s].
            positions: `(n,)` joints [rad].
            now_s: When it arrived, on a clock that never goes back [s]; for recordings the time
                of recording.

        Returns:
            Why it is not believed; None when it is, and later ones are compared with it.
        """
        values = np.asarray(positions, dtype=np.float64)
        disbelief = self._absurd(stamp_s, values) or self._unlike(stamp_s, values, now_s)
        if disbelief is None:
            self._stamp_s, self._positions = stamp_s, values.copy()
            self._believed_s = now_s
            return None
        if not disbelief.kind.harmless:
            self._doubt, self._doubted_s = disbelief, now_s
            self.rejected += 1
        return disbelief

    def _absurd(self, stamp_s: float, values: NDArray[np.float64]) -> Disbelief | None:
        """What cannot be true of one sample alone."""
        if values.shape != self._limits.lower.shape:
            return Disbelief(
                DisbeliefKind.INCOMPLETE,
                f'joint states hold {values.size} positions, {self._limits.lower.size} are needed '
                f'({", ".join(self._names)})',
            )
        if not (math.isfinite(stamp_s) and np.isfinite(values).all()):
            return Disbelief(
                DisbeliefKind.NOT_FINITE,
                f'joint states are not finite: {values.tolist()} rad at {stamp_s} s',
            )
        margin = self._limits.margin(values)
        if margin >= -RANGE_MARGIN_RAD:
            return None
        outside = np.maximum(self._limits.lower - values, values - self._limits.upper)
        joint = int(outside.argmax())
        return Disbelief(
            DisbeliefKind.OUT_OF_RANGE,
            f'joint states cannot be true: {self._names[joint]} at {values[joint]:.3f} rad is '
            f'outside of its range {self._limits.lower[joint]:.3f} .. '
            f'{self._limits.upper[joint]:.3f} rad{self._hint(values)}',
        )

    def _hint(self, values: NDArray[np.float64]) -> str:
        """Say what is probably wrong with positions outside of the range."""
        in_range = self._limits.margin(values * _DEGREES) >= -RANGE_MARGIN_RAD
        if in_range and np.abs(values).max() > 2.0 * math.pi:
            return ': does the driver report degrees? ROS wants radians (REP-103)'
        return ': are joint_names and joint_limits those of this arm?'

    def _unlike(
        self, stamp_s: float, values: NDArray[np.float64], now_s: float
    ) -> Disbelief | None:
        """What cannot be true after the sample that was believed last."""
        before_s, before = self._stamp_s, self._positions
        if before_s is None or before is None:
            return None
        elapsed_s = stamp_s - before_s
        disbelief = _back(elapsed_s) or self._jump(values - before, elapsed_s)
        if disbelief is None:
            return None if elapsed_s > 0.0 else _repeated(elapsed_s)
        # What stamps and positions are compared with is void after a clock was set, and when
        # the samples that were believed have ended.
        ended = now_s - self._believed_s >= RESEAT_S
        if ended or disbelief.kind is DisbeliefKind.CLOCK:
            self._stamp_s = self._positions = None
            self.life += 1
        return disbelief

    def _jump(self, change: NDArray[np.float64], elapsed_s: float) -> Disbelief | None:
        """Joints cannot have moved farther than their speed allows."""
        moved = np.abs(change)
        # A message that was overtaken is compared with where the joints were a moment later.
        over = moved - (SPEED_MARGIN * self._limits.velocity * abs(elapsed_s) + NOISE_RAD)
        if over.max() <= 0.0:
            return None
        joint = int(over.argmax())
        return Disbelief(
            DisbeliefKind.JUMP,
            f'joint states cannot be true: {self._names[joint]} jumped by {moved[joint]:.3f} rad '
            f'within {abs(elapsed_s):.3f} s (possible: {moved[joint] - over[joint]:.3f} rad): do '
            'two sources publish them?',
        )


def _back(elapsed_s: float) -> Disbelief | None:
    """Stamps go back by little only, when messages overtake each other."""
    if elapsed_s < -CLOCK_RESET_S:
        return Disbelief(
            DisbeliefKind.CLOCK,
            f'the clock went backwards by {-elapsed_s:.3f} s in the stamps of joint states: was '
            'it set, do two sources publish them?',
        )
    if elapsed_s < -OVERTAKEN_S:
        return Disbelief(
            DisbeliefKind.LATE,
            f'joint states are {-elapsed_s:.3f} s older than those before: are they late, do two '
            'sources publish them?',
        )
    return None


def _repeated(elapsed_s: float) -> Disbelief:
    """Leave out a sample that is consistent with the last one, and not newer."""
    return Disbelief(
        DisbeliefKind.REPEATED,
        f'the stamps of joint states do not advance ({-elapsed_s:.3f} s before the last)',
    )
