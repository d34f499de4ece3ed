"""Checkpoints of a training under way: complete, or not there at all."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import torch

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.worldmodel.schema import plain

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.training.recipe import Recipe

FREE = ('validate_every', 'checkpoint_every')
"""Training settings that may change when a training goes on: they do not change the weights."""


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values beside `path`, onto the disk, and rename.

    Whatever kills the process, `path` is a whole checkpoint: this one or the one before.
    """
    partial = path.with_name(path.name + '.partial')
    with partial.open('wb') as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote.

    Raises:
        TrainingError: The file is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        raise TrainingError(
            f'{path} cannot be resumed ({error}); delete it to start afresh'
        ) from error
    return state


def identity(recipe: Recipe) -> str:
    """Return a digest of all in a recipe that the weights depend on."""
    training = plain(recipe.training)
    for name in FREE:
        del training[name]
    model = recipe.model
    said = (model.family, model.architecture, model.camera, model.proprio, model.action, training)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]
