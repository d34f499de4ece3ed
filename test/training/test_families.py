"""Every family learns from episodes, and ends in a bundle that loads, predicts and plans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_training import FAMILIES, recipe_of, silent

from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.training.criteria.criterion import CriterionError
from jepa_wm_ros.training.pipeline import train
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.bundle import load_bundle
from jepa_wm_ros.worldmodel.observation import encode_picture
from jepa_wm_ros.worldmodel.probe import probe


@pytest.mark.parametrize('family', FAMILIES)
def test_it_learns_and_ends_in_a_bundle_that_plans(family, table, tmp_path: Path) -> None:
    losses: list[float] = []
    recipe = recipe_of(family, steps=60)
    trainer = Trainer(recipe, table)
    trainer.run(lambda progress: losses.append(progress.terms['loss']))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])

    figures = train(recipe_of(family, steps=2), table, tmp_path, silent, silent)
    model = load_bundle(tmp_path)
    assert len(figures.rollout_error) == 3
    assert model.contract.results['training_steps'] == 2
    probe(model)
    state = np.array([0.08, 0.08, 0.0]) if model.contract.proprio.fields else None
    here, there = (encode_picture(model, table.pixels[row], state) for row in (0, 7))
    plan = Policy(model, seed=0).plan(here, there, deadline_s=1e9)
    assert np.isfinite(plan.actions).all()


def test_parts_of_another_kind_of_model_are_refused(table) -> None:
    with pytest.raises(CriterionError, match=r'training\.slots is not for a FrameWorldModel'):
        Trainer(recipe_of('jepa_wm', slots={'most_hidden': 1}), table)


def test_clips_longer_than_the_window_are_refused(table) -> None:
    with pytest.raises(CriterionError, match='rollout must be at most 3'):
        Trainer(recipe_of('jepa_wm', rollout=5), table)


def test_slots_from_elsewhere_are_no_part_of_a_dataset(table, monkeypatch) -> None:
    architecture = {**FAMILIES['cjepa']['architecture'], 'encoder': {'kind': 'given'}}
    monkeypatch.setitem(FAMILIES['cjepa'], 'architecture', architecture)
    with pytest.raises(CriterionError, match='needs kind: slot_attention'):
        Trainer(recipe_of('cjepa'), table)


@pytest.mark.parametrize('family', ['jepa_wm', 'pldm'])
def test_lowered_precision_still_learns(family, table) -> None:
    losses: list[float] = []
    trainer = Trainer(recipe_of(family, steps=60, precision='bfloat16'), table)
    trainer.run(lambda progress: losses.append(progress.terms['loss']))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    assert all(p.dtype == torch.float32 for p in trainer.model.parameters())


def test_variances_are_not_lowered(table) -> None:
    losses = {}
    for precision in ('float32', 'bfloat16'):
        trainer = Trainer(recipe_of('pldm', precision=precision), table)
        seen: list[torch.dtype] = []
        hook = trainer.criterion.register_forward_hook(
            lambda module, clip, terms, seen=seen: seen.append(terms['vicreg'].dtype)
        )
        losses[precision] = trainer.gradients(trainer.clip(0))['vicreg']
        hook.remove()
        assert seen == [torch.float32]
    assert losses['bfloat16'] == pytest.approx(losses['float32'], rel=0.02)
