"""Calibrations as YAML files: the rotation, how it was found, and what it belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.calibration import (
    CalibrationError,
    CalibrationLimits,
    RotationFit,
    check_rotation,
)
from jepa_wm_ros.worldmodel.schema import plain, read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
_HEADER = """\
# How motions of the arm follow from plans of a world model: executed = rotation * planned.
# Written by `jepa-wm calibrate`; read by the action publisher (parameter calibration_file).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Where moves were seen and made.

    Attributes:
        camera: Frame of the pictures.
        base: Frame of the motions; empty: not known.
    """

    camera: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """What a calibration belongs to; it must not be used with anything else.

    Attributes:
        bundle: Fingerprint of the model bundle.
        bundle_name: Its name, for people.
        camera: Frame of the pictures (`header.frame_id`).
        base_frame: Frame of the motions; empty: not known.
    """

    bundle: str
    bundle_name: str
    camera: str
    base_frame: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a calibration came about.

    Attributes:
        made: Date and time, ISO 8601.
        source: Where the moves came from: live, cell, or the path of a bag.
        software: Version of this package.
    """

    made: str
    source: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well the rotation is known; see `robot.calibration.RotationFit`."""

    moves: int
    outliers: int
    condition: float
    gain: float
    residual_m: float
    uncorrected_m: float
    explained: float
    expected_error_rad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move: what the model would have done between the pictures, and what was done [m]."""

    planned: tuple[float, float, float]
    executed: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFile:
    """What a calibration file holds.

    Attributes:
        format_version: Of the file.
        belongs_to: Bundle, camera and frame.
        rotation: Three rows of R.
        about: Axes about which it was sought: `z` or `any`.
        angle_deg: Angle of R, for people [deg].
        quality: How well R is known.
        provenance: How it came about.
        moves: What it was made of.
    """

    format_version: int
    belongs_to: Belonging
    rotation: tuple[tuple[float, float, float], ...]
    about: str
    angle_deg: float
    quality: Quality
    provenance: Provenance
    moves: tuple[Move, ...]

    @classmethod
    def of(
        cls,
        fit: RotationFit,
        belongs_to: Belonging,
        provenance: Provenance,
        planned: NDArray[np.float64],
        executed: NDArray[np.float64],
    ) -> CalibrationFile:
        """Return the file of a fit and its `(K, 3)` moves."""
        pairs = zip(_rows(planned), _rows(executed), strict=True)
        return cls(
            format_version=FORMAT_VERSION,
            belongs_to=belongs_to,
            rotation=_rows(fit.rotation),
            about=fit.about,
            angle_deg=math.degrees(fit.angle_rad),
            quality=Quality(**{name: getattr(fit, name) for name in Quality.__slots__}),
            provenance=provenance,
            moves=tuple(Move(planned=a, executed=b) for a, b in pairs),
        )

    @property
    def fit(self) -> RotationFit:
        """The rotation and its quality.

        Raises:
            CalibrationError: The rotation is none.
        """
        quality = {name: getattr(self.quality, name) for name in Quality.__slots__}
        return RotationFit(rotation=check_rotation(self.rotation), about=self.about, **quality)

    def wrong_frame(self, base_frame: str) -> str:
        """Return why motions in a base frame must not be turned; '' if they may."""
        mine = self.belongs_to.base_frame
        if mine in ('', base_frame):
            return ''
        return (
            f'the calibration belongs to the base frame {mine!r}, the arm is moved in '
            f'{base_frame!r} (base_frame); run `jepa-wm calibrate` with this arm'
        )

    def mismatch(self, *, bundle: str, camera: str) -> str:
        """Return why plans of this bundle from this camera must not be turned; '' if they may."""
        mine = self.belongs_to
        if bundle != mine.bundle:
            return (
                f'the calibration belongs to the bundle {mine.bundle_name} ({mine.bundle}), the '
                f'plan comes from {bundle}; run `jepa-wm calibrate` with this bundle'
            )
        if camera != mine.camera:
            return (
                f'the calibration belongs to the camera {mine.camera!r}, pictures come from '
                f'{camera!r}; run `jepa-wm calibrate` with this camera'
            )
        return ''


def write_calibration(path: Path, calibration: CalibrationFile) -> None:
    """Write a file."""
    text = yaml.safe_dump(plain(calibration), sort_keys=False, default_flow_style=None, width=99)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEADER + text, encoding='utf-8')


def read_calibration(path: Path, limits: CalibrationLimits | None = None) -> CalibrationFile:
    """Read a file.

    Args:
        path: The file.
        limits: What is good enough to be used.

    Raises:
        CalibrationError: It cannot be read, is not one, or must not be used.
    """
    try:
        found = read(CalibrationFile, yaml.safe_load(path.read_text(encoding='utf-8')), path)
        faults = found.fit.faults(limits or CalibrationLimits())
    except OSError as error:
        raise CalibrationError(
            f'cannot read the calibration {path}: {error.strerror or error}; `jepa-wm calibrate` '
            'makes one'
        ) from error
    except yaml.YAMLError as error:
        raise CalibrationError(f'{path} is not YAML: {error}') from error
    except JepaWmError as error:
        raise CalibrationError(f'{path}: {error}') from error
    if found.format_version != FORMAT_VERSION:
        raise CalibrationError(
            f'{path}: format_version must be {FORMAT_VERSION}, got {found.format_version}'
        )
    if faults:
        raise CalibrationError(f'{path} must not be used: {"; ".join(faults)}')
    return found


def _rows(matrix: NDArray[np.float64]) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in matrix)
