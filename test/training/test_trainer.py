"""Training learns, resumes to the same numbers, and ends in a bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from jepa_wm_ros.training.pipeline import train
from jepa_wm_ros.training.trainer import Trainer, TrainingError
from jepa_wm_ros.worldmodel.bundle import load_bundle


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_the_prediction_error_falls_and_the_embedding_does_not_collapse(recipe, table) -> None:
    seen = []
    Trainer(recipe.with_training(steps=150), table).run(seen.append)
    first, last = seen[:10], seen[-10:]
    mean = lambda part: np.mean([p.prediction for p in part])  # noqa: E731
    assert mean(last) < 0.6 * mean(first)
    assert np.mean([p.sigreg_ratio for p in last]) < 3.0


def test_a_resumed_training_ends_with_the_same_weights(recipe, table, tmp_path: Path) -> None:
    whole = Trainer(recipe, table)
    whole.run(lambda progress: None)

    def interrupt(progress) -> None:
        if progress.step == 23:
            raise KeyboardInterrupt

    checkpoint = tmp_path / 'checkpoint.pt'
    first = Trainer(recipe, table)
    with pytest.raises(KeyboardInterrupt):
        first.run(interrupt, checkpoint)
    second = Trainer(recipe, table)
    second.resume(checkpoint)
    assert second.step == 23
    second.run(lambda progress: None)
    assert torch.equal(weights(whole), weights(second))


def test_another_seed_gives_another_model(recipe, table) -> None:
    assert not torch.equal(
        weights(Trainer(recipe, table)), weights(Trainer(recipe.with_training(seed=1), table))
    )


def test_a_damaged_checkpoint_is_refused(recipe, table, tmp_path: Path) -> None:
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(b'not a checkpoint')
    with pytest.raises(TrainingError, match='cannot be resumed'):
        Trainer(recipe, table).resume(path)


def test_broken_actions_stop_the_training(recipe, table) -> None:
    broken = dataclasses.replace(table, action=np.full_like(table.action, np.nan))
    with pytest.raises(TrainingError, match='the loss is nan at step 0'):
        Trainer(recipe, broken).run(lambda progress: None)


def test_pictures_of_another_size_are_refused(recipe, table) -> None:
    other = dataclasses.replace(table, pixels=table.pixels[:, :8, :8])
    with pytest.raises(TrainingError, match=r'\(8, 8, 3\), the contract says \(16, 16, 3\)'):
        Trainer(recipe, other)


def test_it_ends_in_a_bundle_with_its_figures(recipe, table, tmp_path: Path) -> None:
    figures = train(recipe, table, tmp_path / 'dot', lambda *a, **k: None, lambda line: None)
    contract = load_bundle(tmp_path / 'dot').contract
    assert contract.results['probe_rmse_m'] == pytest.approx(figures.probe_rmse_m, abs=1e-4)
    assert len(figures.rollout_error) == 3
    assert contract.results['training_steps'] == 40
    assert 1 < figures.effective_rank <= 8
    assert not (tmp_path / 'dot' / 'checkpoint.pt').exists()
