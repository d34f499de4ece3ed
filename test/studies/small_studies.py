"""A study that is over in seconds: a tiny world model, a handful of grey pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jepa_wm_ros.data.episodes import Episode, join_parts, write_part
from jepa_wm_ros.paths import share

SHIPPED = share('config', 'recipes', 'franka_cell_reach.yaml')
ENCODER = {'image_size': 16, 'patch': 4, 'channels': [8, 8], 'embed_dim': 8}


def write_dataset(path: Path) -> Path:
    """Write 6 episodes of 5 random pictures, 16 x 16."""
    rng = np.random.default_rng(0)
    episodes = [
        Episode(
            pixels=rng.integers(0, 255, (5, 16, 16, 3), dtype=np.uint8),
            action=rng.uniform(-0.08, 0.08, (5, 7)).astype(np.float32),
            proprio=rng.uniform(0.3, 0.6, (5, 3)).astype(np.float32),
        )
        for _ in range(6)
    ]
    part = path.with_suffix('.npz')
    write_part(part, episodes)
    return join_parts([part], path, {'proprio': ['x', 'y', 'z']})


def write_recipe(path: Path) -> Path:
    """Write the shipped recipe, made tiny."""
    recipe: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    recipe['model'] |= {'name': 'tiny', 'camera': {'width': 16, 'height': 16}}
    recipe['model']['architecture'] |= {
        'encoder': ENCODER,
        'predictor': {'width': 16, 'depth': 1, 'expansion': 2},
    }
    recipe['model']['planning'] |= {'samples': 8, 'elites': 2, 'iterations': 1}
    recipe['training'] |= {
        'steps': 3,
        'batch': 4,
        'rollout': 2,
        'warmup_steps': 1,
        'sigreg_directions': 8,
        'validation': 0.4,
        'validate_every': 100,
        'checkpoint_every': 1,
    }
    path.write_text(yaml.safe_dump(recipe))
    return path


def study(**changes: Any) -> dict[str, Any]:
    """Return a study file as a mapping: two learning rates, one of which breaks the training."""
    return {
        'name': 'tiny',
        'question': 'Does it run?',
        'base': {'recipe': 'tiny_recipe.yaml'},
        'data': 'tiny',
        'axes': [
            {'name': 'rate', 'key': 'training.learning_rate', 'values': [0.001, 0.002]},
            {'name': 'distance', 'key': 'planning.distance', 'values': ['l2', 'l1']},
        ],
        'evaluation': {'episodes': 2, 'steps': 2},
        **changes,
    }


def write_study(folder: Path, **changes: Any) -> Path:
    """Write a study, its recipe and its dataset into a folder."""
    (folder / 'datasets').mkdir(exist_ok=True)
    write_dataset(folder / 'datasets' / 'tiny.h5')
    write_recipe(folder / 'tiny_recipe.yaml')
    path = folder / 'study.yaml'
    path.write_text(yaml.safe_dump(study(**changes), sort_keys=False))
    return path
