"""What heads are trained on: the latents of all frames, computed once, and the episodes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from jepa_wm_ros.data.clips import split_episodes
from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.features import Encoding, digest, stored
from jepa_wm_ros.training.trainer import check_data
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.heads.head import LatentShape
from jepa_wm_ros.worldmodel.heads.storage import device_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.worldmodel.protocol import WorldModel

CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Latents and episodes.

    Attributes:
        model: The frozen world model.
        table: The episodes.
        tokens: `(n, N, D)` float32: each frame of the table, encoded by itself.
        training: Rows of the frames to learn from.
        held_out: Numbers of the episodes that are not learned from.
    """

    model: WorldModel
    table: EpisodeTable
    tokens: NDArray[np.float32]
    training: NDArray[np.int64]
    held_out: NDArray[np.int64]

    @property
    def latent(self) -> LatentShape:
        """Shape of the latents."""
        return LatentShape(tokens=self.tokens.shape[1], dim=self.tokens.shape[2])

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return device_of(self.model)

    @property
    def testing(self) -> NDArray[np.int64]:
        """Rows of the frames of the held-out episodes."""
        return rows_of(self.table, self.held_out)

    def latents(self, rows: NDArray[np.int64]) -> Tensor:
        """Return tokens `(B, N, D)` of some frames, on the model's device."""
        return torch.from_numpy(np.array(self.tokens[rows])).to(self.device)

    def draw(self, seed: int, step: int, size: int) -> NDArray[np.int64]:
        """Draw rows to learn from; they depend on seed and step alone."""
        return np.random.default_rng([seed, step]).choice(self.training, size)


def prepare(
    model: WorldModel,
    table: EpisodeTable,
    store: Path,
    validation: float,
    seed: int,
    report: Callable[[int, int], None],
) -> Material:
    """Encode all frames, or map the file in which they already are.

    Args:
        model: The frozen world model.
        table: The episodes.
        store: The file for the latents.
        validation: Part of the episodes that is held out.
        seed: Draws them.
        report: Called with (frames done, frames in all).

    Raises:
        TrainingError: The data are not what the model takes, or one episode is all there is.
    """
    check_data(model.contract, table)
    if table.episodes < 2:
        raise TrainingError('a head needs at least 2 episodes: one is held out')
    camera = model.contract.camera
    source = {'model': model.contract.fingerprint, 'pixels': digest(table.pixels)}
    encoding = Encoding(lambda frames: model.encode(frames).tokens, camera, device_of(model))
    tokens = stored(store, source, encoding, table.pixels, report)
    if not np.isfinite(tokens).all():
        raise TrainingError(f'{model.contract.name} makes latents that are not finite')
    chosen, held_out = split_episodes(table.episodes, validation, seed)
    return Material(
        model=model,
        table=table,
        tokens=tokens,
        training=rows_of(table, chosen),
        held_out=held_out,
    )


@torch.inference_mode()
def excerpt(model: WorldModel, table: EpisodeTable, episodes: NDArray[np.int64]) -> Material:
    """Return some episodes with their latents, all of them held out.

    Args:
        model: The world model.
        table: The episodes; those that are not wanted are not encoded.
        episodes: Numbers of those that are.
    """
    check_data(model.contract, table)
    rows, length = rows_of(table, episodes), table.length[episodes]
    part = dataclasses.replace(
        table,
        pixels=table.pixels[rows],
        action=table.action[rows],
        proprio=table.proprio[rows],
        offset=np.cumsum(length) - length,
        length=length,
        success=None if table.success is None else table.success[rows],
        masks=None if table.masks is None else table.masks[rows],
    )
    device, camera, chunks = device_of(model), model.contract.camera, []
    for first in range(0, len(rows), CHUNK):
        frames = normalise(torch.from_numpy(part.pixels[first : first + CHUNK]), camera)
        chunks.append(model.encode(frames[:, None].to(device)).tokens[:, 0].float().cpu())
    return Material(
        model=model,
        table=part,
        tokens=torch.cat(chunks).numpy(),
        training=np.zeros(0, np.int64),
        held_out=np.arange(len(episodes)),
    )


def rows_of(table: EpisodeTable, episodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of all frames of some episodes."""
    spans = [np.arange(table.offset[e], table.offset[e] + table.length[e]) for e in episodes]
    return np.concatenate([*spans, np.zeros(0, np.int64)]).astype(np.int64)


@torch.inference_mode()
def predicted(material: Material, episode: int, steps: int) -> Tensor:
    """Return the open-loop prediction `(steps, N, D)` from the first frame of an episode.

    Args:
        material: Model and data.
        episode: Its number.
        steps: Actions to follow; at most as many as the episode has.
    """
    table, first = material.table, int(material.table.offset[episode])
    frames = normalise(
        torch.from_numpy(table.pixels[first : first + 1]), material.model.contract.camera
    )
    proprio = torch.from_numpy(table.proprio[first : first + 1])[None]
    device = material.device
    context = encoded(material.model, frames[None].to(device), proprio.to(device))
    actions = torch.from_numpy(table.action[first : first + steps]).to(device)
    past = actions.new_zeros(1, 0, actions.shape[-1])
    tokens: Tensor = material.model.rollout(context, past, actions[None, None]).tokens[0, 0]
    return tokens


def facts(material: Material, path: Path) -> dict[str, Any]:
    """Return what is written of the data beside a head."""
    return {
        'data': path.name,
        'episodes': int(material.table.episodes),
        'held_out': len(material.held_out),
        'frames': len(cast('Any', material.training)),
    }
