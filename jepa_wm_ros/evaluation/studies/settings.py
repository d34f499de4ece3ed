"""What a study file says: a grid of changes to a recipe or to a bundle's planning."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.episodes import EVALUATION_SEED, EpisodeError, EpisodeSettings
from jepa_wm_ros.worldmodel.checks import require
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from jepa_wm_ros.evaluation.episodes import GoalAppearance, Variation

SECTIONS = ('model', 'training', 'planning')
"""Sections of a recipe that a choice can change."""


class StudyError(JepaWmError):
    """A study cannot be made as its file says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one choice of an axis, or the study as a whole, says.

    Attributes:
        recipe: Recipe to train, relative to the study's folder; empty for what is said elsewhere.
        bundle: Bundle to play with as it is, a path or a name in models/; empty likewise.
        model: Laid over the recipe's `model`, key by key at every depth.
        training: The same for `training`.
        planning: Planning settings of the evaluation that differ from the model's own.
    """

    recipe: str = ''
    bundle: str = ''
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    planning: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a choice that is two things at once."""
        require(not (self.recipe and self.bundle), 'give either a recipe or a bundle, not both')


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One question of a study: what is varied, and what is tried.

    Attributes:
        name: Heading of its column.
        key: Dotted key of a recipe that takes each of `values` in turn, such as
            `training.frames.steps`; beginning with model, training or planning.
        values: Its values.
        choices: In place of key and values: what each choice, by its label, changes.
    """

    name: str
    key: str = ''
    values: tuple[Any, ...] = ()
    choices: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that exactly one of the two forms is used."""
        require(
            bool(self.choices) is not bool(self.key and self.values),
            f'axis {self.name!r} needs either key and values, or choices',
        )
        require(
            not self.key or self.key.partition('.')[0] in SECTIONS,
            f'key of axis {self.name!r} must begin with one of {", ".join(SECTIONS)}, '
            f'got {self.key!r}',
        )
        require(
            all(isinstance(label, (str, int, float)) for label in self.choices)
            and not any(isinstance(label, bool) for label in self.choices),
            f"labels of axis {self.name!r} must be texts: write 'on', with quotes",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodePlan:
    """The episodes that every model of a study plays; see `EpisodeSettings`."""

    episodes: int = 100
    seed: int = EVALUATION_SEED
    steps: int = 25
    variation: str = 'none'
    goal_appearance: str = 'same'

    def __post_init__(self) -> None:
        """Check the ranges."""
        try:
            self.settings()
        except EpisodeError as error:
            raise ValueError(str(error)) from error

    def settings(self) -> EpisodeSettings:
        """Return what an evaluation takes."""
        return EpisodeSettings(
            episodes=self.episodes,
            seed=self.seed,
            steps=self.steps,
            variation=cast('Variation', self.variation),
            goal_appearance=cast('GoalAppearance', self.goal_appearance),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study file.

    Attributes:
        name: Of the study and its folder; letters, digits, `_` and `-`.
        question: What it asks, in a sentence; stands above the results.
        axes: What is varied. The grid is every combination of their choices.
        base: Recipe or bundle, and changes, that all choices build on. Changes of model and
            training are for recipes; a bundle is played with as it is.
        data: Dataset in datasets/; empty for the recipes' own.
        seeds: Every recipe is trained with each of these seeds.
        evaluation: The episodes.
        threads: CPU threads of a job.
    """

    name: str
    question: str
    axes: tuple[Axis, ...]
    base: Change = field(default_factory=Change)
    data: str = ''
    seeds: tuple[int, ...] = (0,)
    evaluation: EpisodePlan = field(default_factory=EpisodePlan)
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the name, that something is varied, and the counts."""
        require(
            re.fullmatch(r'[A-Za-z0-9_-]+', self.name) is not None,
            f'name must be of letters, digits, _ and -, got {self.name!r}',
        )
        require(len(self.axes) >= 1, 'axes must name at least one thing to vary')
        names = [axis.name for axis in self.axes]
        require(len(set(names)) == len(names), f'axes must differ in their names, got {names}')
        require(len(self.seeds) >= 1, 'seeds must be at least one number')
        require(len(set(self.seeds)) == len(self.seeds), 'seeds must differ')
        require(self.threads >= 1, f'threads must be at least 1, got {self.threads}')


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        SchemaError: The file is missing or wrong; names the file, the key and what is accepted.
    """
    try:
        mapping = yaml.safe_load(path.read_text())
    except OSError as error:
        raise SchemaError(
            f'{path} cannot be read ({error.strerror}); studies are in config/studies/'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SchemaError(f'{path}: not valid YAML: {error}') from error
    return read(Study, mapping, path)


def choices_of(axis: Axis, source: Path) -> dict[str, Change]:
    """Return what each choice of an axis changes, by its label.

    Raises:
        SchemaError: A choice has an unknown key, or two have one label.
    """
    key = f'axes.{axis.name}'
    if axis.choices:
        return {
            str(label): read(Change, said or {}, source, f'{key}.choices.{label}')
            for label, said in axis.choices.items()
        }
    section, _, rest = axis.key.partition('.')
    if not rest:
        raise SchemaError(f'{source}: {key}.key must name a key below {section}, got {axis.key!r}')
    found = {}
    for value in axis.values:
        nested: Any = value
        for part in reversed(rest.split('.')):
            nested = {part: nested}
        found[str(value)] = read(Change, {section: nested}, source, key)
    if len(found) < len(axis.values):
        raise SchemaError(f'{source}: {key}.values must differ, got {list(axis.values)}')
    return found
