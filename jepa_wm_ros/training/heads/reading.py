"""Teaching a probe: where the flange is, by ridge regression or a small MLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.worldmodel.heads.head import LatentShape, pool, pooled_width
from jepa_wm_ros.worldmodel.heads.probe import PositionProbe, ProbeSettings
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.heads.material import Material
    from jepa_wm_ros.training.heads.settings import HeadTraining

FIELDS = ('x', 'y', 'z')
RIDGE = 1e-3
"""Weight of the ridge penalty beside the mean squared error of normalised numbers."""
WIDEST = 4096
"""More numbers than these are averaged over the tokens first."""
LEAST_STD = 1e-6


class ProbeTask:
    """Squared error of normalised positions."""

    def __init__(
        self, material: Material, training: HeadTraining, hidden: tuple[int, ...] = ()
    ) -> None:
        """Build a probe; a linear one is solved at once.

        Raises:
            TrainingError: The dataset does not begin its proprioception with a position.
        """
        self.material, self.training = material, training
        names = tuple(material.table.provenance.get('proprio', FIELDS))[:3]
        if names != FIELDS or material.table.proprio.shape[1] < 3:
            raise TrainingError(
                'a probe reads a position: proprio of the dataset must begin with x, y, z [m], '
                f'it is {", ".join(names) or "empty"}'
            )
        self.solved = not hidden
        self.position = material.table.proprio[:, :3].astype(np.float64)
        torch.manual_seed(training.seed)
        self.head = PositionProbe(material.latent, self._settings(hidden))
        self._look_at_inputs()
        if self.solved:
            self._solve()
        self.head.to(material.device)

    def loss(self, step: int) -> Tensor:
        """Return the error of a batch."""
        rows = self.material.draw(self.training.seed, step, self.training.batch)
        wanted = torch.from_numpy(self.position[rows]).float().to(self.material.device)
        return mse_loss(self.head(self.material.latents(rows)), self.head.normalise(wanted))

    @torch.inference_mode()
    def results(self) -> dict[str, Any]:
        """Return root mean squared errors [m] of each axis and of the position."""
        rows = self.material.testing
        estimate = self.head.read(Latent(self.material.latents(rows))).cpu().double().numpy()
        squared = (estimate - self.position[rows]) ** 2
        axes = squared.mean(0) ** 0.5
        spread = self.position[rows] - self.position[self.material.training].mean(0)
        return {
            'rmse_m': {name: round(float(axes[i]), 5) for i, name in enumerate(FIELDS)},
            'position_rmse_m': round(float(squared.sum(1).mean() ** 0.5), 5),
            'mean_position_rmse_m': round(float((spread**2).sum(1).mean() ** 0.5), 5),
        }

    def _settings(self, hidden: tuple[int, ...]) -> ProbeSettings:
        seen = self.position[self.material.training]
        return ProbeSettings(
            fields=FIELDS,
            mean=tuple(float(v) for v in seen.mean(0).round(4)),
            std=tuple(float(max(v, 1e-4)) for v in seen.std(0).round(4)),
            hidden=hidden,
            pooling=pooling_for(self.material.latent),
        )

    def _inputs(self) -> Tensor:
        """Return what the probe sees of the training frames, `(n, F)` float64."""
        rows, pooling = self.material.training, self.head.settings.pooling
        chunks = [
            pool(torch.from_numpy(np.array(self.material.tokens[rows[i : i + 4096]])), pooling)
            for i in range(0, len(rows), 4096)
        ]
        return torch.cat(chunks).double()

    def _look_at_inputs(self) -> None:
        inputs = self._inputs()
        self.head.centre.copy_(inputs.mean(0))
        self.head.scale.copy_(inputs.std(0).clamp_min(LEAST_STD))

    @torch.no_grad()
    def _solve(self) -> None:
        """Ridge regression on normalised numbers; the bias is not shrunk."""
        head = self.head
        inputs = (self._inputs() - head.centre.double()) / head.scale.double()
        wanted = head.normalise(torch.from_numpy(self.position[self.material.training]))
        offset = wanted.mean(0)
        gram = inputs.T @ inputs
        gram.diagonal().add_(RIDGE * len(inputs))
        weights = torch.linalg.solve(gram, inputs.T @ (wanted - offset))
        last = head.layers[-1]
        assert isinstance(last, nn.Linear)
        last.weight.copy_(weights.T)
        last.bias.copy_(offset)


def pooling_for(latent: LatentShape) -> str:
    """Return how the tokens of a frame are brought together before a small network."""
    return 'flat' if pooled_width(latent, 'flat') <= WIDEST else 'mean'
