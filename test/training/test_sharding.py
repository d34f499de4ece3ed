"""Weights spread over two processes give what whole ones give, and files do not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from process_pair import run_pair
from torch.distributed.tensor import DTensor
from toy_training import dots, recipe_of, silent

from jepa_wm_ros.training.pipeline import RunOptions, train
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.sharding import gathered_state
from jepa_wm_ros.training.team import joined
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.bundle import load_bundle

pytestmark = pytest.mark.timeout(400)  # several processes, each of which loads torch
STEPS, HALF = 4, 2
FAMILIES = ('jepa_wm', 'lewm')


def recipe(family: str) -> Recipe:
    # BatchNorm hides the biases before it: their gradients are rounding, which Adam blows up.
    return recipe_of(family, steps=STEPS, checkpoint_every=HALF, gradient_clip=0.5)


def losses(trainer: Trainer, checkpoint: Path | None = None) -> list[float]:
    found: list[float] = []

    def note(progress: Any) -> None:
        found.append(progress.terms['loss'])
        if checkpoint is not None and progress.step == HALF:
            trainer.save(checkpoint)

    trainer.run(note)
    return found


def resumed(trainer: Trainer, checkpoint: Path) -> list[float]:
    trainer.resume(checkpoint)
    return losses(trainer)


def work(folder: Path) -> None:
    with joined(torch.device('cpu')) as (team, _):
        said: dict[str, Any] = {}
        for family in FAMILIES:
            trainer = Trainer(recipe(family), dots(), team=team, sharded=True)
            kept = sum(part(p).numel() for p in trainer.criterion.parameters())
            every = sum(p.numel() for p in trainer.criterion.parameters())
            said[family] = losses(trainer, folder / f'{family}_sharded.pt')
            said[f'{family}_share'] = kept / every
            states = gathered_state(trainer.optimiser.state_dict())['state'].values()
            said[f'{family}_moments'] = [tuple(state['exp_avg'].shape) for state in states]
        alone = folder / 'jepa_wm_alone.pt'
        other = Trainer(recipe('jepa_wm'), dots(), team=team, sharded=True)
        said['resumed'] = resumed(other, alone)
        options = RunOptions(team=team, sharded=True)
        train(recipe('jepa_wm'), dots(), folder / 'bundle', silent, silent, options)
        torch.save(said, folder / f'said{team.rank}.pt')


def part(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@pytest.fixture(scope='module')
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[float]]]:
    """What one process with whole weights says, and a checkpoint of it."""
    folder = tmp_path_factory.mktemp('sharding')
    found = {}
    for family in FAMILIES:
        trainer = Trainer(recipe(family), dots())
        found[family] = losses(trainer, folder / f'{family}_alone.pt')
    return folder, found


@pytest.fixture(scope='module')
def sharded(alone: tuple[Path, dict[str, list[float]]]) -> dict[str, Any]:
    """What two processes with spread weights say."""
    run_pair(work, alone[0])
    first, second = (torch.load(alone[0] / f'said{r}.pt', weights_only=True) for r in (0, 1))
    for name in (*FAMILIES, 'resumed'):  # each process tells of its own part of a batch
        first[name] = [(one + two) / 2 for one, two in zip(first[name], second[name], strict=True)]
    return first


@pytest.mark.parametrize('family', FAMILIES)
def test_the_losses_are_those_of_whole_weights(family, alone, sharded) -> None:
    assert sharded[family] == pytest.approx(alone[1][family], rel=1e-4)


@pytest.mark.parametrize('family', FAMILIES)
def test_each_process_keeps_its_part_only(family, sharded) -> None:
    assert sharded[f'{family}_share'] < 0.6


def test_a_checkpoint_of_one_process_goes_on_in_two_with_spread_weights(alone, sharded) -> None:
    assert sharded['resumed'] == pytest.approx(alone[1]['jepa_wm'][HALF:], rel=1e-4)


@pytest.mark.parametrize('family', FAMILIES)
def test_a_checkpoint_of_spread_weights_goes_on_in_one_process(family, alone, sharded) -> None:
    trainer = Trainer(recipe(family), dots())
    found = resumed(trainer, alone[0] / f'{family}_sharded.pt')
    assert found == pytest.approx(alone[1][family][HALF:], rel=1e-4)
    shapes = [tuple(p.shape) for g in trainer.optimiser.param_groups for p in g['params']]
    assert sharded[f'{family}_moments'] == shapes


def test_the_bundle_has_whole_weights(alone, sharded, tmp_path: Path) -> None:
    train(recipe('jepa_wm'), dots(), tmp_path, silent, silent)
    clip = Trainer(recipe('jepa_wm'), dots()).clip(0)
    one, two = (load_bundle(place) for place in (tmp_path, alone[0] / 'bundle'))
    torch.testing.assert_close(
        two.encode(clip.frames, clip.proprio).tokens,
        one.encode(clip.frames, clip.proprio).tokens,
        rtol=1e-3,
        atol=1e-3,
    )
