"""Forward and inverse kinematics of the arm's flange, on pinocchio's rigid-body algorithms.

Inverse kinematics takes damped Gauss-Newton steps on the pose error

    dq = g + J^T (J J^T + damping^2 I)^-1 (e - J g),    e = [p* - p, log(R* R^T)]

where the damping shrinks with the error and the null-space motion `g = posture - q` uses the
seventh joint to stay near a posture, so that a pose belongs to one arm configuration and not to
whatever the motion history left behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from jepa_wm_ros.robot.description import (
    READY_POSTURE,
    DescriptionError,
    arm_parts,
    robot_description,
)
from jepa_wm_ros.robot.limits import JointLimits
from jepa_wm_ros.robot.poses import Pose

Vector = NDArray[np.float64]

_LEAST_DAMPING = 1e-8
_MOST_DAMPING = 1e-2
_MAX_STEP_RAD = 0.25
_POSITION_TOLERANCE_M = 3e-5
_ROTATION_TOLERANCE_RAD = 1e-4
_POSTURE_TOLERANCE_RAD = 1e-4
_LIMIT_MARGIN_RAD = 1e-3
_ITERATIONS = 100
_NOWHERE = np.zeros(7)
_NOWHERE.setflags(write=False)  # it is handed out


@dataclass(frozen=True, slots=True, eq=False)
class IkSolution:
    """The configuration that inverse kinematics found, and how good it is.

    Attributes:
        joint_positions: (7,) [rad], always within the joint limits.
        converged: whether the errors are within tolerance.
        position_error_m: distance between the wanted and the reached flange position [m].
        rotation_error_rad: angle between the wanted and the reached orientation [rad].
        reason: why it did not converge, for people; empty when it did.
    """

    joint_positions: Vector
    converged: bool
    position_error_m: float
    rotation_error_rad: float
    reason: str


class Kinematics:
    """Kinematics of the seven arm joints between the base frame and the flange.

    Attributes:
        limits: joint limits (7,) as the description states them.
    """

    def __init__(self, urdf: Path | None = None) -> None:
        """Read the description.

        Args:
            urdf: URDF file; None is the cell that comes with the package.

        Raises:
            DescriptionError: the file is not readable or lacks the arm's joints or the flange.
        """
        try:
            whole = pin.buildModelFromXML(robot_description(urdf))
        except ValueError as error:
            raise DescriptionError(f'{urdf}: not a robot description: {error}') from error
        self._names, flange = arm_parts(list(whole.names))
        _require(whole, urdf)
        others = [
            index
            for index, name in enumerate(whole.names)
            if index > 0 and name not in self._names
        ]
        self._model = pin.buildReducedModel(whole, others, pin.neutral(whole))
        self._data = self._model.createData()
        self._flange = self._model.getFrameId(flange)
        self.limits = JointLimits(
            lower=self._model.lowerPositionLimit,
            upper=self._model.upperPositionLimit,
            velocity=self._model.velocityLimit,
            effort=self._model.effortLimit,
        )
        self._lower = self.limits.lower + _LIMIT_MARGIN_RAD
        self._upper = self.limits.upper - _LIMIT_MARGIN_RAD

    def forward(self, joint_positions: Vector) -> Pose:
        """Return the flange pose in the base frame for joint positions (7,) [rad]."""
        placement = self._place(np.asarray(joint_positions, dtype=np.float64))
        return Pose(placement.translation.copy(), placement.rotation.copy())

    def jacobian(self, joint_positions: Vector) -> Vector:
        """Return the (6, 7) map from joint speeds [rad/s] to the flange twist [m/s, rad/s].

        The twist is that of the flange's origin along the axes of the base frame.
        """
        jacobian: Vector = pin.computeFrameJacobian(
            self._model,
            self._data,
            np.asarray(joint_positions, dtype=np.float64),
            self._flange,
            pin.LOCAL_WORLD_ALIGNED,
        )
        return jacobian

    def speeds(self, joint_positions: Vector, twist: Vector) -> Vector:
        """Return the least joint speeds (7,) [rad/s] that give the flange a twist.

        Args:
            joint_positions: (7,) [rad].
            twist: (6,) [m/s, rad/s], as in `jacobian`.
        """
        if not twist.any():
            return _NOWHERE
        jacobian = self.jacobian(joint_positions)
        gram = jacobian @ jacobian.T
        gram.ravel()[::7] += _LEAST_DAMPING
        least: Vector = np.linalg.solve(gram, twist) @ jacobian
        return least

    def inverse(
        self,
        target: Pose,
        seed: Vector,
        *,
        posture: Vector | None = None,
        posture_step_rad: float = 0.02,
        posture_share: float = 1.0,
    ) -> IkSolution:
        """Find joint positions that bring the flange to a pose.

        Args:
            target: wanted flange pose in the base frame.
            seed: joint positions (7,) [rad] to start from; the solution is near to them.
            posture: joint positions (7,) [rad] to stay close to; None is the ready posture.
            posture_step_rad: how far one call may move the elbow towards the posture [rad]. The
                default suits targets that are streamed; `numpy.inf` forgets the seed's elbow.
            posture_share: the part 0..1 of the way to the posture that one step may take: less
                than 1 lets the elbow arrive smoothly.

        Returns:
            The solution; look at `converged` before using it.
        """
        rest = READY_POSTURE if posture is None else posture
        settle, budget = bool(np.isinf(posture_step_rad)), posture_step_rad
        best = joints = self._within_limits(np.asarray(seed, dtype=np.float64))
        error = self._error(joints, target)
        left, least, near = error, float(error @ error), False
        for _ in range(_ITERATIONS):
            towards = posture_share * (rest - joints) if budget > 0.0 else _NOWHERE
            moved, drift = self._step(joints, error, towards, budget)
            if near and drift < _POSTURE_TOLERANCE_RAD:
                break
            budget -= drift
            joints = moved
            error = self._error(joints, target)
            near, size = _within_tolerance(error), float(error @ error)
            if near or size < least:
                best, left, least = joints, error, size
            if near and not settle:
                # While targets are streamed, the next call goes on with the posture.
                break
        return self._solution(best, left)

    def _within_limits(self, joints: Vector) -> Vector:
        """Return joint positions (7,) [rad] moved inside the limits."""
        clipped: Vector = np.minimum(np.maximum(joints, self._lower), self._upper)
        return clipped

    def _place(self, joints: Vector) -> pin.SE3:
        """Return the flange's placement in the base frame; valid until the next call."""
        pin.forwardKinematics(self._model, self._data, joints)
        return pin.updateFramePlacement(self._model, self._data, self._flange)

    def _error(self, joints: Vector, target: Pose) -> Vector:
        """Return the pose error (6,) [m, rad] along the axes of the base frame."""
        placement = self._place(joints)
        error = np.empty(6)
        error[:3] = target.position - placement.translation
        error[3:] = pin.log3(target.rotation @ placement.rotation.T)
        return error

    def _step(
        self, joints: Vector, error: Vector, towards: Vector, budget: float
    ) -> tuple[Vector, float]:
        """Return joints (7,) [rad] after one step, and its length in the null space [rad]."""
        jacobian = self.jacobian(joints)
        step, drift = _damped_step(jacobian, error, towards, budget)
        moved = joints + step
        inside = self._within_limits(moved)
        if (inside == moved).all():
            return moved, drift
        blocked = ((moved < inside) & (joints <= self._lower)) | (
            (moved > inside) & (joints >= self._upper)
        )
        if blocked.any():
            # Joints that push against their limit must not hide what the others can still do.
            free = np.where(blocked, 0.0, 1.0)
            step, drift = _damped_step(jacobian * free, error, towards * free, budget)
            inside = self._within_limits(joints + step)
        return inside, drift

    def _solution(self, joints: Vector, error: Vector) -> IkSolution:
        """Describe the best configuration that was found and the pose error (6,) that is left."""
        numbers = error.tolist()
        position, rotation = math.hypot(*numbers[:3]), math.hypot(*numbers[3:])
        converged = _within_tolerance(error)
        reason = '' if converged else self._reason(joints, position, rotation)
        return IkSolution(joints, converged, position, rotation, reason)

    def _reason(self, joints: Vector, position: float, rotation: float) -> str:
        """Say why a pose was not reached."""
        at_limit = [
            name
            for name, value, lower, upper in zip(
                self._names, joints, self._lower, self._upper, strict=True
            )
            if not lower < value < upper
        ]
        cause = f'joint limit of {", ".join(at_limit)}' if at_limit else "beyond the arm's reach"
        return f'{cause}: {position * 1000:.1f} mm and {np.degrees(rotation):.2f} deg are missing'


def _damped_step(
    jacobian: Vector, error: Vector, towards: Vector, budget: float
) -> tuple[Vector, float]:
    """Return a step (7,) and the length of its part in the null space, at most `budget`."""
    gram = jacobian @ jacobian.T
    # Damping that vanishes with the error: safe out of reach, exact null space at the solution.
    gram.ravel()[::7] += _LEAST_DAMPING + min(_MOST_DAMPING, 0.1 * float(error @ error))
    if budget <= 0.0:
        return _shortened(np.linalg.solve(gram, error) @ jacobian), 0.0
    wanted = np.empty((6, 2))
    wanted[:, 0] = error
    wanted[:, 1] = jacobian @ towards
    task, blocked = np.linalg.solve(gram, wanted).T @ jacobian
    null = towards - blocked
    drift = math.sqrt(null @ null)
    allowed = min(budget, _MAX_STEP_RAD)
    if drift > allowed:
        null, drift = null * (allowed / drift), allowed
    return _shortened(task) + null, drift


def _shortened(step: Vector) -> Vector:
    """Return a step (7,) [rad] in the same direction that moves no joint too far at once."""
    longest = max(map(abs, step.tolist()))
    return step * (_MAX_STEP_RAD / longest) if longest > _MAX_STEP_RAD else step


def _within_tolerance(error: Vector) -> bool:
    """Whether a pose error (6,) [m, rad] counts as none."""
    x, y, z, a, b, c = error.tolist()
    near: bool = x * x + y * y + z * z < _POSITION_TOLERANCE_M**2
    return near and a * a + b * b + c * c < _ROTATION_TOLERANCE_RAD**2


def _require(model: pin.Model, urdf: Path | None) -> None:
    """Raise DescriptionError when the arm is not complete."""
    joints, flange = arm_parts(list(model.names))
    missing = [name for name in joints if not model.existJointName(name)]
    if not model.existFrame(flange):
        missing.append(flange)
    if missing:
        raise DescriptionError(
            f'{urdf or "the robot description"}: joints or frames are missing: '
            f'{", ".join(missing)}; the arm needs {", ".join(joints)} and {flange}'
        )
