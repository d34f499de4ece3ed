"""The distribution of action sequences that a solver draws from and refines."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.space import ActionSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDistribution:
    """Independent normal distributions, moved into a space of allowed actions `(B, H, A)`.

    Attributes:
        mean: `(B, H, A)`, physical units.
        std: `(B, H, A)`, physical units.
        space: What is allowed.
        seeds: `(B, K, H, A)` further candidates that are worth a try, such as the elites of the
            last plan; None for none.
        fixed: `(B, H, A)` booleans: where no solver may move anything; None fixes what has no
            deviation at the start of a search.
    """

    mean: Tensor
    std: Tensor
    space: ActionSpace
    seeds: Tensor | None = None
    fixed: Tensor | None = None

    @property
    def pinned(self) -> Tensor:
        """Where no solver may move anything, `(B, H, A)` booleans."""
        return self.std == 0 if self.fixed is None else self.fixed

    def place(self, noise: Tensor) -> Tensor:
        """Return the allowed action sequences that `noise` `(B, S, H, A)` stands for."""
        noise = noise.to(self.mean.device, self.mean.dtype)
        return self.clip(self.mean[:, None] + self.std[:, None] * noise)

    def clip(self, actions: Tensor) -> Tensor:
        """Return the nearest allowed actions."""
        return self.space.project(actions)

    def moved(self, mean: Tensor, std: Tensor) -> ActionDistribution:
        """Return the distribution with another mean and deviation; what is fixed stays."""
        fixed = self.pinned
        return dataclasses.replace(
            self,
            mean=torch.where(fixed, self.mean, mean.to(self.mean)),
            std=torch.where(fixed, self.std, std.to(self.std)),
            fixed=fixed,
        )
