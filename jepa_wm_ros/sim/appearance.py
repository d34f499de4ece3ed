"""What the cell looks like: light, surfaces, the exact place of the camera and its sensor.

`NOMINAL` is the look without variation. `sample_appearance` draws looks for training ('seen') and
looks that are outside of everything that training shows ('unseen').
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.sim import textures

Triple = tuple[float, float, float]
Variation = Literal['seen', 'unseen']


class AppearanceError(JepaWmError):
    """An appearance holds values that cannot be rendered."""


def _check_range(name: str, values: tuple[float, ...], lower: float, upper: float) -> None:
    """Raise AppearanceError when a value is not a finite number in lower..upper."""
    if not all(math.isfinite(value) and lower <= value <= upper for value in values):
        raise AppearanceError(f'{name} must be in {lower}..{upper}, not {values}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A texture and the colour that tints it.

    Attributes:
        texture: one of `textures.NAMES`.
        colour: red, green, blue in 0..1.
    """

    texture: str
    colour: Triple

    def __post_init__(self) -> None:
        """Check name and range.

        Raises:
            AppearanceError: the texture does not exist or the colour is out of range.
        """
        if self.texture not in textures.NAMES:
            raise AppearanceError(
                f'unknown texture {self.texture!r}; there are {", ".join(textures.NAMES)}'
            )
        _check_range('colour', self.colour, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One look of the cell.

    Attributes:
        table: table top.
        floor: floor around the table.
        wall: both walls.
        light_direction: where the key light shines to, base frame; its length does not matter.
        light_colour: red, green, blue of the key light in 0..1.
        light_intensity: brightness of the key light, 0..2.
        ambient: brightness of the light from everywhere, 0..1.
        shadows: whether the key light casts shadows (about three times slower to render).
        camera_offset_m: displacement of the camera along its optical axes: right, down, forward.
        camera_rotation_rad: small rotation of the camera about its optical axes [rad].
        exposure: factor on the brightness of the picture.
        gamma: exponent of the picture's tone curve; 1 is linear.
        noise: standard deviation of the sensor noise, in grey levels of 255.
    """

    table: Surface
    floor: Surface
    wall: Surface
    light_direction: Triple = (-0.25, -0.45, -1.0)
    light_colour: Triple = (1.0, 1.0, 1.0)
    light_intensity: float = 0.55
    ambient: float = 0.38
    shadows: bool = False
    camera_offset_m: Triple = (0.0, 0.0, 0.0)
    camera_rotation_rad: Triple = (0.0, 0.0, 0.0)
    exposure: float = 1.0
    gamma: float = 1.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            AppearanceError: a value is out of range; the message names the field.
        """
        for name, lower, upper in _RANGES:
            value = getattr(self, name)
            _check_range(name, value if isinstance(value, tuple) else (value,), lower, upper)
        if not any(self.light_direction):
            raise AppearanceError('light_direction must not be zero')


_RANGES = (
    ('light_direction', -math.inf, math.inf),
    ('light_colour', 0.0, 1.0),
    ('light_intensity', 0.0, 2.0),
    ('ambient', 0.0, 1.0),
    ('camera_offset_m', -0.2, 0.2),
    ('camera_rotation_rad', -0.3, 0.3),
    ('exposure', 0.1, 10.0),
    ('gamma', 0.2, 5.0),
    ('noise', 0.0, 50.0),
)

NOMINAL = Appearance(
    table=Surface(texture='wood', colour=(0.78, 0.62, 0.46)),
    floor=Surface(texture='blotches', colour=(0.36, 0.39, 0.43)),
    wall=Surface(texture='plain', colour=(0.56, 0.62, 0.68)),
)


def sample_appearance(rng: np.random.Generator, variation: Variation) -> Appearance:
    """Draw an appearance.

    Args:
        rng: source of all randomness.
        variation: 'seen' for the ranges of training, 'unseen' for textures, colours and light
            outside of them. The camera moves by up to 1 cm and 1 degree per axis in both.

    Raises:
        AppearanceError: the variation does not exist.
    """
    if variation == 'seen':
        return _sample(rng, _SEEN)
    if variation == 'unseen':
        return _sample(rng, _UNSEEN)
    raise AppearanceError(
        f'unknown variation {variation!r}; there are {", ".join(get_args(Variation))}'
    )


Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranges:
    """What a variation draws from; hue, saturation and value are those of the HSV colour model."""

    textures: tuple[str, ...]
    table_hue: Range
    table_saturation: Range
    table_value: Range
    room_hue: Range
    room_saturation: Range
    room_value: Range
    azimuth: Range
    elevation: Range
    intensity: Range
    ambient: Range
    warmth: Range
    shadow_probability: float
    exposure: Range
    gamma: Range
    noise: Range


_SEEN = _Ranges(
    textures=textures.SEEN,
    table_hue=(0.02, 0.14),
    table_saturation=(0.05, 0.50),
    table_value=(0.35, 0.72),
    room_hue=(0.45, 0.70),
    room_saturation=(0.0, 0.25),
    room_value=(0.25, 0.72),
    azimuth=(-0.6, 2.2),
    elevation=(0.8, 1.4),
    intensity=(0.40, 0.75),
    ambient=(0.28, 0.48),
    warmth=(-0.10, 0.10),
    shadow_probability=0.5,
    exposure=(0.80, 1.20),
    gamma=(0.85, 1.18),
    noise=(0.0, 6.0),
)

_UNSEEN = _Ranges(
    textures=textures.UNSEEN,
    table_hue=(0.25, 0.95),
    table_saturation=(0.15, 0.60),
    table_value=(0.30, 0.80),
    room_hue=(0.0, 0.40),
    room_saturation=(0.10, 0.40),
    room_value=(0.20, 0.80),
    azimuth=(2.6, 5.2),
    elevation=(0.6, 0.8),
    intensity=(0.75, 0.95),
    ambient=(0.20, 0.28),
    warmth=(0.10, 0.22),
    shadow_probability=1.0,
    exposure=(0.65, 1.35),
    gamma=(0.75, 1.33),
    noise=(6.0, 10.0),
)


def _sample(rng: np.random.Generator, ranges: _Ranges) -> Appearance:
    """Draw every field once, in a fixed order, so that a seed gives one appearance for ever."""
    azimuth, elevation = rng.uniform(*ranges.azimuth), rng.uniform(*ranges.elevation)
    across, up = math.cos(elevation), math.sin(elevation)
    warmth = rng.uniform(*ranges.warmth)
    degree = math.radians(1.0)
    return Appearance(
        table=_surface(rng, ranges, ranges.table_hue, ranges.table_saturation, ranges.table_value),
        floor=_surface(rng, ranges, ranges.room_hue, ranges.room_saturation, ranges.room_value),
        wall=_surface(rng, ranges, ranges.room_hue, ranges.room_saturation, ranges.room_value),
        light_direction=(-across * math.cos(azimuth), -across * math.sin(azimuth), -up),
        light_colour=(1.0 - max(0.0, -warmth), 1.0 - abs(warmth) / 2, 1.0 - max(0.0, warmth)),
        light_intensity=rng.uniform(*ranges.intensity),
        ambient=rng.uniform(*ranges.ambient),
        shadows=bool(rng.random() < ranges.shadow_probability),
        camera_offset_m=_triple(rng, 0.01),
        camera_rotation_rad=_triple(rng, degree),
        exposure=rng.uniform(*ranges.exposure),
        gamma=rng.uniform(*ranges.gamma),
        noise=rng.uniform(*ranges.noise),
    )


def _surface(
    rng: np.random.Generator, ranges: _Ranges, hue: Range, saturation: Range, value: Range
) -> Surface:
    """Draw a texture and a colour."""
    name = ranges.textures[rng.integers(len(ranges.textures))]
    return Surface(
        texture=name,
        colour=colorsys.hsv_to_rgb(
            rng.uniform(*hue), rng.uniform(*saturation), rng.uniform(*value)
        ),
    )


def _triple(rng: np.random.Generator, size: float) -> Triple:
    """Draw three numbers in -size..size."""
    x, y, z = rng.uniform(-size, size, 3).tolist()
    return x, y, z
