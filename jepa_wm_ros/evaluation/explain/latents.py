"""Latents of recorded frames, and what the model expects of each action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.heads.storage import device_of
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.protocol import WorldModel

CHUNK = 64


@torch.inference_mode()
def embed(model: WorldModel, pixels: NDArray[np.uint8], proprio: NDArray[np.float32]) -> Latent:
    """Return tokens `(n, N, D)` of frames, each encoded by itself, on the model's device.

    Args:
        model: The model.
        pixels: `(n, h, w, 3)` uint8 RGB.
        proprio: `(n, P)` physical units, all that the data have.
    """
    device, chunks = device_of(model), list[Latent]()
    for first in range(0, len(pixels), CHUNK):
        rows = slice(first, first + CHUNK)
        frames = normalise(torch.from_numpy(pixels[rows]), model.contract.camera)
        state = torch.from_numpy(proprio[rows])
        chunks.append(encoded(model, frames[:, None].to(device), state[:, None].to(device)))
    estimates = [chunk.proprio[:, 0] for chunk in chunks if chunk.proprio is not None]
    return Latent(
        tokens=torch.cat([chunk.tokens[:, 0] for chunk in chunks]),
        proprio=torch.cat(estimates) if estimates else None,
    )


@torch.inference_mode()
def expected(model: WorldModel, latent: Latent, actions: NDArray[np.float32]) -> Latent:
    """Return what is expected one step after each frame of an episode but the last.

    Each prediction knows as many frames before it as the model takes.

    Args:
        model: The model.
        latent: Tokens `(T, N, D)` of the frames.
        actions: `(T, A)` physical units; the last one leads nowhere.

    Returns:
        Tokens `(T-1, N, D)`: row t is what should follow frame t and action t.
    """
    window, last = model.contract.context, len(latent.tokens) - 1
    commands = torch.from_numpy(actions).to(latent.tokens)
    groups = [np.array([size - 1]) for size in range(1, min(window, last + 1))]
    groups.append(np.arange(min(window, last + 1) - 1, last))
    parts: list[Latent] = []
    for size, steps in enumerate(groups, start=1):
        if len(steps):
            rows = steps[:, None] - np.arange(size)[::-1]
            parts.append(_step(model, latent, commands, rows))
    states = [part.proprio for part in parts if part.proprio is not None]
    return Latent(
        tokens=torch.cat([part.tokens for part in parts]),
        proprio=torch.cat(states) if states else None,
    )


def _step(model: WorldModel, latent: Latent, commands: Any, rows: NDArray[np.int64]) -> Latent:
    """Predict one step from contexts whose frames are `rows` `(B, W)`."""
    context = latent.map(lambda part: part[rows])
    past, action = commands[rows[:, :-1]], commands[rows[:, -1]]
    rolled = model.rollout(context, past, action[:, None, None])
    return rolled.map(lambda part: part[:, 0, 0])
