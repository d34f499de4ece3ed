"""The exterior camera: its settings and what its sensor does to a rendered picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.errors import JepaWmError

Picture = NDArray[np.uint8]

_NOISE_ROWS = 64


class CameraError(JepaWmError):
    """The settings of the camera make no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """Size and field of view of a pinhole camera without distortion.

    Attributes:
        width: pixels.
        height: pixels.
        vertical_fov_deg: angle between the upper and the lower edge of the picture [deg].
    """

    width: int = 320
    height: int = 180
    vertical_fov_deg: float = 56.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            CameraError: a value is out of range; the message names the field.
        """
        for name in ('width', 'height'):
            if not 16 <= getattr(self, name) <= 4096:
                raise CameraError(f'camera {name} must be 16..4096, not {getattr(self, name)}')
        if not 5.0 <= self.vertical_fov_deg <= 120.0:
            raise CameraError(f'vertical_fov_deg must be 5..120, not {self.vertical_fov_deg}')

    @property
    def focal_length(self) -> float:
        """Focal length [pixels], the same in both directions."""
        return self.height / 2 / math.tan(math.radians(self.vertical_fov_deg) / 2)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Camera matrix K (3, 3) [pixels], for the optical frame (x right, y down, z forward)."""
        focal = self.focal_length
        centre_x, centre_y = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[focal, 0, centre_x], [0, focal, centre_y], [0, 0, 1]], dtype=float)


class Sensor:
    """Turn rendered pictures into sensor pictures: exposure, tone curve, noise."""

    def __init__(self, settings: CameraSettings, seed: int) -> None:
        """Prepare noise for pictures of the given size."""
        self._shape = (settings.height, settings.width, 3)
        self._size = math.prod(self._shape)
        self._curve: bytes | None = None
        self._noise = 0.0
        self._grain: NDArray[np.float32] | None = None
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the noise sequence that belongs to a seed."""
        self._rng = np.random.default_rng(seed)

    def configure(self, exposure: float, gamma: float, noise: float) -> None:
        """Set the factor on brightness, the tone curve's exponent and the noise [grey levels]."""
        levels = np.clip(exposure * np.arange(256) / 255, 0.0, 1.0) ** gamma
        curve = np.rint(255 * levels).astype(np.uint8)
        self._curve = None if exposure == 1.0 and gamma == 1.0 else curve.tobytes()
        self._noise = noise

    def expose(self, picture: Picture) -> Picture:
        """Return what the sensor makes of a rendered picture (H, W, 3)."""
        result = picture if self._curve is None else _translate(picture, self._curve)
        if self._noise == 0.0:
            return result
        noisy = result + self._noise * self._draw_grain()
        return np.clip(noisy + np.float32(0.5), 0, 255).astype(np.uint8)

    def _draw_grain(self) -> NDArray[np.float32]:
        """Return unit noise (H, W, 3): a random window of a strip, which is cheaper than new."""
        if self._grain is None:
            strip = np.random.default_rng(0).standard_normal(
                self._size + _NOISE_ROWS * self._shape[1] * 3, dtype=np.float32
            )
            self._grain = strip
        start = int(self._rng.integers(self._grain.size - self._size + 1))
        return self._grain[start : start + self._size].reshape(self._shape)


def _translate(picture: Picture, curve: bytes) -> Picture:
    """Return `curve[picture]`, in half the time that NumPy takes for it."""
    return np.frombuffer(bytearray(picture.tobytes().translate(curve)), np.uint8).reshape(
        picture.shape
    )
