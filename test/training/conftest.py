"""A toy world: a bright dot that moves as the action says."""

from __future__ import annotations

import numpy as np
import pytest

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


@pytest.fixture
def recipe() -> Recipe:
    return read(Recipe, RECIPE, 'dot.yaml')


@pytest.fixture
def table() -> EpisodeTable:
    return dots()


def dots() -> EpisodeTable:
    """Return 20 episodes of 8 pictures."""
    rng = np.random.default_rng(0)
    episodes, frames = 20, 8
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
