"""The optimisation loop: from clips to weights, interruptible at any time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.data.clips import ClipSampler, split_episodes
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.training.losses import lewm_loss
from jepa_wm_ros.training.sigreg import NULL_EXPECTATION, random_directions
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.families.lewm import LeWorldModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.data.clips import ClipBatch
    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.recipe import Recipe


class TrainingError(JepaWmError):
    """Training cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training is, given to a callback after each step.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        prediction: Prediction error of the last batch.
        sigreg_ratio: SIGReg statistic over its value for a perfect Gaussian.
    """

    step: int
    steps: int
    prediction: float
    sigreg_ratio: float


class Trainer:
    """Trains one model on one table of episodes.

    Everything random depends on the seed and the step's number alone, so that a training which is
    resumed from a checkpoint ends with the same weights as one that ran through.
    """

    def __init__(self, recipe: Recipe, table: EpisodeTable) -> None:
        """Build the model with random weights, and check that the data fit the recipe.

        Raises:
            TrainingError: The pictures or actions are not those of the contract.
        """
        self.recipe, self.table = recipe, table
        settings, contract = recipe.training, recipe.model
        wanted = (contract.camera.height, contract.camera.width, 3)
        if table.pixels.shape[1:] != wanted:
            raise TrainingError(
                f'pictures are {table.pixels.shape[1:]}, the contract says {wanted}'
            )
        if table.action.shape[1] != contract.action.dim:
            raise TrainingError(
                f'actions have {table.action.shape[1]} fields, the contract says '
                f'{contract.action.fields}'
            )
        torch.manual_seed(settings.seed)
        model = build(contract)
        if not isinstance(model, LeWorldModel):
            raise TrainingError(
                f'{contract.name}: a model of family {contract.family} with this architecture '
                'cannot be trained here; family lewm with layout: small can'
            )
        self.model = model
        self.optimiser = torch.optim.AdamW(
            _parameter_groups(self.model, settings.weight_decay),
            lr=settings.learning_rate,
            betas=settings.betas,
        )
        self.training_episodes, self.held_out = split_episodes(
            table.episodes, settings.validation, settings.seed
        )
        frames = settings.rollout + 1
        self._clips = ClipSampler(table, self.training_episodes, frames, settings.seed)
        self.step = 0

    def run(self, report: Callable[[Progress], None], checkpoint: Path | None = None) -> None:
        """Train from the present step to the last.

        Args:
            report: Called after each step.
            checkpoint: Saved every so often, and when training is interrupted.

        Raises:
            TrainingError: The loss is no longer finite.
        """
        settings = self.recipe.training
        try:
            while self.step < settings.steps:
                report(self._step())
                if checkpoint and self.step % settings.checkpoint_every == 0:
                    self.save(checkpoint)
        except KeyboardInterrupt:
            if checkpoint:
                self.save(checkpoint)
            raise
        self.model.eval()

    def save(self, path: Path) -> None:
        """Write a checkpoint beside `path`, then rename it."""
        partial = path.with_name(path.name + '.partial')
        state = {
            'step': self.step,
            'model': self.model.state_dict(),
            'optimiser': self.optimiser.state_dict(),
        }
        torch.save(state, partial)
        os.replace(partial, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: The file is damaged or of another architecture.
        """
        try:
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state['model'])
            self.optimiser.load_state_dict(state['optimiser'])
            self.step = int(state['step'])
        except Exception as error:
            raise TrainingError(
                f'{path} cannot be resumed ({error}); delete it to start afresh'
            ) from error

    def _step(self) -> Progress:
        settings = self.recipe.training
        for group in self.optimiser.param_groups:
            group['lr'] = settings.learning_rate * _schedule(
                self.step, settings.warmup_steps, settings.steps
            )
        self.model.train()
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.step)
        batch = self._clips.batch(self.step, settings.batch)
        dim = self.model.encoder.head.out_features
        terms = lewm_loss(
            self.model,
            self._images(batch, generator),
            torch.from_numpy(batch.action),
            torch.from_numpy(batch.proprio),
            random_directions(dim, settings.sigreg_directions, generator),
        )
        loss = (
            terms.prediction
            + settings.sigreg_weight * terms.sigreg
            + settings.readout_weight * terms.readout
        )
        if not bool(loss.isfinite()):
            raise TrainingError(
                f'the loss is {loss.item()} at step {self.step}: lower the learning rate, or look '
                'for broken actions in the data'
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.gradient_clip)
        self.optimiser.step()
        self.step += 1
        return Progress(
            step=self.step,
            steps=settings.steps,
            prediction=terms.prediction.item(),
            sigreg_ratio=terms.sigreg.item() / NULL_EXPECTATION,
        )

    def _images(self, batch: ClipBatch, generator: torch.Generator) -> Tensor:
        """Normalise a batch, with brightness, contrast and colours jittered frame by frame.

        Colours are mixed by a random matrix near the identity, which shows the encoder hues that
        the simulator never drew.
        """
        settings = self.recipe.training
        images = normalise(torch.from_numpy(batch.pixels), self.recipe.model.camera)
        clips, frames = images.shape[:2]

        def uniform(*shape: int) -> Tensor:
            return 2 * torch.rand(clips, frames, *shape, generator=generator) - 1

        mix = torch.eye(3) + settings.colour * uniform(3, 3)
        mix = mix * (1 + settings.contrast * uniform(1, 1))
        # A shift by the full range is 1 / std of the normalised picture.
        shift = settings.brightness / float(np.mean(self.recipe.model.camera.std)) * uniform(1, 1)
        return torch.baddbmm(
            shift.flatten(0, 1), mix.flatten(0, 1), images.flatten(0, 1).flatten(2)
        ).view_as(images)


def _parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay matrices and kernels, but neither biases nor the parameters of norms."""
    parameters = list(model.parameters())
    return [
        {'params': [p for p in parameters if p.ndim > 1], 'weight_decay': weight_decay},
        {'params': [p for p in parameters if p.ndim <= 1], 'weight_decay': 0.0},
    ]


def _schedule(step: int, warmup: int, steps: int) -> float:
    """Linear warm-up, then half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1.0 + float(np.cos(np.pi * progress)))
