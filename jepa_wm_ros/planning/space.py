"""Which actions may be planned: a box, balls within it, and fields that are pinned."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.balls import onto_box_and_ball

if TYPE_CHECKING:
    from torch import Tensor


_TENSORS = ('lower', 'upper', 'pinned', 'values', 'dead_zone')


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """A limit of several fields together, around 0.

    Attributes:
        index: `(G,)` positions of the fields within an action.
        norm: `l1` or `l2`.
        radius: In the fields' unit.
    """

    index: Tensor
    norm: str
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpace:
    """The actions `(..., H, A)` that a solver may propose, in physical units.

    Attributes:
        lower: `(A,)` bounds of each field.
        upper: `(A,)`.
        balls: Limits within the box, on fields that do not overlap.
        pinned: `(H, A)` booleans: what has a given value, whatever the bounds; None for nothing.
        values: `(H, A)` those values, or None.
        dead_zone: `(A,)` planned values smaller than this become 0; None for no such zone.
    """

    lower: Tensor
    upper: Tensor
    balls: tuple[Ball, ...] = ()
    pinned: Tensor | None = None
    values: Tensor | None = None
    dead_zone: Tensor | None = None

    @property
    def half_range(self) -> Tensor:
        """Half the range `(A,)` of each field."""
        return (self.upper - self.lower) / 2

    @property
    def scale(self) -> Tensor:
        """What a step of a gradient is measured by, `(A,)`: one number for a ball's fields."""
        scale = self.half_range
        for ball in self.balls:
            scale = scale.index_fill(0, ball.index, float(scale[ball.index].max()))
        return scale

    def project(self, actions: Tensor) -> Tensor:
        """Return the nearest allowed actions."""
        allowed = torch.minimum(torch.maximum(actions, self.lower), self.upper)
        for ball in self.balls:
            index = ball.index
            near = onto_box_and_ball(
                actions[..., index], self.lower[index], self.upper[index], ball.norm, ball.radius
            )
            allowed = allowed.index_copy(-1, index, near)
        if self.pinned is not None and self.values is not None:
            allowed = torch.where(self.pinned, self.values, allowed)
        return allowed

    def settle(self, actions: Tensor) -> Tensor:
        """Return allowed actions without those that are too small to be meant."""
        allowed = self.project(actions)
        if self.dead_zone is None:
            return allowed
        return torch.where(allowed.abs() < self.dead_zone, 0.0, allowed)

    def to(self, device: torch.device | str) -> ActionSpace:
        """Return the space on a device."""
        moved = {
            name: value.to(device)
            for name, value in ((n, getattr(self, n)) for n in _TENSORS)
            if value is not None
        }
        balls = tuple(dataclasses.replace(b, index=b.index.to(device)) for b in self.balls)
        return dataclasses.replace(self, balls=balls, **moved)
