"""AdamW, and how its learning rate runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

    from jepa_wm_ros.training.heads.settings import HeadTraining
    from jepa_wm_ros.training.settings import TrainingSettings


def optimiser_for(
    module: nn.Module, settings: TrainingSettings | HeadTraining
) -> torch.optim.AdamW:
    """Return AdamW over all that is to be trained.

    Matrices and kernels decay, but neither biases nor the parameters of norms.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    decayed = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {'params': decayed, 'weight_decay': settings.weight_decay},
            {'params': others, 'weight_decay': 0.0},
        ],
        lr=settings.learning_rate,
        betas=settings.betas,
    )


def rate(step: int, settings: TrainingSettings) -> float:
    """Return the share of the peak learning rate at a step."""
    warmup, steps = settings.warmup_steps, settings.steps
    if step < warmup:
        start = settings.warmup_start
        return start + (1 - start) * ((step + 1) / warmup)
    if settings.schedule == 'constant':
        return 1.0
    if settings.schedule == 'wsd':
        return min(1.0, (steps - step) / settings.decay_steps)
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def set_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Make this the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group['lr'] = learning_rate
