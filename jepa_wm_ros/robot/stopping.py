"""A motion that ends early: how it comes to rest, and what is reported then."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.robot.braking import Brake
from jepa_wm_ros.robot.faults import ResultCode
from jepa_wm_ros.robot.limits import JointLimits
from jepa_wm_ros.robot.motion import ArmCommand


@dataclass(slots=True, eq=False)
class Stopping:
    """The stop of a motion.

    Attributes:
        brake: Brings the command to rest.
        code: How the motion ends; None is a pause.
        message: The same for people.
        time_s: How long it has braked [s].
    """

    brake: Brake
    code: ResultCode | None
    message: str
    time_s: float = 0.0

    @classmethod
    def of(
        cls,
        last: ArmCommand,
        limits: JointLimits,
        code: ResultCode | None,
        message: str,
        *,
        most_s: float,
    ) -> Stopping:
        """Return the stop that begins with the last command."""
        brake = Brake(last.joint_positions, last.joint_velocities, limits, most_s=most_s)
        return cls(brake, code, message)

    @property
    def done(self) -> bool:
        """Whether the command rests."""
        return self.time_s >= self.brake.duration_s
