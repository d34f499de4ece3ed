"""A Cartesian impedance controller as crisp's: a spring and a damper pull the tool to a target.

    x'' = k clip(x_f - x) - 2 sqrt(k) x'

with the filtered target `x_f` and unit mass. What users of the real one meet is in here: the
target is filtered, the arm lags behind a moving one, friction leaves a rest of the error, a far
target is approached at the speed that the clipped spring gives (there is no other limit), the last
target is held for ever, and targets are ignored while somebody else publishes targets, too. A
target that is not finite is taken, and the hardware refuses what comes of it, which ends the
controller; one that comes while the controller is inactive counts when it becomes active.
docs/conformance.md has the rules, one a line, each with its test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.poses import Pose, rotation_from_vector, vector_from_rotation
from jepa_wm_ros.robot.tool import Tool

Vector = NDArray[np.float64]

_CYCLE_S = 1e-3
_POSTURE_RAD_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpedanceSettings:
    """How the controller is configured; the defaults are crisp's.

    Attributes:
        stiffness: Of the spring [1/s^2].
        error_clip_m: The spring pulls no harder than at this distance [m].
        error_clip_rad: The same for rotation [rad].
        filter: Part of the way to the target that the filter goes in 1 ms, 0..1.
        friction_m: Distance at which the spring does not overcome friction any more [m].
        looks_at_numbers: Whether targets that are not finite are ignored; crisp takes them.
    """

    stiffness: float = 500.0
    error_clip_m: float = 0.1
    error_clip_rad: float = 0.5
    filter: float = 0.1
    friction_m: float = 0.001
    looks_at_numbers: bool = False


class ImpedanceController:
    """Moves the arm like a mass on a spring."""

    def __init__(
        self, kinematics: Kinematics, tool: Tool, settings: ImpedanceSettings | None = None
    ) -> None:
        """Make a controller; it has to be activated.

        Args:
            kinematics: Of the arm.
            tool: The end effector whose pose is commanded.
            settings: None takes crisp's.
        """
        self._kinematics, self._tool = kinematics, tool
        self._settings = settings or ImpedanceSettings()
        self.active = self.failed = False
        self._waiting: Pose | None = None
        self.ignored = 0
        """Targets that were ignored because there were several publishers."""

    def activate(self, now_s: float, joints: Vector) -> None:
        """Take the present pose as the target, or what came while nobody listened."""
        self.active, self.failed = True, False
        self._joints = joints
        self._pose = self._target = self._filtered = self.pose(joints)
        self._speed = np.zeros(6)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._target = waiting

    def deactivate(self) -> None:
        """Command the arm no more."""
        self.active = False

    def pose(self, joints: Vector) -> Pose:
        """Return the tool's pose in the base frame for joint positions (7,) [rad]."""
        return self._tool.of_flange(self._kinematics.forward(joints))

    def target(self, pose: Pose, publishers: int = 1) -> bool:
        """Take a new target for the tool, in the base frame whatever its header says.

        Returns:
            Whether it counts: not while there are several publishers on the topic.
        """
        if publishers > 1 or (self._settings.looks_at_numbers and not pose.finite):
            self.ignored += 1
            return False
        if self.active:
            self._target = pose
        else:
            self._waiting = pose
        return True

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return joint targets for the next cycle."""
        if self.active and not self._target.finite:
            self.failed, self.active = True, False
        if not self.active:
            return self._joints, np.zeros_like(joints)
        settings = self._settings
        part = 1.0 - (1.0 - settings.filter) ** (period_s / _CYCLE_S)
        self._filtered = _moved(self._filtered, part * _error(self._filtered, self._target))
        error = _error(self._pose, self._filtered)
        error[:3] = _without_friction(error[:3], settings.friction_m)
        clip = np.repeat([settings.error_clip_m, settings.error_clip_rad], 3)
        error = np.clip(error, -clip, clip)
        damping = 2.0 * math.sqrt(settings.stiffness)
        # Implicit in the damper: stable for any period.
        speed = (self._speed + period_s * settings.stiffness * error) / (1 + period_s * damping)
        self._pose, self._speed = _moved(self._pose, period_s * speed), speed
        solution = self._kinematics.inverse(
            self._tool.to_flange(self._pose),
            self._joints,
            posture_step_rad=_POSTURE_RAD_S * period_s,
        )
        velocities = (solution.joint_positions - self._joints) / period_s
        self._joints = solution.joint_positions
        return self._joints, velocities


def _error(start: Pose, end: Pose) -> Vector:
    """Return the way (6,) [m, rad] from one pose to another, base axes."""
    turn = vector_from_rotation(end.rotation @ start.rotation.T)
    return np.concatenate([end.position - start.position, turn])


def _moved(pose: Pose, way: Vector) -> Pose:
    """Return a pose after a way (6,) [m, rad], base axes."""
    return Pose(pose.position + way[:3], rotation_from_vector(way[3:]) @ pose.rotation)


def _without_friction(vector: Vector, friction: float) -> Vector:
    size = float(np.linalg.norm(vector))
    return vector * (max(0.0, size - friction) / size) if size > 0.0 else vector
