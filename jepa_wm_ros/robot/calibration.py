"""The rotation between what a world model plans and what the arm does, from a few small moves.

A model infers the axes of actions from the picture. Where the camera stands otherwise than in
training, it plans `a` to get from one picture to another between which the arm went `d`. The
rotation that fits best (Kabsch; after the camera study of V-JEPA 2-AC, arXiv 2506.09985, 11.4)

    R = argmin sum |d - g R a|^2 = U diag(1, 1, det U V^T) V^T,    U S V^T = svd(sum d a^T)

turns plans into motions of this arm. The gain `g` is told and not applied: models see large moves
as smaller ones, and a longer step than planned is never safe.

How well R is known follows from the residuals e of n moves: with s^2 = sum |e|^2 / (dims n - p),

    cov = s^2 / g^2 (sum |a|^2 I - a a^T)^-1        (small rotation vector, radians).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from transforms3d.euler import euler2mat, mat2euler

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.poses import EULER_AXES, vector_from_rotation

Vectors = NDArray[np.float64]

ABOUT = ('z', 'any')
"""About which axes a rotation may be: that of the base, which a camera's yaw needs, or all."""
LEAST_MOVES = 4
LEAST_MOVE_M = 0.005
_OUTLIER = 3.0
_TO_DEVIATION = 1.4826
_ORTHOGONAL = 1e-6


class CalibrationError(JepaWmError):
    """A rotation cannot be found, or must not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationLimits:
    """When a rotation is good enough to be used.

    Attributes:
        max_condition: Most condition number of the planned moves: 1 when they go into all
            directions alike, large when one direction is hardly known.
        max_error_rad: Most expected error of the rotation [rad].
        min_explained: Least part of the motion that turned plans explain, 0..1.
    """

    max_condition: float = 4.0
    max_error_rad: float = math.radians(8.0)
    min_explained: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RotationFit:
    """A rotation from planned to executed motion, and how well it is known.

    Attributes:
        rotation: `(3, 3)` R.
        about: `z` or `any`.
        moves: How many moves it is made of.
        outliers: How many others were left out.
        condition: Condition number of the planned moves.
        gain: Length of motions, relative to plans.
        residual_m: Root mean square of what R and g leave [m].
        uncorrected_m: The same without rotation and gain [m].
        explained: Part of the motion that they explain, 0..1; negative when they do harm.
        expected_error_rad: Standard deviation of the rotation [rad].
    """

    rotation: NDArray[np.float64]
    about: str
    moves: int
    outliers: int
    condition: float
    gain: float
    residual_m: float
    uncorrected_m: float
    explained: float
    expected_error_rad: float

    @property
    def vector(self) -> NDArray[np.float64]:
        """`(3,)` axis times angle [rad]."""
        return vector_from_rotation(self.rotation)

    @property
    def angle_rad(self) -> float:
        """Angle of the rotation [rad]."""
        return float(np.linalg.norm(self.vector))

    def faults(self, limits: CalibrationLimits) -> list[str]:
        """Return why the rotation must not be used, in words; empty when it may."""
        found = []
        if not self.condition <= limits.max_condition:
            found.append(
                f'ill-conditioned: condition number {self.condition:.1f}, at most '
                f'{limits.max_condition:g} is accepted; move into all directions alike'
            )
        if not self.expected_error_rad <= limits.max_error_rad:
            found.append(
                f'uncertain: {math.degrees(self.expected_error_rad):.1f} deg of expected error, '
                f'at most {math.degrees(limits.max_error_rad):.1f} is accepted; make more moves'
            )
        if not self.explained >= limits.min_explained:
            found.append(
                f'plans explain {100 * max(self.explained, 0):.0f} % of the motion, at least '
                f'{100 * limits.min_explained:.0f} % is needed; the model does not understand '
                'this picture'
            )
        return found


def fit_rotation(planned: ArrayLike, executed: ArrayLike, about: str = 'z') -> RotationFit:
    """Find the rotation from planned to executed translations.

    Args:
        planned: `(K, 3)` what the model would do to get from picture to picture [m].
        executed: `(K, 3)` how the flange went between them, in the base frame [m].
        about: `z` for a rotation about the base's z axis, `any` for all rotations.

    Raises:
        CalibrationError: There are too few moves, they are too small, or the picture is mirrored.
    """
    plans, motions = _checked(planned, executed, about)
    kept = np.ones(len(plans), dtype=bool)
    rotation, gain = _rotation(plans, motions, about)
    errors = np.linalg.norm(motions - gain * plans @ rotation.T, axis=1)
    middle = np.median(errors)
    spread = _TO_DEVIATION * float(np.median(np.abs(errors - middle)))
    within = errors <= middle + _OUTLIER * spread
    if spread > 0.0 and LEAST_MOVES <= within.sum() < len(plans):
        kept = within
        rotation, gain = _rotation(plans[kept], motions[kept], about)
    return _judged(plans[kept], motions[kept], rotation, gain, about, int((~kept).sum()))


def turned(actions: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return actions `(H, 7)` with translations R v and rotations R D R^T; the gripper stays."""
    result = actions.copy()
    result[:, :3] = actions[:, :3] @ rotation.T
    for row, action in zip(result, actions, strict=True):
        if not (np.isfinite(action[3:6]).all() and action[3:6].any()):
            continue
        turn = rotation @ euler2mat(*action[3:6], axes=EULER_AXES) @ rotation.T
        row[3:6] = mat2euler(turn, axes=EULER_AXES)
    return result


def check_rotation(rotation: ArrayLike) -> NDArray[np.float64]:
    """Return a `(3, 3)` rotation.

    Raises:
        CalibrationError: It is none.
    """
    matrix = np.asarray(rotation, dtype=np.float64)
    good = matrix.shape == (3, 3) and bool(np.isfinite(matrix).all())
    if good:
        good = bool(np.abs(matrix @ matrix.T - np.eye(3)).max() < _ORTHOGONAL)
    if not good or np.linalg.det(matrix) < 0.0:
        raise CalibrationError(
            f'a rotation is three orthogonal rows of unit length, got {matrix.tolist()}'
        )
    return matrix


def _checked(planned: ArrayLike, executed: ArrayLike, about: str) -> tuple[Vectors, Vectors]:
    if about not in ABOUT:
        raise CalibrationError(f'about must be one of {", ".join(ABOUT)}, got {about!r}')
    plans, motions = (np.asarray(a, dtype=np.float64) for a in (planned, executed))
    if plans.ndim != 2 or plans.shape[1] != 3 or plans.shape != motions.shape:
        raise CalibrationError(
            f'planned and executed moves must be (K, 3) both, got {plans.shape}, {motions.shape}'
        )
    if not (np.isfinite(plans).all() and np.isfinite(motions).all()):
        raise CalibrationError('a planned or executed move is not finite')
    moved = np.linalg.norm(motions, axis=1) >= LEAST_MOVE_M
    if moved.sum() < LEAST_MOVES:
        raise CalibrationError(
            f'the arm moved {LEAST_MOVE_M * 1000:g} mm or more in {moved.sum()} of {len(plans)} '
            f'moves, {LEAST_MOVES} are needed; is it armed, and not a dry run?'
        )
    return plans[moved], motions[moved]


def _rotation(plans: Vectors, motions: Vectors, about: str) -> tuple[NDArray[np.float64], float]:
    """Return R and g for moves `(K, 3)`."""
    rotation = _about_z(plans, motions) if about == 'z' else _about_any(plans, motions)
    across = slice(0, 2) if about == 'z' else slice(0, 3)
    aligned = (plans @ rotation.T)[:, across]
    size = float((aligned**2).sum())
    gain = float((motions[:, across] * aligned).sum()) / size if size > 0.0 else math.nan
    return rotation, gain


def _about_z(plans: Vectors, motions: Vectors) -> NDArray[np.float64]:
    """Moves in the plane as complex numbers: a rotation multiplies, a mirror conjugates first."""
    planned = plans[:, 0] + 1j * plans[:, 1]
    done = motions[:, 0] + 1j * motions[:, 1]
    turn, mirror = (planned.conj() * done).sum(), (planned * done).sum()
    if abs(mirror) > abs(turn):
        raise CalibrationError(_MIRRORED)
    cosine, sine = math.cos(np.angle(turn)), math.sin(np.angle(turn))
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _about_any(plans: Vectors, motions: Vectors) -> NDArray[np.float64]:
    left, sizes, right = np.linalg.svd(motions.T @ plans)
    sign = np.linalg.det(left @ right)
    # a mirror only, where all three directions were seen: else the sign says nothing
    if sign < 0.0 and sizes[2] > 0.1 * sizes[1]:
        raise CalibrationError(_MIRRORED)
    turn: NDArray[np.float64] = left @ np.diag([1.0, 1.0, np.sign(sign)]) @ right
    return turn


_MIRRORED = (
    'the motion mirrors the plans: is the camera picture flipped, or upside down? No rotation '
    'mends that; turn the picture in the driver of the camera'
)


def _judged(
    plans: Vectors,
    motions: Vectors,
    rotation: NDArray[np.float64],
    gain: float,
    about: str,
    outliers: int,
) -> RotationFit:
    """Tell how good R and g are for the moves that they are made of."""
    dims = 2 if about == 'z' else 3
    aligned = plans @ rotation.T
    errors = (motions - gain * aligned)[:, :dims]
    done = motions[:, :dims]
    free = errors.size - (2 if about == 'z' else 4)
    variance = float((errors**2).sum()) / max(free, 1)
    return RotationFit(
        rotation=rotation,
        about=about,
        moves=len(plans),
        outliers=outliers,
        condition=_condition(plans[:, :dims]),
        gain=gain,
        residual_m=_rms(errors),
        uncorrected_m=_rms((motions - plans)[:, :dims]),
        explained=1.0 - float((errors**2).sum() / (done**2).sum()),
        expected_error_rad=_expected_error(aligned, gain, variance, about),
    )


def _condition(plans: Vectors) -> float:
    sizes = np.linalg.svd(plans, compute_uv=False)
    return float(sizes[0] / sizes[-1]) if sizes[-1] > 0.0 else math.inf


def _expected_error(aligned: Vectors, gain: float, variance: float, about: str) -> float:
    """Return the standard deviation of the rotation [rad]."""
    squares = (aligned**2).sum()
    information = gain**2 * (squares * np.eye(3) - aligned.T @ aligned)
    if about == 'z':
        # only the part about z is free: the others are known
        return math.sqrt(variance / information[2, 2]) if information[2, 2] > 0.0 else math.inf
    if np.linalg.matrix_rank(information) < 3:
        return math.inf
    return math.sqrt(float(np.trace(np.linalg.inv(information))) * variance)


def _rms(errors: Vectors) -> float:
    """Return the root mean square length of `(K, dims)` errors [m]."""
    return math.sqrt(float((errors**2).sum(1).mean()))
