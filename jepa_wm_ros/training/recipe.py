"""A recipe: all that is needed to make a bundle from nothing, in one YAML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.training.settings import TrainingSettings
from jepa_wm_ros.worldmodel.contract import Contract
from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping

APPEARANCES = ('nominal', 'seen')
PRESET = 'preset'
BASE = 'base'


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSettings:
    """How episodes are collected in the cell.

    Attributes:
        episodes: Number of episodes.
        steps: Actions in each.
        seed: Seed of everything random; episode k depends on the seed and k alone.
        appearance: `nominal`, or `seen`: light, shadow, texture, camera pose and exposure vary.
        redraw_appearance: Chance that all but the camera's pose changes between two frames.
        masks: Whether the dataset says which object each pixel shows.
    """

    episodes: int = 1500
    steps: int = 30
    seed: int = 0
    appearance: str = 'seen'
    redraw_appearance: float = 0.0
    masks: bool = False

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
class Recipe:
    """A model's contract before any result, and how to get its data and train it.

    Attributes:
        model: The contract. In the file, `preset` names one of config/models/ to start from, and
            `base`, beside `model`, another recipe, relative to this one's folder: what is said in
            `model`, `collection` and `training` replaces what that one says, key by key.
        data: Name of the dataset in `datasets/`; empty for the model's own.
        collection: How the cell's data are collected.
        training: How the model is optimised.
    """

    model: Contract
    training: TrainingSettings
    data: str = ''
    collection: CollectionSettings = field(default_factory=CollectionSettings)

    @property
    def dataset(self) -> str:
        """Name of the dataset in `datasets/`, without its ending."""
        return self.data or self.model.name

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


def read_recipe(path: Path | str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        path: The file.
        changes: What is laid over it, key by key at every depth; a list is replaced as a whole.

    Raises:
        SchemaError: The file is missing or wrong; names the file, the key and what is accepted.
        PresetError: It builds on a preset that does not exist.
    """
    path = Path(path)
    mapping = _with_preset(_mapping(path))
    if changes and isinstance(mapping, dict):
        mapping = laid_over(mapping, changes)
    return read(Recipe, mapping, path)


def laid_over(below: Any, said: Any) -> Any:
    """Return what is said, with what is below where nothing is said, at every depth."""
    if not isinstance(below, dict) or not isinstance(said, dict):
        return said
    return {**below, **{name: laid_over(below.get(name), value) for name, value in said.items()}}


def _mapping(path: Path, above: tuple[Path, ...] = ()) -> Any:
    """Return what a file says, with the recipe that it builds on below it.

    Args:
        path: The file.
        above: Recipes that build on it.
    """
    try:
        mapping = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise SchemaError(f'{path} is missing; the recipes are in config/recipes/') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SchemaError(f'{path}: not valid YAML: {error}') from error
    if not isinstance(mapping, dict) or BASE not in mapping:
        return mapping
    base = path.parent / str(mapping.pop(BASE))
    if base in (path, *above):
        raise SchemaError(f'{path}: base must be another recipe, got {base.name}')
    below = _mapping(base, (path, *above))
    if not isinstance(below, dict):
        raise SchemaError(f'{base}: the file must be a mapping, got {below!r}')
    return {**below, **{name: _over(below.get(name), said) for name, said in mapping.items()}}


def _over(below: Any, said: Any) -> Any:
    return {**below, **said} if isinstance(below, dict) and isinstance(said, dict) else said


def _with_preset(mapping: Any) -> Any:
    """Put the contract of a preset below what the recipe says of its model."""
    model = mapping.get('model') if isinstance(mapping, dict) else None
    if not isinstance(model, dict) or PRESET not in model:
        return mapping
    from jepa_wm_ros.worldmodel.published.presets import load_preset

    contract = plain(load_preset(str(model[PRESET])).contract)
    for name in ('fingerprint', 'folder', 'results'):
        del contract[name]
    changes = {name: value for name, value in model.items() if name != PRESET}
    return {**mapping, 'model': {**contract, **changes}}
