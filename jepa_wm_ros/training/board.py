"""Figures of a training for TensorBoard, which is an optional package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.training.trainer import Progress
    from jepa_wm_ros.training.validation import Validation

EVERY = 10


class BoardError(JepaWmError):
    """TensorBoard is not installed."""


class Board:
    """Writes event files that `tensorboard --logdir` shows."""

    def __init__(self, folder: Path) -> None:
        """Open a file in the folder.

        Raises:
            BoardError: The package is missing; says how to get it.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise BoardError(
                '--tensorboard needs the package tensorboard: pip install tensorboard'
            ) from error
        self._writer: Any = SummaryWriter(str(folder))

    def step(self, progress: Progress) -> None:
        """Keep the loss, its parts, the learning rate and the data's share, every tenth step."""
        if progress.step % EVERY:
            return
        for name, value in progress.terms.items():
            self._writer.add_scalar(f'training/{name}', value, progress.step)
        self._writer.add_scalar('training/learning_rate', progress.learning_rate, progress.step)
        share = progress.times.waiting_share
        self._writer.add_scalar('training/waiting_for_data', share, progress.step)

    def validation(self, step: int, figures: Validation) -> None:
        """Keep the figures of a validation."""
        values = {
            'effective_rank': figures.effective_rank,
            'sigreg_over_null': figures.sigreg_ratio,
            'probe_rmse_m': figures.probe_rmse_m,
        }
        for ahead, error in enumerate(figures.rollout_error, 1):
            values[f'error_over_copy/{ahead}'] = error
        for name, value in values.items():
            self._writer.add_scalar(f'validation/{name}', value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
