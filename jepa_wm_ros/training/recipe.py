"""A recipe: all that is needed to make a bundle from nothing, in one YAML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jepa_wm_ros.worldmodel.contract import Contract
from jepa_wm_ros.worldmodel.schema import SchemaError, read

APPEARANCES = ('nominal', 'seen')


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSettings:
    """How episodes are collected in the cell.

    Attributes:
        episodes: Number of episodes.
        steps: Actions in each.
        seed: Seed of everything random; episode k depends on the seed and k alone.
        appearance: `nominal`, or `seen`: light, shadow, texture, camera pose and exposure vary.
        redraw_appearance: Chance that all but the camera's pose changes between two frames.
    """

    episodes: int
    steps: int
    seed: int = 0
    appearance: str = 'seen'
    redraw_appearance: float = 0.0

    def __post_init__(self) -> None:
        """Check counts, the appearance's name and the chance."""
        if self.episodes < 1 or self.steps < 1:
            raise ValueError('episodes and steps must be at least 1')
        if self.appearance not in APPEARANCES:
            raise ValueError(f'appearance must be one of {APPEARANCES}, got {self.appearance!r}')
        if not 0 <= self.redraw_appearance <= 1:
            raise ValueError(
                f'redraw_appearance must be within 0..1, got {self.redraw_appearance}'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How the model is optimised.

    Attributes:
        seed: Seed of the weights, the clips and the directions.
        steps: Optimisation steps.
        batch: Clips in a step.
        rollout: Predicted frames of a clip; a clip has one more.
        learning_rate: Peak learning rate of AdamW (linear warm-up, then half a cosine to zero).
        weight_decay: Of AdamW, on matrices only.
        betas: Of AdamW.
        warmup_steps: Steps of the warm-up.
        gradient_clip: Largest norm of the gradient.
        sigreg_weight: Weight of SIGReg beside the prediction error.
        sigreg_directions: Random directions drawn for each step.
        readout_weight: Weight of the readout's error, for a model that has a readout.
        brightness: Largest shift of a frame's brightness, of the full range.
        contrast: Largest relative change of a frame's contrast.
        colour: Largest entry added to the matrix that mixes a frame's colours.
        validation: Part of the episodes that is held out.
        validate_every: Steps between validations.
        checkpoint_every: Steps between checkpoints.
    """

    seed: int
    steps: int
    batch: int
    rollout: int
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    warmup_steps: int
    gradient_clip: float
    sigreg_weight: float
    sigreg_directions: int
    readout_weight: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    validation: float = 0.05
    validate_every: int = 500
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        """Refuse counts with which nothing is trained."""
        counts = (
            'steps',
            'batch',
            'rollout',
            'sigreg_directions',
            'validate_every',
            'checkpoint_every',
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1, got {getattr(self, name)}')
        if self.batch < 2:
            raise ValueError('batch must be at least 2: SIGReg looks at the spread of a batch')
        if not 0 < self.validation < 1:
            raise ValueError(f'validation must be within 0..1 exclusive, got {self.validation}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A model's contract before any result, and how to collect its data and train it."""

    model: Contract
    collection: CollectionSettings
    training: TrainingSettings

    def with_training(self, **changes: Any) -> Recipe:
        """Return the recipe with some of its training settings changed.

        Raises:
            SchemaError: A setting is refused; names it and what is accepted.
        """
        try:
            training = dataclasses.replace(self.training, **changes)
        except ValueError as error:
            raise SchemaError(str(error)) from error
        return dataclasses.replace(self, training=training)


def read_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Raises:
        SchemaError: The file is missing or wrong; names the file, the key and what is accepted.
    """
    path = Path(path)
    try:
        mapping = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise SchemaError(f'{path} is missing; the recipes are in config/recipes/') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SchemaError(f'{path}: not valid YAML: {error}') from error
    return read(Recipe, mapping, path)
