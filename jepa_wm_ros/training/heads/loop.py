"""The optimisation loop of heads: interruptible at any time, resumed to the same numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from jepa_wm_ros.training.checkpoint import read_checkpoint, write_checkpoint
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.interruption import put_off_interrupts
from jepa_wm_ros.training.optimisation import optimiser_for, set_rate
from jepa_wm_ros.worldmodel.schema import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jepa_wm_ros.training.heads.settings import HeadTraining
    from jepa_wm_ros.training.heads.task import HeadTask


class HeadTrainer:
    """Trains one head; everything random depends on the seed and the step's number alone."""

    def __init__(self, task: HeadTask, settings: HeadTraining, source: Any) -> None:
        """Prepare to train.

        Args:
            task: The head, and what it has to learn.
            settings: How it is optimised.
            source: What else the weights depend on; a checkpoint of another is not resumed.
        """
        self.task, self.settings = task, settings
        said = (task.head.kind, plain(task.head.settings), plain(settings), source)
        self._identity = hashlib.sha256(repr(said).encode()).hexdigest()[:16]
        self._optimiser = optimiser_for(task.head, settings)
        self.step = 0

    def run(self, report: Callable[[int, int, float], None], checkpoint: Path) -> None:
        """Train from the present step to the last.

        Args:
            report: Called with (steps done, steps in all, loss).
            checkpoint: Saved every so often, and when training is interrupted.

        Raises:
            TrainingError: The loss is no longer finite.
        """
        settings = self.settings
        steps = 0 if self.task.solved else settings.steps
        self.task.head.train()
        with put_off_interrupts() as stopped:
            while self.step < steps:
                report(self.step + 1, steps, self._step())
                if self.step % settings.checkpoint_every == 0 or stopped():
                    self.save(checkpoint)
                if stopped():
                    raise KeyboardInterrupt
        self.task.head.eval()

    def save(self, path: Path) -> None:
        """Write a checkpoint; see `write_checkpoint`."""
        state = {
            'identity': self._identity,
            'step': self.step,
            'head': self.task.head.state_dict(),
            'optimiser': self._optimiser.state_dict(),
        }
        write_checkpoint(path, state)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: The file is damaged or of another training.
        """
        state = read_checkpoint(path, next(self.task.head.parameters()).device)
        if state.get('identity') != self._identity:
            raise TrainingError(
                f'{path} cannot be resumed (it is of other settings, data or model weights); '
                'delete it to start afresh'
            )
        self.task.head.load_state_dict(state['head'])
        self._optimiser.load_state_dict(state['optimiser'])
        self.step = int(state['step'])

    def _step(self) -> float:
        settings = self.settings
        set_rate(self._optimiser, settings.learning_rate * settings.rate(self.step))
        loss = self.task.loss(self.step)
        if not bool(loss.isfinite()):
            raise TrainingError(f'the loss is {loss.item()} at step {self.step}')
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.task.head.parameters(), 1.0)
        self._optimiser.step()
        self.step += 1
        return float(loss.detach())
