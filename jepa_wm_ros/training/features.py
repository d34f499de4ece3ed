"""What a frozen encoder makes of all pictures: computed once, kept in a file, mapped to memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.recipe import Recipe
    from jepa_wm_ros.worldmodel.contract import CameraContract

FEATURES_FILE = 'features.npy'
CHUNK = 64
PATCHES_OR_SLOTS = ('jepa_wm', 'dino_wm', 'vjepa2_ac', 'cjepa')


def cached_features(
    recipe: Recipe,
    model: nn.Module,
    table: EpisodeTable,
    folder: Path,
    report: Callable[[int, int], None],
) -> NDArray[Any]:
    """Return `(N, tokens, D)` float32, from the folder's file or computed into it.

    Args:
        recipe: Says that the encoder is frozen.
        model: With the encoder's weights.
        table: The pictures.
        folder: Where `features.npy` is kept, with what it was made from beside it.
        report: Called with (frames done, frames in all).

    Raises:
        TrainingError: The encoder is trained, pictures are jittered, or the model cannot go on
            from an encoder's tokens.
    """
    _check(recipe, model)
    encoder = cast('nn.Module', model.encoder).eval()
    return stored(
        folder / FEATURES_FILE,
        _source(model, table),
        Encoding(encoder, recipe.model.camera, next(encoder.parameters()).device),
        table.pixels,
        report,
    )


def can_cache(recipe: Recipe) -> bool:
    """Whether the encoder's tokens of a picture are the same in all of a training."""
    return (
        recipe.training.encoder.frozen
        and not recipe.training.jittered
        and recipe.model.family in PATCHES_OR_SLOTS
    )


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is made of pictures.

    Attributes:
        encode: Maps `(B, 1, 3, h, w)`, normalised, to tokens `(B, 1, N, D)`.
        camera: How pictures are normalised.
        device: Where `encode` takes them.
    """

    encode: Callable[[Tensor], Tensor]
    camera: CameraContract
    device: torch.device


def stored(
    path: Path,
    source: dict[str, Any],
    encoding: Encoding,
    pixels: NDArray[np.uint8],
    report: Callable[[int, int], None],
) -> NDArray[Any]:
    """Return `(N, tokens, D)` float32, mapped from a file; computed into it, if need be.

    Args:
        path: The file; what it was made from is kept beside it.
        source: Says what the tokens depend on.
        encoding: What makes them.
        pixels: `(N, h, w, 3)`: each picture is encoded by itself.
        report: Called with (pictures done, pictures in all).
    """
    note = path.with_suffix('.json')
    if not (path.exists() and note.exists() and json.loads(note.read_text()) == source):
        note.unlink(missing_ok=True)
        _compute(encoding, pixels, path, report)
        note.write_text(json.dumps(source))
    features: NDArray[Any] = np.load(path, mmap_mode='r')
    return features


def digest(pixels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of pictures."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _check(recipe: Recipe, model: nn.Module) -> None:
    settings = recipe.training
    if not settings.encoder.frozen:
        raise TrainingError('--cache-features needs training.encoder.frozen: true')
    if settings.jittered:
        raise TrainingError(
            '--cache-features needs training.brightness, contrast and colour of 0: a jittered '
            'picture is another one in each step'
        )
    if not isinstance(model, FrameWorldModel | SlotWorldModel):
        raise TrainingError(
            '--cache-features is for models of patch tokens or slots, not for '
            f'{recipe.model.family} with this architecture'
        )


@torch.inference_mode()
def _compute(
    encoding: Encoding,
    pixels: NDArray[np.uint8],
    path: Path,
    report: Callable[[int, int], None],
) -> None:
    """Encode all pictures, each by itself, into a file that appears when it is complete."""
    count = len(pixels)
    partial = path.with_name(path.name + '.partial')
    features: Any = None
    for first in range(0, count, CHUNK):
        chunk = torch.from_numpy(pixels[first : first + CHUNK])
        frames = normalise(chunk, encoding.camera)[:, None].to(encoding.device)
        tokens = encoding.encode(frames)[:, 0].float().cpu().numpy()
        if features is None:
            shape = (count, *tokens.shape[1:])
            features = np.lib.format.open_memmap(partial, 'w+', tokens.dtype, shape)
        features[first : first + len(tokens)] = tokens
        report(min(first + CHUNK, count), count)
    if features is not None:
        features.flush()
    os.replace(partial, path)


def _source(model: nn.Module, table: EpisodeTable) -> dict[str, Any]:
    """Say what features depend on: the encoder's weights, the camera and the pictures."""
    weights = hashlib.sha256()
    for tensor in cast('nn.Module', model.encoder).state_dict().values():
        weights.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    camera = repr(cast('Any', model).contract.camera)
    return {'encoder': weights.hexdigest(), 'pixels': digest(table.pixels), 'camera': camera}
