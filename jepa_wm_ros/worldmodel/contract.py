"""What a bundle promises about its inputs and outputs (plain data; imports no torch)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

FORMAT_VERSION = 1
ACTION_FIELDS = ('dx', 'dy', 'dz', 'droll', 'dpitch', 'dyaw', 'dgripper')
ACTION_UNITS = ('m', 'm', 'm', 'rad', 'rad', 'rad', '1')
CROPS = ('center_square', 'center_aspect', 'none')
RESIZES = ('area', 'bilinear', 'bilinear_antialias', 'bicubic', 'bicubic_antialias')
ORDERS = ('crop_resize', 'resize_crop')
COLOURS = ('rgb', 'bgr')


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraContract:
    """How a camera picture becomes the encoder's input.

    Attributes:
        width: Width of the normalised picture [px].
        height: Height of the normalised picture [px].
        crop: `center_square` cuts the largest centred square; `center_aspect` cuts, at the centre,
            as little as brings width / height into `aspect_range`; `none` keeps the whole picture.
        aspect_range: Least and greatest width / height that `center_aspect` leaves.
        resize: Kernel of the resize. `area` averages over uint8 pixels; the others work on floats,
            with or without a kernel that widens when it shrinks (antialias).
        order: `crop_resize`, or `resize_crop`: the shorter side is resized to fit, then the centre
            is cut out.
        second_size: Side [px] of a second, antialiased resize of the normalised picture, with
            which original DINO-WM models were trained; None for none.
        colour: Channel order of the encoder's input.
        mean: Subtracted from each channel, as if values were in 0..1.
        std: Each channel is divided by this afterwards.
        white: What white is while the arithmetic is done, 1 or 255 (V-JEPA 2); it moves the
            result by rounding only.
    """

    width: int
    height: int
    crop: str = 'center_square'
    aspect_range: tuple[float, float] = (0.75, 1.35)
    resize: str = 'area'
    order: str = 'crop_resize'
    second_size: int | None = None
    colour: str = 'rgb'
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    white: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no camera can give."""
        require(self.width > 0 and self.height > 0, 'width and height must be positive [px]')
        one_of('crop', self.crop, CROPS)
        one_of('resize', self.resize, RESIZES)
        one_of('order', self.order, ORDERS)
        one_of('colour', self.colour, COLOURS)
        require(
            self.order != 'resize_crop'
            or (self.width == self.height and self.crop != 'center_aspect'),
            'order resize_crop needs width equal to height, and crop center_square or none',
        )
        require(self.white in (1.0, 255.0), f'white must be 1 or 255, got {self.white}')
        low, high = self.aspect_range
        require(0 < low <= high, f'aspect_range must be 0 < least <= greatest, got {low}, {high}')
        require(
            self.second_size is None or self.second_size > 0,
            f'second_size must be positive [px], got {self.second_size}',
        )
        require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')


@dataclass(frozen=True, slots=True, kw_only=True)
class ProprioContract:
    """The robot state that the model sees: field names with their normalisation.

    Attributes:
        fields: Names of the numbers, in order; empty for a model that sees pictures only.
        frame: The frame in which poses are given.
        mean: Subtracted from each field.
        std: Each field is divided by this afterwards.
    """

    fields: tuple[str, ...] = ()
    frame: str = 'panda_link0'
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that each field has its normalisation."""
        for name in ('mean', 'std'):
            size = len(getattr(self, name))
            require(
                size == len(self.fields),
                f'{name} must have {len(self.fields)} entries, got {size}',
            )
        require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContract:
    """What an action means, and how large it may be.

    Everything here is said of one control. An action of the model is `frame_skip` controls one
    after another, `dim` numbers; `tiled` repeats a tuple of one control accordingly.

    The standard fields are `ACTION_FIELDS`, which the robot nodes execute: translations in metres
    and rotations in radians, both in the base frame (rotation increments are extrinsic xyz Euler
    angles, multiplied from the left); `dgripper` runs from 0 (open) to 1 (closed). Models of other
    worlds name their own fields. A field whose lower and upper bound are equal is pinned: the
    model does not move it.

    Attributes:
        lower: Least value of each field, in its unit.
        upper: Greatest value of each field.
        mean: Subtracted before the model sees an action.
        std: Divides afterwards.
        step_duration_s: Physical length of one step of the model [s].
        fields: The names, in the order of all arrays.
        units: The unit of each field; `1` for a number without one.
        frame: Frame of the increments.
        frame_skip: Controls that make one action of the model.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    step_duration_s: float
    fields: tuple[str, ...] = ACTION_FIELDS
    units: tuple[str, ...] = ACTION_UNITS
    frame: str = 'panda_link0'
    frame_skip: int = 1

    def __post_init__(self) -> None:
        """Check sizes, order of the bounds and the step's length."""
        require(len(self.fields) >= 1, 'fields must not be empty')
        require(
            len(set(self.fields)) == len(self.fields), f'fields must differ, got {self.fields}'
        )
        for name in ('units', 'lower', 'upper', 'mean', 'std'):
            size = len(getattr(self, name))
            require(
                size == len(self.fields),
                f'{name} must have {len(self.fields)} entries, got {size}',
            )
        numbers = self.lower + self.upper + self.mean + self.std
        require(all(map(math.isfinite, numbers)), 'lower, upper, mean and std must be finite')
        ordered = all(low <= high for low, high in zip(self.lower, self.upper, strict=True))
        require(ordered, 'lower must not exceed upper')
        require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')
        require(
            math.isfinite(self.step_duration_s) and self.step_duration_s > 0,
            f'step_duration_s must be positive [s], got {self.step_duration_s}',
        )
        require(self.frame_skip >= 1, f'frame_skip must be at least 1, got {self.frame_skip}')

    @property
    def dim(self) -> int:
        """Numbers in one action of the model: fields times `frame_skip`."""
        return len(self.fields) * self.frame_skip

    @property
    def is_cartesian(self) -> bool:
        """Whether an action is one increment of flange and gripper, as robot nodes execute."""
        standard = self.fields == ACTION_FIELDS and self.units == ACTION_UNITS
        return standard and self.frame_skip == 1

    def tiled(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Return values of one control, repeated for the `frame_skip` controls of an action."""
        return values * self.frame_skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The whole of `model.yaml`.

    Attributes:
        format_version: Version of this format.
        name: The bundle's name.
        family: Family of the world model.
        licence: SPDX identifier of the weights' licence.
        origin: Who made the weights, and from what.
        architecture: Settings of the family's encoder and predictor.
        camera: The pictures it takes.
        proprio: The robot state it takes.
        action: The actions it understands.
        context: Frames of context that the predictor sees.
        planning: Recommended planning settings.
        results: Figures that the makers measured, by name.
        fingerprint: First 12 hex digits of the SHA-256 of the weights file; not part of the
            file, filled in when a bundle is loaded.
        folder: Where the bundle was loaded from, likewise; other files of it are named from here.
    """

    format_version: int
    name: str
    family: str
    licence: str
    origin: str
    architecture: dict[str, Any]
    camera: CameraContract
    proprio: ProprioContract
    action: ActionContract
    context: int = 1
    planning: PlanningSettings = field(default_factory=PlanningSettings)
    results: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ''
    folder: str = field(default='', compare=False)

    def __post_init__(self) -> None:
        """Check the version and that planning agrees with the action."""
        require(
            self.format_version == FORMAT_VERSION,
            f'format_version must be {FORMAT_VERSION}, got {self.format_version}',
        )
        require(self.context >= 1, f'context must be at least 1 frame, got {self.context}')
        size = len(self.planning.initial_std)
        wanted = len(self.action.fields)
        require(size == wanted, f'planning.initial_std must have {wanted} entries, got {size}')

    @property
    def step_duration_s(self) -> float:
        """Physical length of one step [s]."""
        return self.action.step_duration_s
