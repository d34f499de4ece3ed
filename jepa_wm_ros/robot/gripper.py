"""Gripper units: what drivers report and take, and the model's closedness 0 (open) .. 1 (closed).

Drivers disagree about unit, range and direction: a Robotiq reports a knuckle angle that grows when
it closes, the Franka Hand reports half of its width (one finger) in `joint_states` and the full
width in action results, crisp_py counts 1 as open. A codec is the one place where this is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jepa_wm_ros.errors import JepaWmError


class GripperError(JepaWmError):
    """A gripper value cannot come from the configured gripper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GripperCodec:
    """A linear map between a driver's value and closedness.

    Attributes:
        open_value: What the driver says when the gripper is open [unit].
        closed_value: What the driver says when it is closed [unit].
        unit: Of both, for messages.
        tolerance: How far outside its range a reading may be, as a part of the range; a reading
            further away belongs to another kind of gripper (half width taken for width, ...).
    """

    open_value: float
    closed_value: float
    unit: str = ''
    tolerance: float = 0.15

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            GripperError: The two ends are equal or not finite.
        """
        ends = (self.open_value, self.closed_value)
        if not all(math.isfinite(end) for end in ends) or ends[0] == ends[1]:
            raise GripperError(
                f'open_value and closed_value must be two different numbers, got {ends}'
            )

    @classmethod
    def preset(cls, name: str) -> GripperCodec:
        """Return the codec of a known gripper.

        Raises:
            GripperError: There is no preset with this name.
        """
        try:
            open_value, closed_value, unit = PRESETS[name]
        except KeyError:
            known = ', '.join(sorted(PRESETS))
            raise GripperError(f'unknown gripper {name!r}; known are: {known}') from None
        return cls(open_value=open_value, closed_value=closed_value, unit=unit)

    def decode(self, value: float) -> float:
        """Return the closedness 0..1 of a driver's value.

        Raises:
            GripperError: The value is not finite or far outside of the range.
        """
        closedness = (value - self.open_value) / (self.closed_value - self.open_value)
        if not -self.tolerance <= closedness <= 1.0 + self.tolerance:
            raise GripperError(
                f'gripper reads {value} {self.unit}, outside of {self.open_value} (open) .. '
                f'{self.closed_value} (closed): is this the right gripper preset?'
            )
        return min(1.0, max(0.0, closedness))

    def encode(self, closedness: float) -> float:
        """Return the driver's value for a closedness; outside 0..1 it is clipped.

        Raises:
            GripperError: The closedness is not finite.
        """
        if not math.isfinite(closedness):
            raise GripperError(f'closedness must be a number in 0..1, got {closedness}')
        part = min(1.0, max(0.0, closedness))
        return self.open_value + part * (self.closed_value - self.open_value)


# name: (open, closed, unit)
PRESETS: dict[str, tuple[float, float, str]] = {
    'sim': (0.0, 0.8, 'rad'),
    'robotiq': (0.0, 0.7929, 'rad'),
    # Franka Hand: each finger joint moves by half the width; actions report the width.
    'franka_hand': (0.04, 0.0, 'm half width'),
    'franka_hand_width': (0.08, 0.0, 'm width'),
    'crisp': (1.0, 0.0, 'openness'),
    'closedness': (0.0, 1.0, 'closedness'),
}
