"""Every family learns from episodes, and ends in a bundle that loads, predicts and plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.training.criteria.criterion import CriterionError
from jepa_wm_ros.training.pipeline import train
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.bundle import load_bundle
from jepa_wm_ros.worldmodel.observation import encode_picture
from jepa_wm_ros.worldmodel.probe import probe
from jepa_wm_ros.worldmodel.schema import read

VIT = {'dim': 16, 'depth': 1, 'heads': 2, 'patch': 8, 'mlp': 32, 'grid': [1, 2, 2]}
CONV = {'kind': 'conv', 'image_size': 16, 'patch': 4, 'channels': [8, 16], 'embed_dim': 16}
FRAMES = {'depth': 1, 'heads': 2, 'head_dim': 12, 'mlp_dim': 32, 'frames': 3}
STATES = {'fields': ['x', 'y', 'z'], 'mean': [0.08] * 2 + [0.0], 'std': [0.03] * 2 + [1.0]}
FAMILIES: dict[str, dict[str, Any]] = {
    'jepa_wm': {
        'architecture': {
            'encoder': VIT,
            'predictor': {**FRAMES, 'width': 24, 'proprio': 'feature', 'proprio_dim': 8},
        },
        'proprio': STATES,
        'training': {'sigreg_weight': 0.05, 'frames': {'steps': 2, 'window': 2}},
    },
    'dino_wm': {
        'architecture': {
            'encoder': VIT,
            'predictor': {**FRAMES, 'action_dim': 8, 'proprio': 'feature', 'proprio_dim': 8},
        },
        'proprio': STATES,
        'training': {'sigreg_weight': 0.05, 'frames': {'steps': 1, 'fixed_targets': False}},
    },
    'vjepa2_ac': {
        'architecture': {
            'encoder': {**VIT, 'layer_norm': True},
            'predictor': {**FRAMES, 'width': 24},
        },
        'training': {
            'sigreg_weight': 0.05,
            'frames': {'errors': {'l1': 1.0, 'l2': 0.0}, 'prefix': 'first', 'detach': False},
        },
    },
    'lewm': {
        'architecture': {
            'layout': 'official',
            'encoder': CONV,
            'embed_dim': 16,
            'projector_dim': 32,
            'predictor': {**FRAMES, 'dropout': 0.0},
        },
        'training': {'sigreg_weight': 0.05},
    },
    'pldm': {
        'architecture': {
            'layout': 'recurrent',
            'encoder': 'conv',
            'conv': {k: v for k, v in CONV.items() if k != 'kind'},
            'predictor': 'mlp',
            'mlp': {'width': 32, 'depth': 1},
        },
        'training': {
            'vicreg': {'spread': 1.0, 'covariance': 1.0, 'similarity_time': 0.1},
            'inverse_dynamics': {'weight': 0.5, 'hidden': [32]},
        },
    },
    'cjepa': {
        'architecture': {
            'slots': 3,
            'slot_dim': 16,
            'encoder': {
                'kind': 'slot_attention',
                'features': VIT,
                'hidden': 32,
                'heads': 2,
            },
            'predictor': {'depth': 1, 'heads': 2, 'mlp_dim': 32, 'dropout': 0.0},
        },
        'training': {'sigreg_weight': 0.05, 'slots': {'most_hidden': 1}},
    },
}


def recipe_of(family: str, **training: Any) -> Recipe:
    from conftest import RECIPE

    wanted = FAMILIES[family]
    model = {
        **RECIPE['model'],
        'name': family,
        'family': family,
        'architecture': wanted['architecture'],
        'proprio': wanted.get('proprio', {}),
        'planning': {'samples': 8, 'elites': 2, 'iterations': 1, 'horizon': 2},
    }
    settings = {**RECIPE['training'], 'readout_weight': 0.0, 'learning_rate': 5e-3}
    settings |= {'sigreg_weight': 0.0, **wanted['training'], **training}
    return read(Recipe, {'model': model, 'training': settings}, family)


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


def silent(*args: Any, **kwargs: Any) -> None:
    """Take no notice."""


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


def test_lowered_precision_still_learns(table) -> None:
    losses: list[float] = []
    trainer = Trainer(recipe_of('jepa_wm', steps=60, precision='bfloat16'), table)
    trainer.run(lambda progress: losses.append(progress.terms['loss']))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    assert all(p.dtype == torch.float32 for p in trainer.model.parameters())
