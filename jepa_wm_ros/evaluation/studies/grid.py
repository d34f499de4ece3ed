"""The jobs of a study: every combination of choices, checked before any work is done."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.players import override_planning
from jepa_wm_ros.evaluation.studies.settings import Change, StudyError, choices_of
from jepa_wm_ros.training.checkpoint import identity
from jepa_wm_ros.training.frozen import bundle_folder
from jepa_wm_ros.training.recipe import laid_over, read_recipe
from jepa_wm_ros.worldmodel.bundle import check_cartesian, load_contract
from jepa_wm_ros.worldmodel.schema import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from jepa_wm_ros.evaluation.studies.settings import Study
    from jepa_wm_ros.training.recipe import Recipe

SAMPLE = 2**20
"""Bytes at each end of a dataset that are looked at to tell it from others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One model, one way to plan with it, one set of episodes.

    Attributes:
        labels: Axis and choice, in the order of the axes.
        seed: Of the training; None for a bundle, which is not trained.
        recipe: What is trained; None for a bundle.
        data: The dataset; None likewise.
        model: Folder of the bundle; for a recipe, that of the bundle to be made.
        planning: Planning settings that differ from the model's own.
        key: Digest of all that the result depends on.
    """

    labels: tuple[tuple[str, str], ...]
    seed: int | None
    recipe: Recipe | None
    data: Path | None
    model: Path
    planning: dict[str, Any]
    key: str

    @property
    def title(self) -> str:
        """The choices in words."""
        words = [f'{axis}={label}' for axis, label in self.labels]
        return ', '.join([*words, *([] if self.seed is None else [f'seed {self.seed}'])])

    @property
    def file_name(self) -> str:
        """Name of its result, without an ending."""
        words = re.sub(r'[^A-Za-z0-9.=_-]+', '-', self.title)[:80]
        return f'{words}-{self.key[:8]}'


def jobs_of(study: Study, source: Path, models: Path, data: Path | None = None) -> list[Job]:
    """Return the jobs of a study.

    Args:
        study: What is asked.
        source: The study's file; recipes are looked for beside it.
        models: Where bundles that are trained go; studies share them.
        data: Dataset in place of the study's.

    Raises:
        JepaWmError: A choice cannot be made; names file and choice.
    """
    jobs: list[Job] = []
    for labels, change in _cells(study, source):
        title = ', '.join(f'{axis}={label}' for axis, label in labels)
        try:
            jobs += _jobs(study, source, models, labels, change, data)
        except JepaWmError as error:
            raise StudyError(f'{source}: {title}: {error}') from error
    return jobs


def lanes_of(jobs: list[Job]) -> list[list[Job]]:
    """Group jobs that one after the other use a bundle to be trained; others are alone."""
    lanes: dict[object, list[Job]] = {}
    for number, job in enumerate(jobs):
        lanes.setdefault(number if job.recipe is None else job.model, []).append(job)
    return list(lanes.values())


def _cells(
    study: Study, source: Path
) -> Iterator[tuple[tuple[tuple[str, str], ...], tuple[Change, ...]]]:
    axes = [
        [((axis.name, label), change) for label, change in choices_of(axis, source).items()]
        for axis in study.axes
    ]
    for chosen in itertools.product(*axes):
        yield tuple(label for label, _ in chosen), tuple(change for _, change in chosen)


def _jobs(
    study: Study,
    source: Path,
    models: Path,
    labels: tuple[tuple[str, str], ...],
    changes: tuple[Change, ...],
    data: Path | None,
) -> list[Job]:
    recipe, bundle = _subject(study.base, changes)
    planning: dict[str, Any] = {}
    for change in (study.base, *changes):
        planning = laid_over(planning, change.planning)
    if bundle:
        if any(change.model or change.training for change in changes):
            raise StudyError(
                'a bundle is played with as it is: model and training are for recipes'
            )
        return [_playing(study, labels, bundle_folder(bundle).absolute(), planning)]
    path = source.parent / recipe
    said: dict[str, Any] = {'model': {}, 'training': {}}
    for change in (study.base, *changes):
        said = laid_over(said, {'model': change.model, 'training': change.training})
    return [
        _training(study, labels, _recipe(path, said, seed), planning, models, data)
        for seed in study.seeds
    ]


def _subject(base: Change, changes: tuple[Change, ...]) -> tuple[str, str]:
    """Return the recipe or the bundle; a choice's own comes before the study's."""
    own = {(change.recipe, change.bundle) for change in changes} - {('', '')}
    if len(own) > 1:
        raise StudyError('two axes choose a recipe or bundle')
    recipe, bundle = own.pop() if own else (base.recipe, base.bundle)
    if not recipe and not bundle:
        raise StudyError('say which recipe or bundle: in base, or in each choice')
    return recipe, bundle


def _recipe(path: Path, said: dict[str, Any], seed: int) -> Recipe:
    """Read a recipe, and see that model and loss can be built (without memory for weights)."""
    import torch

    from jepa_wm_ros.training.criteria import criterion_for
    from jepa_wm_ros.training.team import ALONE
    from jepa_wm_ros.worldmodel.families import build

    recipe = read_recipe(path, laid_over(said, {'training': {'seed': seed}}))
    check_cartesian(recipe.model, path)
    with torch.device('meta'):
        model = cast('nn.Module', build(recipe.model))
        criterion_for(model, recipe.training, ALONE)
    return recipe


def _playing(
    study: Study, labels: tuple[tuple[str, str], ...], bundle: Path, planning: dict[str, Any]
) -> Job:
    contract = load_contract(bundle)
    check_cartesian(contract, bundle)
    settings = plain(override_planning(contract.planning, planning))
    return Job(
        labels=labels,
        seed=None,
        recipe=None,
        data=None,
        model=bundle,
        planning=planning,
        key=_digest(contract.fingerprint, settings, asdict(study.evaluation)),
    )


def _training(
    study: Study,
    labels: tuple[tuple[str, str], ...],
    recipe: Recipe,
    planning: dict[str, Any],
    models: Path,
    data: Path | None,
) -> Job:
    path = data or Path('datasets') / f'{study.data or recipe.dataset}.h5'
    model = _digest(identity(recipe), dataset_mark(path))
    settings = plain(override_planning(recipe.model.planning, planning))
    return Job(
        labels=labels,
        seed=recipe.training.seed,
        recipe=recipe,
        data=path.absolute(),
        model=(models / f'{recipe.model.name}-{model[:8]}').absolute(),
        planning=planning,
        key=_digest(model, settings, asdict(study.evaluation)),
    )


def dataset_mark(path: Path) -> str:
    """Return what tells a dataset from others: a digest of its size and both of its ends.

    Raises:
        StudyError: It is missing.
    """
    if not path.is_file():
        raise StudyError(
            f'{path} is missing; make it with `jepa-wm collect` or `jepa-wm dataset build`, or '
            'name another with --data'
        )
    size = path.stat().st_size
    with path.open('rb') as stream:
        first = stream.read(SAMPLE)
        stream.seek(max(0, size - SAMPLE))
        last = stream.read(SAMPLE)
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
