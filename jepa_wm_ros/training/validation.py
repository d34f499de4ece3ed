"""What a model has understood: measured on held-out episodes, never trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from jepa_wm_ros.data.clips import ClipSampler
from jepa_wm_ros.planning.objective import GoalDistance
from jepa_wm_ros.training.clip import encoded
from jepa_wm_ros.training.sigreg import NULL_EXPECTATION, random_directions, sigreg
from jepa_wm_ros.training.spread import effective_rank, guess_rmse, probe_rmse
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.worldmodel.protocol import WorldModel

CHUNK = 256
NUMBERS = 2**26
"""Most numbers of latents that are looked at at once."""
DIRECTIONS = 256
COLLAPSED_RANK = 0.05
COLLAPSED_SPREAD = 0.02
BLIND = 0.8
"""Error of the probe over that of guessing the mean. Recipes of the cell that work end at 0.05 to
0.35, and are below 0.5 after 300 steps; without SIGReg it is 0.9 to 1."""
PROBE_EPISODES = 10
"""Episodes that a probe must have been fitted on for a large error to say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Figures of one model on held-out episodes.

    Attributes:
        rollout_error: For each step ahead, squared error of the prediction over that of
            copying the first frame (1: no better than standing still).
        effective_rank: exp(entropy) of the normalised spectrum of the tokens' numbers; 1:
            collapsed.
        numbers: Numbers in a token: the greatest effective rank.
        episodes: Held-out episodes that were looked at.
        spread: Standard deviation of a token's numbers from picture to picture, over their
            root mean square.
        sigreg_ratio: SIGReg statistic over its value for a perfect Gaussian.
        probe_rmse_m: Error of a linear (ridge) probe from embedding to flange position, fitted
            on one half of the held-out episodes and measured on the other [m].
        guess_rmse_m: What that error is without looking: that of guessing the mean position [m].
        readout_rmse_m: Error of the model's own readout of the position [m]; None without one.
        reached_cost: Median distance, by the planning objective, of frames of one episode that
            are 1.5 to 2.5 cm apart: what being 2 cm from the goal looks like.
    """

    rollout_error: tuple[float, ...]
    effective_rank: float
    numbers: int
    episodes: int
    spread: float
    sigreg_ratio: float
    probe_rmse_m: float
    guess_rmse_m: float
    readout_rmse_m: float | None
    reached_cost: float

    @property
    def collapsed(self) -> bool:
        """Whether pictures all look nearly alike to the model."""
        least = 1 + COLLAPSED_RANK * (self.numbers - 1)
        return self.effective_rank < least or self.spread < COLLAPSED_SPREAD

    @property
    def blind(self) -> bool:
        """Whether where the robot is cannot be told from the embeddings.

        A collapse that rank and spread do not show: behind a BatchNorm all numbers keep varying,
        with light and texture, while what the actions change is gone.
        """
        enough = self.episodes >= 2 * PROBE_EPISODES
        return enough and self.probe_rmse_m > BLIND * self.guess_rmse_m


@torch.inference_mode()
def validate(
    model: WorldModel,
    table: EpisodeTable,
    episodes: NDArray[np.int64],
    rollout: int,
    seed: int,
    features: NDArray[Any] | None = None,
) -> Validation:
    """Measure a model on some episodes.

    Args:
        model: It is put into eval mode.
        table: The data; `proprio` begins with the flange position [m].
        episodes: Numbers of the held-out ones.
        rollout: Steps to predict.
        seed: Of the clips that are drawn.
        features: `(N, tokens, D)` of a frozen encoder, in place of the pictures.
    """
    cast('nn.Module', model).eval()
    source = table.pixels if features is None else features
    latent, position, episode = _embed(model, table, episodes, source)
    numbers = latent.tokens.shape[-1]
    rms = latent.tokens.square().mean().sqrt()
    errors, ratio = _rollout_error(model, table, episodes, rollout, seed, source)
    return Validation(
        rollout_error=errors,
        effective_rank=effective_rank(latent.tokens.double().numpy()),
        numbers=numbers,
        episodes=len(np.unique(episode)),
        spread=float(latent.tokens.std(0).mean() / rms.clamp_min(1e-12)),
        sigreg_ratio=ratio,
        probe_rmse_m=probe_rmse(latent.tokens.flatten(1).double().numpy(), position, episode),
        guess_rmse_m=guess_rmse(position, episode),
        readout_rmse_m=_readout_rmse(model, latent, position),
        reached_cost=_reached_cost(model, latent, position, episode),
    )


def _frames(model: WorldModel, rows: NDArray[Any]) -> Tensor:
    """Return pictures or features `(B, T, ...)` on the model's device, pictures normalised."""
    values = torch.from_numpy(rows)
    if values.dtype == torch.uint8:
        values = normalise(values, model.contract.camera)
    return values.to(next(cast('nn.Module', model).parameters()).device)


def _embed(
    model: WorldModel, table: EpisodeTable, episodes: NDArray[np.int64], source: NDArray[Any]
) -> tuple[Latent, NDArray[np.float64], NDArray[np.int64]]:
    """Return latents of n frames, flange positions `(n, 3)` and episode numbers `(n,)`.

    Large latents are kept of the first frames only.
    """
    lengths = table.length[episodes]
    rows = np.concatenate(
        [np.arange(table.offset[e], table.offset[e] + table.length[e]) for e in episodes]
    )
    episode = np.repeat(episodes, lengths)
    chunks: list[Latent] = []
    room = NUMBERS
    for i in range(0, len(rows), CHUNK):
        chosen = rows[i : i + CHUNK]
        frames = _frames(model, source[chosen][:, None])
        proprio = torch.from_numpy(table.proprio[chosen])[:, None].to(frames.device)
        chunks.append(encoded(model, frames, proprio).frame(0).to('cpu'))
        room -= chunks[-1].tokens.numel()
        if room < 0:
            break
    tokens = torch.cat([chunk.tokens for chunk in chunks])
    estimates = [chunk.proprio for chunk in chunks if chunk.proprio is not None]
    latent = Latent(tokens, torch.cat(estimates) if estimates else None)
    count = len(tokens)
    return latent, table.proprio[rows[:count], :3].astype(np.float64), episode[:count]


def _rollout_error(
    model: WorldModel,
    table: EpisodeTable,
    episodes: NDArray[np.int64],
    rollout: int,
    seed: int,
    source: NDArray[Any],
) -> tuple[tuple[float, ...], float]:
    """Return the errors of 1 to `rollout` steps, and the SIGReg ratio of what was encoded."""
    sampler = ClipSampler(table, episodes, rollout + 1, seed, source)
    numbers = int(np.prod(source.shape[1:])) * (rollout + 1)
    batch = sampler.batch(0, min(CHUNK, max(2, 4 * NUMBERS // numbers)))
    frames = _frames(model, batch.pixels)
    latent = encoded(model, frames, torch.from_numpy(batch.proprio).to(frames.device))
    actions = torch.from_numpy(batch.action).to(frames.device)
    past = actions.new_zeros(len(actions), 0, actions.shape[-1])
    first = latent.map(lambda part: part[:, :1])
    predicted = model.rollout(first, past, actions[:, None]).tokens[:, 0]
    tokens = latent.tokens
    error = (predicted - tokens[:, 1:]).square().mean((0, 2, 3))
    copy = (tokens[:, :1] - tokens[:, 1:]).square().mean((0, 2, 3))
    generator = torch.Generator().manual_seed(seed)
    directions = random_directions(tokens.shape[-1], DIRECTIONS, generator).to(tokens.device)
    samples = tokens[:, 0].transpose(0, 1)
    statistic = torch.stack([sigreg(place[None], directions) for place in samples]).mean()
    return tuple((error / copy).tolist()), float(statistic) / NULL_EXPECTATION


def _readout_rmse(
    model: WorldModel, latent: Latent, position: NDArray[np.float64]
) -> float | None:
    if not isinstance(model, LeWorldModel) or latent.proprio is None:
        return None
    if model.readout_settings.fields != ('x', 'y', 'z'):
        return None
    settings = model.readout_settings
    estimate = latent.proprio.double().numpy() * settings.std + settings.mean
    return float(np.sqrt(((estimate - position) ** 2).sum(1).mean()))


def _reached_cost(
    model: WorldModel,
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
    step = 1 + len(first) * latent.tokens[0].numel() // (4 * NUMBERS)
    first, second = first[::step], second[::step]
    costs = objective.distance(
        latent.map(lambda part: part[first]), latent.map(lambda part: part[second])
    )
    return float(costs.median())
