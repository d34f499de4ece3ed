"""A toy world to train in, a bright dot that moves as the action says, and recipes for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from jepa_wm_ros.data.episodes import EpisodeTable
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.worldmodel.schema import read

RECIPE = {
    'model': {
        'format_version': 1,
        'name': 'dot',
        'family': 'lewm',
        'licence': 'Apache-2.0',
        'origin': 'a test',
        'architecture': {
            'layout': 'small',
            'encoder': {'image_size': 16, 'patch': 4, 'channels': [8, 16], 'embed_dim': 8},
            'predictor': {'width': 16, 'depth': 1, 'expansion': 2},
        },
        'camera': {'width': 16, 'height': 16},
        'proprio': {},
        'action': {
            'lower': [-1.0] * 7,
            'upper': [1.0] * 7,
            'mean': [0.0] * 7,
            'std': [1.0] * 7,
            'step_duration_s': 0.4,
        },
    },
    'collection': {'episodes': 20, 'steps': 7},
    'training': {
        'seed': 0,
        'steps': 40,
        'batch': 16,
        'rollout': 3,
        'learning_rate': 3e-3,
        'weight_decay': 1e-3,
        'betas': [0.9, 0.98],
        'warmup_steps': 5,
        'gradient_clip': 1.0,
        'sigreg_weight': 0.05,
        'sigreg_directions': 32,
        'brightness': 0.05,
        'contrast': 0.05,
        'colour': 0.05,
        'validation': 0.2,
        'validate_every': 1000,
        'checkpoint_every': 10,
    },
}


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
    """Return a recipe of a family, as small as it can be."""
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


def silent(*args: Any, **kwargs: Any) -> None:
    """Take no notice."""


def dots(episodes: int = 20) -> EpisodeTable:
    """Return episodes of 8 pictures."""
    rng = np.random.default_rng(0)
    frames = 8
    action = rng.uniform(-1, 1, (episodes, frames, 7)).astype(np.float32)
    position = np.clip(rng.uniform(4, 12, (episodes, 1, 2)) + np.cumsum(action[..., :2], 1), 2, 13)
    rows, columns = np.mgrid[:16, :16]
    gap = (rows - position[..., 0, None, None]) ** 2 + (
        columns - position[..., 1, None, None]
    ) ** 2
    dot = (255 * np.exp(-gap / 4)).astype(np.uint8)
    proprio = np.concatenate([position, np.zeros_like(position[..., :1])], -1) / 100
    return EpisodeTable(
        pixels=np.repeat(dot[..., None], 3, -1).reshape(-1, 16, 16, 3),
        action=action.reshape(-1, 7),
        proprio=proprio.reshape(-1, 3).astype(np.float32),
        offset=np.arange(episodes) * frames,
        length=np.full(episodes, frames),
        provenance={},
    )
