"""A training that was stopped, in whatever way, goes on to the same numbers."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from toy_training import RECIPE, dots, recipe_of, silent

from jepa_wm_ros.training.checkpoint import write_checkpoint
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.feeding import Feeder
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.trainer import Progress, Trainer
from jepa_wm_ros.worldmodel.schema import read

STEPS = 12


def with_dropout() -> Recipe:
    """Return a recipe in which the loss draws from torch's global generator, too."""
    recipe = recipe_of('jepa_wm', steps=STEPS, checkpoint_every=3)
    whole = recipe.model.architecture
    architecture = {**whole, 'predictor': {**whole['predictor'], 'dropout': 0.2}}
    return dataclasses.replace(
        recipe, model=dataclasses.replace(recipe.model, architecture=architecture)
    )


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat(
        [value.detach().flatten() for value in trainer.criterion.state_dict().values()]
    )


@pytest.mark.parametrize('family', ['jepa_wm', 'pldm', 'cjepa'])
def test_it_goes_on_to_the_same_weights(family, table, tmp_path: Path) -> None:
    recipe = with_dropout() if family == 'jepa_wm' else recipe_of(family, steps=STEPS)
    whole = Trainer(recipe, table)
    whole.run(silent)

    def interrupt(progress: Progress) -> None:
        if progress.step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    checkpoint = tmp_path / 'checkpoint.pt'
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, table).run(interrupt, checkpoint)
    torch.rand(3)  # what others drew in between does not count
    second = Trainer(recipe, table)
    second.resume(checkpoint)
    assert second.step == 7
    second.run(silent)
    assert torch.equal(weights(whole), weights(second))


def die(folder: str) -> None:
    """Train in a process of its own, and be killed while a checkpoint is being written."""
    torch.set_num_threads(1)
    recipe = read(Recipe, RECIPE, 'dot.yaml').with_training(steps=STEPS, checkpoint_every=4)
    trainer = Trainer(recipe, dots())

    def kill(progress: Progress) -> None:
        if progress.step == 8:
            os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)

    trainer.run(kill, Path(folder) / 'checkpoint.pt')


def test_a_killed_process_leaves_a_whole_checkpoint(table, tmp_path: Path) -> None:
    worker = multiprocessing.get_context('spawn').Process(target=die, args=(str(tmp_path),))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    recipe = read(Recipe, RECIPE, 'dot.yaml').with_training(steps=STEPS, checkpoint_every=4)
    whole, second = Trainer(recipe, table), Trainer(recipe, table)
    whole.run(silent)
    second.resume(tmp_path / 'checkpoint.pt')
    assert second.step == 4
    second.run(silent)
    torch.testing.assert_close(weights(second), weights(whole), rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_another_recipe_is_refused(recipe, table, tmp_path: Path) -> None:
    path = tmp_path / 'checkpoint.pt'
    Trainer(recipe, table).save(path)
    with pytest.raises(TrainingError, match='another recipe'):
        Trainer(recipe.with_training(learning_rate=1e-4), table).resume(path)
    Trainer(recipe.with_training(checkpoint_every=7), table).resume(path)


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / 'checkpoint.pt'
    write_checkpoint(path, {'step': 1})

    def full(number: int) -> None:
        raise OSError('no space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='no space'):
        write_checkpoint(path, {'step': 2})
    assert torch.load(path, weights_only=True) == {'step': 1}


def test_batches_are_made_ahead_and_in_order() -> None:
    made: list[int] = []

    def make(index: int) -> int:
        made.append(index)
        return index

    with Feeder(make, 4) as feeder:
        assert [feeder.take(index) for index in range(1, 4)] == [1, 2, 3]
    assert made == [1, 2, 3]
    assert feeder.times.making > 0
    assert 0 <= feeder.times.waiting_share <= 1


def test_a_batch_that_cannot_be_made_says_why() -> None:
    def make(index: int) -> int:
        raise ValueError(f'batch {index} is broken')

    with Feeder(make, 4) as feeder, pytest.raises(ValueError, match='batch 0 is broken'):
        feeder.take(0)
