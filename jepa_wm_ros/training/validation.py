"""What a model has understood: measured on held-out episodes, never trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.data.clips import ClipSampler
from jepa_wm_ros.planning.objective import GoalDistance
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel

CHUNK = 256
RIDGE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Figures of one model on held-out episodes.

    Attributes:
        rollout_error: For each step ahead, squared error of the prediction over that of
            copying the first frame (1: no better than standing still).
        effective_rank: exp(entropy) of the embedding's normalised spectrum; 1: collapsed.
        probe_rmse_m: Error of a linear (ridge) probe from embedding to flange position, fitted
            on one half of the held-out episodes and measured on the other [m].
        readout_rmse_m: Error of the model's own readout of the position [m]; None without one.
        reached_cost: Median distance, by the planning objective, of frames of one episode that
            are 1.5 to 2.5 cm apart: what being 2 cm from the goal looks like.
    """

    rollout_error: tuple[float, ...]
    effective_rank: float
    probe_rmse_m: float
    readout_rmse_m: float | None
    reached_cost: float


@torch.inference_mode()
def validate(
    model: LeWorldModel, table: EpisodeTable, episodes: NDArray[np.int64], rollout: int, seed: int
) -> Validation:
    """Measure a model on some episodes; `proprio` must begin with the flange position [m]."""
    model.eval()
    latent, position, episode = _embed(model, table, episodes)
    embedding = latent.tokens[:, 0].double().numpy()
    return Validation(
        rollout_error=_rollout_error(model, table, episodes, rollout, seed),
        effective_rank=_effective_rank(embedding),
        probe_rmse_m=_probe(embedding, position, episode),
        readout_rmse_m=_readout_rmse(model, latent, position),
        reached_cost=_reached_cost(model, latent, position, episode),
    )


def _embed(
    model: LeWorldModel, table: EpisodeTable, episodes: NDArray[np.int64]
) -> tuple[Latent, NDArray[np.float64], NDArray[np.int64]]:
    """Return latents of n frames, flange positions `(n, 3)` and episode numbers `(n,)`."""
    lengths = table.length[episodes]
    rows = np.concatenate(
        [np.arange(table.offset[e], table.offset[e] + table.length[e]) for e in episodes]
    )
    camera = model.contract.camera
    chunks = [
        model.encode(normalise(torch.from_numpy(table.pixels[rows[i : i + CHUNK]]), camera)[None])
        for i in range(0, len(rows), CHUNK)
    ]
    tokens = torch.cat([chunk.tokens[0] for chunk in chunks])
    estimates = [chunk.proprio[0] for chunk in chunks if chunk.proprio is not None]
    latent = Latent(tokens, torch.cat(estimates) if estimates else None)
    return latent, table.proprio[rows, :3].astype(np.float64), np.repeat(episodes, lengths)


def _rollout_error(
    model: LeWorldModel, table: EpisodeTable, episodes: NDArray[np.int64], rollout: int, seed: int
) -> tuple[float, ...]:
    batch = ClipSampler(table, episodes, rollout + 1, seed).batch(0, CHUNK)
    images = normalise(torch.from_numpy(batch.pixels), model.contract.camera)
    tokens = model.encode(images).tokens
    actions = torch.from_numpy(batch.action)
    past = actions.new_zeros(len(actions), 0, actions.shape[-1])
    predicted = model.rollout(Latent(tokens=tokens[:, :1]), past, actions[:, None]).tokens[:, 0]
    error = (predicted - tokens[:, 1:]).square().mean((0, 2, 3))
    copy = (tokens[:, :1] - tokens[:, 1:]).square().mean((0, 2, 3))
    return tuple((error / copy).tolist())


def _effective_rank(embedding: NDArray[np.float64]) -> float:
    spectrum = np.linalg.svd(embedding - embedding.mean(0), compute_uv=False)
    weight = spectrum / spectrum.sum()
    return float(np.exp(-(weight * np.log(np.maximum(weight, 1e-12))).sum()))


def _probe(
    embedding: NDArray[np.float64], position: NDArray[np.float64], episode: NDArray[np.int64]
) -> float:
    fit = np.isin(episode, np.unique(episode)[::2])
    inputs = np.hstack([embedding, np.ones((len(embedding), 1))])
    gram = inputs[fit].T @ inputs[fit] + RIDGE * fit.sum() * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs[fit].T @ position[fit])
    error = inputs[~fit] @ weights - position[~fit]
    return float(np.sqrt((error**2).sum(1).mean()))


def _readout_rmse(
    model: LeWorldModel, latent: Latent, position: NDArray[np.float64]
) -> float | None:
    if latent.proprio is None or model.readout_settings.fields != ('x', 'y', 'z'):
        return None
    settings = model.readout_settings
    estimate = latent.proprio.double().numpy() * settings.std + settings.mean
    return float(np.sqrt(((estimate - position) ** 2).sum(1).mean()))


def _reached_cost(
    model: LeWorldModel,
    latent: Latent,
    position: NDArray[np.float64],
    episode: NDArray[np.int64],
) -> float:
    settings = model.contract.planning
    objective = GoalDistance(
        distance_name=settings.distance, proprio_weight=settings.proprio_weight
    )
    firsts, seconds = [], []
    for number in np.unique(episode):
        rows = np.flatnonzero(episode == number)
        gap = np.linalg.norm(position[rows, None] - position[None, rows], axis=-1)
        first, second = np.nonzero(np.triu((gap > 0.015) & (gap < 0.025)))
        firsts.append(rows[first])
        seconds.append(rows[second])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    if len(first) == 0:
        return 0.0
    costs = objective.distance(
        latent.map(lambda part: part[first]), latent.map(lambda part: part[second])
    )
    return float(costs.median())
