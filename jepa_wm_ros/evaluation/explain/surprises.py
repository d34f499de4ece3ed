"""Whether the model notices that the arm is suddenly elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from jepa_wm_ros.evaluation.explain.latents import embed, expected
from jepa_wm_ros.planning.surprise import WARM_UP, SurpriseMonitor
from jepa_wm_ros.training.heads.judging import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.explain.jump import Jump
    from jepa_wm_ros.worldmodel.protocol import WorldModel

USUAL = 95.0
"""Percentile of the errors of ordinary steps that counts as their upper end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watched:
    """The prediction errors of one episode with a jump.

    Attributes:
        errors: `(T-1,)` mean squared difference of latents; entry t is about frame t + 1.
        flagged: `(T-1,)` whether the monitor of the running system would have called it.
        step: Entry that the jump is in.
        size_m: How far the arm was teleported [m].
        memory: Frames that a prediction knows: so many predictions are about the jump or know
            frames from both sides of it.
    """

    errors: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    step: int
    size_m: float
    memory: int = 1

    @property
    def rank(self) -> int:
        """Place of the jump among the errors of the episode; 1: the greatest."""
        return 1 + int((self.errors > self.errors[self.step]).sum())

    @property
    def ordinary(self) -> NDArray[np.bool_]:
        """Which steps `(T-1,)` have nothing to do with the jump."""
        mask = np.ones(len(self.errors), bool)
        mask[self.step : self.step + self.memory] = False
        return mask


def watch(model: WorldModel, jump: Jump) -> Watched:
    """Predict each step of an episode and compare with what was seen."""
    episode = jump.episode
    latent = embed(model, episode.pixels, episode.proprio)
    ahead = expected(model, latent, episode.action)
    with torch.inference_mode():
        gaps = (latent.tokens[1:] - ahead.tokens).float().square().flatten(1).mean(1)
    errors = gaps.cpu().double().numpy()
    monitor = SurpriseMonitor()
    flagged = np.array([monitor.update(float(error)).flagged for error in errors])
    return Watched(
        errors=errors,
        flagged=flagged,
        step=jump.at - 1,
        size_m=jump.size_m,
        memory=model.contract.context,
    )


def usual_error(watched: Sequence[Watched]) -> float:
    """Return the upper end of the errors of ordinary steps."""
    ordinary = np.concatenate([one.errors[one.ordinary] for one in watched])
    return float(np.percentile(ordinary, USUAL))


def surprise_figures(watched: Sequence[Watched]) -> dict[str, Any]:
    """Return how well jumps stand out, over all episodes."""
    jumps = np.array([one.errors[one.step] for one in watched])
    ordinary = np.concatenate([one.errors[one.ordinary] for one in watched])
    truth = np.arange(len(jumps) + len(ordinary)) < len(jumps)
    alarms = np.concatenate([one.flagged[WARM_UP:][one.ordinary[WARM_UP:]] for one in watched])
    level, sizes = usual_error(watched), np.array([one.size_m for one in watched])
    missed = sizes[jumps <= level]
    return {
        'episodes': len(watched),
        'size_m': [float(sizes.min()), float(np.median(sizes)), float(sizes.max())],
        'auc': area_under_curve(np.concatenate([jumps, ordinary]), truth),
        'greatest_of_episode': float(np.mean([one.rank == 1 for one in watched])),
        'median_ratio': float(np.median(jumps) / max(float(np.median(ordinary)), 1e-300)),
        'flagged': float(np.mean([one.flagged[one.step] for one in watched])),
        'false_alarms_per_step': float(alarms.mean()) if len(alarms) else 0.0,
        'within_usual': len(missed),
        'largest_within_usual_m': float(missed.max()) if len(missed) else None,
    }
