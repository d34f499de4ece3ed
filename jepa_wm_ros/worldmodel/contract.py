"""What a bundle promises about its inputs and outputs (plain data; imports no torch)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

FORMAT_VERSION = 1
ACTION_FIELDS = ('dx', 'dy', 'dz', 'droll', 'dpitch', 'dyaw', 'dgripper')
ACTION_UNITS = ('m', 'm', 'm', 'rad', 'rad', 'rad', '1')
CROPS = ('center_square', 'none')
COLOURS = ('rgb', 'bgr')
DISTANCES = ('l1', 'l2', 'cosine', 'flat_cosine')
REDUCTIONS = ('last', 'sum', 'mean')
SOLVERS = ('cem', 'icem', 'mppi', 'gd', 'adam', 'hybrid', 'nevergrad')
NEVERGRAD_OPTIMIZERS = (
    'DiagonalCMA',
    'CMA',
    'NGOpt',
    'NgIohTuned',
    'PSO',
    'DE',
    'TwoPointsDE',
    'OnePlusOne',
)
MEAN_CANDIDATES = ('always', 'last', 'never')
RESULTS = ('cheapest', 'mean', 'best')


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f'{name} must be one of {", ".join(choices)}, got {value!r}')


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
        _require(self.width > 0 and self.height > 0, 'width and height must be positive [px]')
        _one_of('crop', self.crop, CROPS)
        _one_of('colour', self.colour, COLOURS)
        _require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')


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
            _require(
                size == len(self.fields),
                f'{name} must have {len(self.fields)} entries, got {size}',
            )
        _require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')


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
        _require(
            self.fields == ACTION_FIELDS, f'fields must be {ACTION_FIELDS}, got {self.fields}'
        )
        for name in ('lower', 'upper', 'mean', 'std'):
            size = len(getattr(self, name))
            _require(
                size == len(self.fields),
                f'{name} must have {len(self.fields)} entries, got {size}',
            )
        ordered = all(low <= high for low, high in zip(self.lower, self.upper, strict=True))
        _require(ordered, 'lower must not exceed upper')
        _require(all(s > 0 for s in self.std), f'std must be positive, got {self.std}')
        _require(
            math.isfinite(self.step_duration_s) and self.step_duration_s > 0,
            f'step_duration_s must be positive [s], got {self.step_duration_s}',
        )
        _require(self.frame_skip >= 1, f'frame_skip must be at least 1, got {self.frame_skip}')


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSettings:
    """How to plan with a model: the defaults that its makers recommend.

    Attributes:
        solver: Name of the solver.
        samples: Candidates in each iteration.
        iterations: Iterations of one plan.
        elites: Best candidates that make the next distribution.
        horizon: Steps that a candidate looks ahead.
        executed_steps: Steps executed before the next plan.
        distance: Latent distance to the goal.
        reduction: How the distances along the horizon become one cost.
        proprio_weight: Weight of the proprioceptive distance beside that of the tokens.
        action_weight: Weight of the mean squared action, each field as a fraction of half its
            range: above 0, small motions are preferred.
        initial_std: Initial standard deviation of each action field, as a fraction of half the
            field's range.
        std_floor: Least standard deviation, as the same fraction.
        spread_gain: The initial deviation shrinks near the goal: it is scaled by
            `clip(spread_gain * distance, spread_floor, 1)`, with the latent distance to the goal.
        spread_floor: Least such scale.
        momentum: Part of the old distribution that is kept in each iteration.
        std_momentum: The same for the standard deviation alone; None takes `momentum`.
        unbiased_std: Whether the variance of K elites is divided by K - 1, as the reference
            implementations do, instead of K.
        mean_candidate: When the mean is itself a candidate: `always`, in the `last` iteration,
            `never`.
        result: What a sampling solver returns: the final `mean`, the `best` candidate ever seen
            or the `cheapest` of both.
        correlation: Part of the sampling variance that is common to all steps of a candidate
            (0: white noise, 1: constant actions).
        noise_exponent: icem: the noise's power falls with the frequency to this power (0: white).
        kept_elites: icem: part of the elites that stay candidates in the next iteration and plan.
        sample_decay: icem: each iteration draws this factor fewer candidates.
        temperature: mppi: an elite weighs exp(-(its cost - the least cost) / temperature); in
            units of the mean of those differences, so that it needs no tuning as the goal nears.
        absolute_temperature: mppi: whether `temperature` is in units of cost instead.
        learning_rate: gd, adam, hybrid: step size, as a fraction of half each field's range.
        gradient_noise: gd, adam, hybrid: standard deviation of what is added to the actions after
            each step, as the same fraction.
        refine_steps: hybrid: steps of Adam after the search.
        nevergrad_optimizer: nevergrad: name of the optimiser.
        reached_cost: Latent distance under which the goal counts as reached.
        stall_steps: A plan starts afresh with full spread after this many executed steps without
            a fall of the distance.
        warm_start: Whether a plan starts from the last one, moved on by what was executed.
        deadline_s: Wall-clock time for one plan [s]; the best plan so far is used afterwards.
    """

    solver: str = 'cem'
    samples: int = 128
    iterations: int = 4
    elites: int = 16
    horizon: int = 6
    executed_steps: int = 1
    distance: str = 'l2'
    reduction: str = 'sum'
    proprio_weight: float = 0.0
    action_weight: float = 0.0
    initial_std: tuple[float, ...] = (0.8,) * 7
    std_floor: float = 0.02
    spread_gain: float = 1.0
    spread_floor: float = 0.15
    momentum: float = 0.1
    std_momentum: float | None = None
    unbiased_std: bool = False
    mean_candidate: str = 'always'
    result: str = 'cheapest'
    correlation: float = 0.5
    noise_exponent: float = 2.0
    kept_elites: float = 0.3
    sample_decay: float = 1.25
    temperature: float = 0.5
    absolute_temperature: bool = False
    learning_rate: float = 0.1
    gradient_noise: float = 0.0
    refine_steps: int = 5
    nevergrad_optimizer: str = 'DiagonalCMA'
    reached_cost: float = 0.0
    stall_steps: int = 3
    warm_start: bool = True
    deadline_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings with which no solver works."""
        _one_of('solver', self.solver, SOLVERS)
        _one_of('distance', self.distance, DISTANCES)
        _one_of('reduction', self.reduction, REDUCTIONS)
        _one_of('mean_candidate', self.mean_candidate, MEAN_CANDIDATES)
        _one_of('result', self.result, RESULTS)
        _one_of('nevergrad_optimizer', self.nevergrad_optimizer, NEVERGRAD_OPTIMIZERS)
        for name in (
            'samples',
            'iterations',
            'elites',
            'horizon',
            'executed_steps',
            'stall_steps',
            'refine_steps',
        ):
            _require(
                getattr(self, name) >= 1, f'{name} must be at least 1, got {getattr(self, name)}'
            )
        _require(self.elites <= self.samples, f'elites ({self.elites}) must not exceed samples')
        _require(self.executed_steps <= self.horizon, 'executed_steps must not exceed horizon')
        _require(all(s >= 0 for s in self.initial_std), 'initial_std must not be negative')
        for name in ('momentum', 'std_momentum', 'correlation', 'kept_elites'):
            value = getattr(self, name)
            _require(value is None or 0 <= value <= 1, f'{name} must be within 0..1, got {value}')
        _require(
            self.noise_exponent >= 0,
            f'noise_exponent must be at least 0, got {self.noise_exponent}',
        )
        _require(
            self.sample_decay >= 1, f'sample_decay must be at least 1, got {self.sample_decay}'
        )
        for name in ('temperature', 'learning_rate'):
            _require(
                getattr(self, name) > 0, f'{name} must be positive, got {getattr(self, name)}'
            )
        _require(
            self.action_weight >= 0, f'action_weight must be at least 0, got {self.action_weight}'
        )
        _require(
            self.gradient_noise >= 0,
            f'gradient_noise must be at least 0, got {self.gradient_noise}',
        )
        _require(self.deadline_s > 0, f'deadline_s must be positive [s], got {self.deadline_s}')


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
        _require(
            self.format_version == FORMAT_VERSION,
            f'format_version must be {FORMAT_VERSION}, got {self.format_version}',
        )
        _require(self.context >= 1, f'context must be at least 1 frame, got {self.context}')
        size = len(self.planning.initial_std)
        wanted = len(self.action.fields)
        _require(size == wanted, f'planning.initial_std must have {wanted} entries, got {size}')

    @property
    def step_duration_s(self) -> float:
        """Physical length of one step [s]."""
        return self.action.step_duration_s
