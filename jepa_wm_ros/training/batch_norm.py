"""BatchNorm over the batch of all processes, on any device (torch's own needs GPUs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from jepa_wm_ros.training.team import ALONE

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.team import Team


class SharedBatchNorm(nn.BatchNorm1d):
    """A `BatchNorm1d` whose statistics in training are those of all processes' rows.

    Every process must have as many rows.
    """

    team: Team = ALONE

    def forward(self, input: Tensor) -> Tensor:
        """Normalise rows `(B, C)`."""
        if not self.training or self.team.size == 1:
            return super().forward(input)
        rows = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = self.team.mean(rows.mean(0))
        variance = self.team.mean((rows - mean).square().mean(0))
        self._remember(mean.detach(), variance.detach(), len(rows) * self.team.size)
        normalised = (rows - mean) * (variance + self.eps).rsqrt()
        if self.affine:
            normalised = torch.addcmul(self.bias, normalised, self.weight)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        momentum = self.momentum or 0.0
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), momentum)


def share_statistics(model: nn.Module, team: Team) -> None:
    """Make every `BatchNorm1d` of a model a `SharedBatchNorm`; weights and names stay."""
    for module in model.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = SharedBatchNorm
            cast('SharedBatchNorm', module).team = team
