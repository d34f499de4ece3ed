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
CROPS = ('center_square', 'none')
COLOURS = ('rgb', 'bgr')


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraContract:
    """How a camera picture becomes the encoder's input.

    Attributes:
        width: Width of the encoder's input [px].
        height: Height of the encoder's input [px].
        crop: `center_square` cuts the largest centred square; `none` keeps the whole picture.
        colour: Channel order of the encoder's input.
        mean: Subtracted from each channel after scaling to 0..1.
        std: Each channel is divided by this afterwards.
    """

    width: int
    height: int
    crop: str = 'center_square'
    colour: str = 'rgb'
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        """Refuse what no camera can give."""
        require(self.width > 0 and self.height > 0, 'width and height must be positive [px]')
        one_of('crop', self.crop, CROPS)
        one_of('colour', self.colour, COLOURS)
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

    Translations are in metres and rotations in radians, both in the base frame (rotation
    increments are extrinsic xyz Euler angles, multiplied from the left); `dgripper` runs from
    0 (open) to 1 (closed). A dimension whose lower and upper bound are equal is pinned: the
    model does not move it.

    Attributes:
        lower: Least value of each field, in the units of `ACTION_UNITS`.
        upper: Greatest value of each field.
        mean: Subtracted before the model sees an action.
        std: Divides afterwards.
        step_duration_s: Physical length of one step [s].
        fields: The seven names, in the order of all arrays.
        frame: Frame of the increments.
        frame_skip: Camera-rate actions that make one action of the model.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    step_duration_s: float
    fields: tuple[str, ...] = ACTION_FIELDS
    frame: str = 'panda_link0'
    frame_skip: int = 1

    def __post_init__(self) -> None:
        """Check sizes, order of the bounds and the step's length."""
        require(self.fields == ACTION_FIELDS, f'fields must be {ACTION_FIELDS}, got {self.fields}')
        for name in ('lower', 'upper', 'mean', 'std'):
            size = len(getattr(self, name))
            require(
                size == len(self.fields),
                f'{name} must have {len(self.fields)} entries, got {size}',
            )
        ordered = all(low <= high for low, high in zip(self.lower, self.upper, strict=True))
        require(ordered, 'lower must not exceed upper')
        require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')
        require(
            math.isfinite(self.step_duration_s) and self.step_duration_s > 0,
            f'step_duration_s must be positive [s], got {self.step_duration_s}',
        )
        require(self.frame_skip >= 1, f'frame_skip must be at least 1, got {self.frame_skip}')


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
