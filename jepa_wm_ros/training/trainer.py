"""The optimisation loop: from clips to weights, interruptible at any time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn.parallel import DistributedDataParallel

from jepa_wm_ros.data.clips import ClipSampler, split_episodes
from jepa_wm_ros.training.augmentation import jittered
from jepa_wm_ros.training.batch_norm import share_statistics
from jepa_wm_ros.training.checkpoint import identity, read_checkpoint, write_checkpoint
from jepa_wm_ros.training.clip import Clip
from jepa_wm_ros.training.criteria import criterion_for
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.feeding import Feeder, FeedTimes
from jepa_wm_ros.training.frozen import keep_still, prepare_encoder
from jepa_wm_ros.training.interruption import put_off_interrupts
from jepa_wm_ros.training.optimisation import optimiser_for, rate, set_rate
from jepa_wm_ros.training.sharding import (
    gathered_state,
    shard,
    spread_like,
    spread_optimiser_state,
)
from jepa_wm_ros.training.sigreg import NULL_EXPECTATION
from jepa_wm_ros.training.team import ALONE, Team
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.families import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.recipe import Recipe
    from jepa_wm_ros.worldmodel.contract import Contract

CPU = torch.device('cpu')


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training is, given to a callback after each step.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        learning_rate: Of this step.
        terms: The loss of the last batch, and its parts, not weighted.
        times: Where the time went.
    """

    step: int
    steps: int
    learning_rate: float
    terms: dict[str, float]
    times: FeedTimes = field(default_factory=FeedTimes)

    @property
    def prediction(self) -> float:
        """Prediction error of the last batch."""
        return self.terms['prediction']

    @property
    def sigreg_ratio(self) -> float | None:
        """SIGReg statistic over its value for a perfect Gaussian; None where it is no part."""
        statistic = self.terms.get('sigreg')
        return None if statistic is None else statistic / NULL_EXPECTATION


class Trainer:
    """Trains one model on one table of episodes.

    Everything random depends on the seed and the step's number alone, so that a training which is
    resumed from a checkpoint ends with the same weights as one that ran through.

    Attributes:
        step: Steps done.
        cpu_s: Processor time of this process's steps [s], validation left out; unlike time on the
            clock it hardly depends on what else the machine does.
    """

    def __init__(
        self,
        recipe: Recipe,
        table: EpisodeTable,
        *,
        team: Team = ALONE,
        device: torch.device = CPU,
        features: NDArray[Any] | None = None,
        model: nn.Module | None = None,
        sharded: bool = False,
    ) -> None:
        """Build the model, and check that the data fit the recipe.

        Args:
            recipe: What to train, and how.
            table: The episodes.
            team: The processes that share each batch.
            device: Where the model is trained.
            features: `(N, tokens, D)`: what the frozen encoder makes of the table's pictures.
            model: From `begin`; begun here by default.
            sharded: Whether the weights are spread over the processes, not replicated.

        Raises:
            TrainingError: The pictures or actions are not those of the contract, or the batch does
                not divide among the processes.
            CriterionError: The settings are not for this kind of model.
        """
        self.recipe, self.table, self.team, self.device = recipe, table, team, device
        settings = recipe.training
        check_data(recipe.model, table)
        if settings.batch % team.size:
            raise TrainingError(
                f'training.batch must be a multiple of {team.size} processes, got {settings.batch}'
            )
        self.model = (begin(recipe) if model is None else model).to(device)
        self.criterion = criterion_for(self.model, settings, team).to(device)
        self._sharded = sharded and team.size > 1
        self._loss = self._joined()
        self.optimiser = optimiser_for(self.criterion, settings)
        self.training_episodes, self.held_out = split_episodes(
            table.episodes, settings.validation, settings.seed
        )
        frames = settings.rollout + 1
        self._clips = ClipSampler(table, self.training_episodes, frames, settings.seed, features)
        self.step = 0
        self.cpu_s = 0.0
        self._whole = True

    def _joined(self) -> nn.Module:
        """Return the loss as all processes compute it together."""
        if self.team.size == 1:
            return self.criterion
        share_statistics(self.criterion, self.team)
        if not self._sharded:
            return DistributedDataParallel(self.criterion)
        shard(self.criterion, self.team, self.device)
        return self.criterion

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
            with put_off_interrupts() as stopped, Feeder(self.clip, settings.steps) as feeder:
                while self.step < settings.steps:
                    began = time.process_time()
                    progress = self._step(feeder.take(self.step), feeder.times)
                    self.cpu_s += time.process_time() - began
                    report(progress)
                    if checkpoint and self.step % settings.checkpoint_every == 0:
                        self.save(checkpoint)
                    # All stop after the same step, or they would wait for each other.
                    if self.team.any(stopped(), self.device):
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            if checkpoint and self._whole:
                self.save(checkpoint)
            raise
        self.model.eval()

    def clip(self, index: int) -> Clip:
        """Make this process's part of a step's batch; depends on seed and number alone."""
        settings, camera = self.recipe.training, self.recipe.model.camera
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + index)
        part = self.team.part(settings.batch)
        batch = self._clips.batch(index, settings.batch, part)
        frames = torch.from_numpy(batch.pixels)
        if frames.dtype == torch.uint8:
            frames = jittered(
                normalise(frames, camera),
                camera,
                settings,
                generator,
                clips=settings.batch,
                part=part,
            )
        masks = None if batch.masks is None else torch.from_numpy(batch.masks)
        action, proprio = torch.from_numpy(batch.action), torch.from_numpy(batch.proprio)
        return Clip(frames, action, proprio, generator, masks)

    def save(self, path: Path) -> None:
        """Write a checkpoint; see `write_checkpoint`. One process does, with the help of all.

        It does not depend on the number of processes, or on whether weights are spread.
        """
        criterion, optimiser = self.criterion.state_dict(), self.optimiser.state_dict()
        if self._sharded:
            criterion, optimiser = gathered_state(criterion), gathered_state(optimiser)
        if self.team.writes:
            state = {
                'recipe': identity(self.recipe),
                'step': self.step,
                'cpu_s': self.cpu_s,
                'criterion': criterion,
                'optimiser': optimiser,
            }
            write_checkpoint(path, state)

    def whole_model(self) -> nn.Module:
        """Return the model with all of its weights; every process has to call it."""
        if not self._sharded:
            return self.model
        weights = gathered_state(self.model.state_dict())
        whole = cast('nn.Module', build(self.recipe.model))
        whole.load_state_dict(weights)
        return whole.to(self.device)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: The file is damaged or of another recipe.
        """
        state = read_checkpoint(path, self.device)
        if state.get('recipe') != identity(self.recipe):
            raise TrainingError(
                f'{path} cannot be resumed (it is of another recipe, seed or number of steps); '
                'delete it to start afresh'
            )
        criterion, optimiser = state['criterion'], state['optimiser']
        if self._sharded:
            criterion = spread_like(criterion, self.criterion.state_dict())
            optimiser = spread_optimiser_state(optimiser, self.optimiser)
        self.criterion.load_state_dict(criterion)
        self.optimiser.load_state_dict(optimiser)
        self.step = int(state['step'])
        self.cpu_s = float(state.get('cpu_s', 0.0))

    def gradients(self, clip: Clip) -> dict[str, float]:
        """Leave the gradients of a clip's loss in the parameters.

        Returns:
            The loss and its parts.

        Raises:
            TrainingError: The loss is not finite.
        """
        settings = self.recipe.training
        self.criterion.train()
        keep_still(self.model, settings)
        # Dropout draws from the global generator; the processes drop different numbers.
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * 1009 + self.team.rank)
        lowered = settings.precision == 'bfloat16'
        with torch.autocast(self.device.type, torch.bfloat16, enabled=lowered):
            terms = self._loss(clip.to(self.device))
        if not bool(terms['loss'].isfinite()):
            raise TrainingError(
                f'the loss is {terms["loss"].item()} at step {self.step}: lower the learning '
                'rate, or look for broken actions in the data'
            )
        self.optimiser.zero_grad(set_to_none=True)
        terms['loss'].backward()
        return {name: float(value.detach()) for name, value in terms.items()}

    def _step(self, clip: Clip, times: FeedTimes) -> Progress:
        settings = self.recipe.training
        learning_rate = settings.learning_rate * rate(self.step, settings)
        set_rate(self.optimiser, learning_rate)
        self._whole = False
        terms = self.gradients(clip)
        if settings.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.criterion.parameters(), settings.gradient_clip)
        self.optimiser.step()
        self.step += 1
        self._whole = True
        return Progress(
            step=self.step,
            steps=settings.steps,
            learning_rate=learning_rate,
            terms=terms,
            times=times,
        )


def begin(recipe: Recipe) -> nn.Module:
    """Build a recipe's model with its first weights; an encoder from elsewhere included.

    Raises:
        SchemaError: The architecture is wrong.
        EncoderWeightsError: The encoder that it should start with is another one.
    """
    torch.manual_seed(recipe.training.seed)
    model = cast('nn.Module', build(recipe.model))
    prepare_encoder(model, recipe.training)
    return model


def check_data(contract: Contract, table: EpisodeTable) -> None:
    """Refuse data that are not what a contract promises.

    Raises:
        TrainingError: Pictures, actions or states have other sizes.
    """
    wanted = (contract.camera.height, contract.camera.width, 3)
    if table.pixels.shape[1:] != wanted:
        raise TrainingError(f'pictures are {table.pixels.shape[1:]}, the contract says {wanted}')
    if table.action.shape[1] != contract.action.dim:
        raise TrainingError(
            f'actions have {table.action.shape[1]} numbers, the contract says '
            f'{contract.action.frame_skip} x {contract.action.fields}'
        )
    fields = contract.proprio.fields
    names = tuple(table.provenance.get('proprio', ()))[: len(fields)]
    if table.proprio.shape[1] < len(fields) or (names and names != fields):
        raise TrainingError(
            f'the data have {table.proprio.shape[1]} numbers of proprioception '
            f'({", ".join(table.provenance.get("proprio", [])) or "unnamed"}), the contract says '
            f'{", ".join(fields)}'
        )
