"""Whether the flange position is in the latents: a linear probe, judged on other episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from jepa_wm_ros.training.heads.material import Material, rows_of
from jepa_wm_ros.training.heads.reading import FIELDS, ProbeTask
from jepa_wm_ros.training.heads.settings import HeadTraining
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.worldmodel.heads.probe import PositionProbe
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a probe reads of episodes that it has not learned from.

    Attributes:
        truth: `(n, 3)` flange positions [m].
        found: `(n, 3)` what is read [m].
        guess_rmse_m: Error of always saying the mean position [m].
    """

    truth: NDArray[np.float64]
    found: NDArray[np.float64]
    guess_rmse_m: float

    @property
    def axis_rmse_m(self) -> NDArray[np.float64]:
        """Root mean squared error of each axis `(3,)` [m]."""
        return np.asarray(((self.found - self.truth) ** 2).mean(0) ** 0.5, np.float64)

    @property
    def rmse_m(self) -> float:
        """Root mean squared error of the position [m]."""
        return float(((self.found - self.truth) ** 2).sum(1).mean() ** 0.5)

    def figures(self) -> dict[str, Any]:
        """Return what is written of it."""
        return {
            'frames': len(self.truth),
            'rmse_m': self.rmse_m,
            'axis_rmse_m': dict(zip(FIELDS, self.axis_rmse_m.tolist(), strict=True)),
            'guess_rmse_m': self.guess_rmse_m,
        }


def read_positions(
    model: WorldModel, table: EpisodeTable, latent: Latent
) -> tuple[PositionProbe, Reading]:
    """Fit a ridge regression on every other episode and judge it on the rest.

    Args:
        model: Made the latents.
        table: The episodes.
        latent: Tokens `(n, N, D)` of all frames of the table.

    Raises:
        TrainingError: The data do not say where the flange is.
    """
    numbers = np.arange(table.episodes)
    material = Material(
        model=model,
        table=table,
        tokens=latent.tokens.float().cpu().numpy(),
        training=rows_of(table, numbers[::2]),
        held_out=numbers[1::2],
    )
    task = ProbeTask(material, HeadTraining(steps=0, batch=1))
    rows = material.testing
    with torch.inference_mode():
        found = task.head.read(Latent(material.latents(rows))).cpu().double().numpy()
    mean = task.position[material.training].mean(0)
    guess = ((task.position[rows] - mean) ** 2).sum(1).mean() ** 0.5
    reading = Reading(truth=task.position[rows], found=found, guess_rmse_m=float(guess))
    return task.head, reading
