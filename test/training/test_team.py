"""Two processes with half the batch each do what one does with the whole batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from process_pair import run_pair
from toy_training import RECIPE, dots, recipe_of

from jepa_wm_ros.training.clip import Clip
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.pipeline import RunOptions, train
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.team import ALONE, Team, joined
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.bundle import load_bundle
from jepa_wm_ros.worldmodel.schema import read

pytestmark = pytest.mark.timeout(400)  # two processes, each of which loads torch
STEPS = 4
KINDS = ('small', 'lewm', 'pldm', 'batch_first', 'jepa_wm', 'cjepa', 'mask_pooling')


def recipe(kind: str) -> Recipe:
    if kind == 'small':
        return read(Recipe, RECIPE, kind).with_training(steps=STEPS)
    if kind == 'batch_first':
        vicreg = {'spread': 1.0, 'covariance': 1.0, 'spread_time': 0.5, 'variant': 'batch_first'}
        return recipe_of('pldm', vicreg=vicreg, steps=STEPS)
    if kind == 'mask_pooling':
        slots = recipe_of('cjepa', steps=STEPS, slots={'least_history': 1})
        features = {'kind': 'conv_patches', 'patch': 4, 'channels': [8, 16]}
        sizes = {'slot_dim': 21, 'encoder': {'kind': kind, 'features': features}}
        predictor = {**slots.model.architecture['predictor'], 'head_dim': 8}
        architecture = {**slots.model.architecture, **sizes, 'predictor': predictor}
        model = dataclasses.replace(slots.model, architecture=architecture)
        return dataclasses.replace(slots, model=model)
    return recipe_of(kind, steps=STEPS)


@contextmanager
def double_precision() -> Iterator[None]:
    """Make what is built within double, so that the order of summation does not matter."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def gradients(kind: str, team: Team) -> dict[str, Any]:
    """Return gradients and BatchNorm's statistics after two passes.

    The second would fail if the first had left out a parameter.
    """
    # Jittered pictures are rounded to float32, and not in the same way in parts of any size.
    still = recipe(kind).with_training(brightness=0.0, contrast=0.0, colour=0.0)
    with double_precision():
        trainer = Trainer(still, dots(), team=team)
    for index in (0, 1):
        clip = trainer.clip(index)
        parts = (part.double() for part in (clip.frames, clip.actions, clip.proprio))
        with double_precision():
            trainer.gradients(Clip(*parts, clip.generator))
    found = {name: p.grad for name, p in trainer.criterion.named_parameters()}
    return found | dict(trainer.criterion.named_buffers())


def work(folder: Path) -> None:
    with joined(torch.device('cpu')) as (team, _):
        for kind in KINDS:
            torch.save(gradients(kind, team), folder / f'{kind}{team.rank}.pt')
        clip = Trainer(recipe('small'), dots(), team=team).clip(0)
        torch.save((clip.frames, clip.actions), folder / f'clip{team.rank}.pt')
        options = RunOptions(team=team)
        train(recipe('small'), dots(), folder / 'bundle', silent, silent, options)


def silent(*args: Any, **kwargs: Any) -> None:
    """Take no notice."""


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp('team')
    run_pair(work, place)
    return place


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_and_statistics_are_those_of_the_whole_batch(kind, folder: Path) -> None:
    whole = gradients(kind, ALONE)
    for rank in (0, 1):
        part = torch.load(folder / f'{kind}{rank}.pt', weights_only=True)
        assert part.keys() == whole.keys()
        for name, gradient in whole.items():
            torch.testing.assert_close(part[name], gradient, rtol=1e-8, atol=1e-10)


def test_clips_and_their_jitter_are_parts_of_the_whole_batch(folder: Path) -> None:
    whole = Trainer(recipe('small'), dots()).clip(0)
    parts = [torch.load(folder / f'clip{rank}.pt', weights_only=True) for rank in (0, 1)]
    frames, actions = (torch.cat(halves) for halves in zip(*parts, strict=True))
    assert torch.equal(actions, whole.actions)
    torch.testing.assert_close(frames, whole.frames, rtol=0, atol=1e-5)


def test_one_of_them_writes_the_bundle_that_one_alone_would(folder: Path, tmp_path: Path) -> None:
    train(recipe('small'), dots(), tmp_path, silent, silent)
    clip = Trainer(recipe('small'), dots()).clip(0)
    alone, together = (load_bundle(place) for place in (tmp_path, folder / 'bundle'))
    torch.testing.assert_close(
        together.encode(clip.frames).tokens, alone.encode(clip.frames).tokens, rtol=0, atol=0.02
    )


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(TrainingError, match='multiple of 3 processes, got 16'):
        Trainer(recipe('small'), dots(), team=Team(0, 3))
