"""The way to a goal as the model imagines it, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.planning.solver import SolverError
from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.planning.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One goal picture of a preview.

    Attributes:
        latent: What the encoder makes of it, tokens `(1, N, D)`.
        max_steps: Most steps to imagine.
        reached_cost: Latent distance up to which it counts as reached.
    """

    latent: Latent
    max_steps: int
    reached_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """Plans in a row, each from where the model expects the one before to end.

    Attributes:
        actions: `(n, A)` in physical units.
        predicted: Latents `(n, N, D)` that the model expects after each of them.
        costs: Latent distance `(n,)` from the goal picture under way after each of them.
        subgoals: Number `(n,)` of the goal picture that each action serves.
        cost_now: Latent distance of the observation from the first goal picture.
        reached: For each goal picture, whether the imagination gets there.
    """

    actions: NDArray[np.float64]
    predicted: Latent
    costs: tuple[float, ...]
    subgoals: tuple[int, ...]
    cost_now: float
    reached: tuple[bool, ...]


def imagine(policy: Policy, latent: Latent, wishes: Sequence[Wish]) -> Imagined:
    """Plan all the way to goal pictures without looking in between.

    Errors of the model add up on the way: the farther, the less it is worth.

    Args:
        policy: Plans; it is reset before and after.
        latent: The observation, tokens `(1, N, D)`.
        wishes: Goal pictures in order, at least one.

    Raises:
        SolverError: A plan is not finite.
    """
    trail = _Trail(policy, latent)
    cost_now = trail.cost(wishes[0])
    reached = tuple(trail.follow(wish, number) for number, wish in enumerate(wishes))
    policy.reset()
    return Imagined(
        actions=np.array(trail.actions).reshape(-1, policy.model.contract.action.dim),
        predicted=_joined(trail.frames, latent),
        costs=tuple(trail.costs),
        subgoals=tuple(trail.subgoals),
        cost_now=cost_now,
        reached=reached,
    )


@dataclass(slots=True)
class _Trail:
    """The imagined way so far."""

    policy: Policy
    latent: Latent
    actions: list[NDArray[np.float64]] = field(default_factory=list)
    frames: list[Latent] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    subgoals: list[int] = field(default_factory=list)

    def cost(self, wish: Wish) -> float:
        """Return the latent distance of where the way ends from a goal picture."""
        return float(self.policy.objective.distance(self.latent, wish.latent)[0])

    def follow(self, wish: Wish, number: int) -> bool:
        """Go on towards a goal picture; return whether it is reached."""
        self.policy.reset()
        left, cost = wish.max_steps, self.cost(wish)
        while left > 0 and cost > wish.reached_cost:
            plan = self.policy.plan(self.latent, wish.latent)
            if plan.predicted is None or not plan.finite:
                raise SolverError('an imagined plan is not finite')
            for action, frame in zip(plan.actions[:left], _frames(plan.predicted), strict=False):
                self.latent = frame
                cost = self.cost(wish)
                self._note(action, cost, number)
                left -= 1
                if cost <= wish.reached_cost:
                    break
        return cost <= wish.reached_cost

    def _note(self, action: NDArray[np.float64], cost: float, number: int) -> None:
        self.actions.append(action)
        self.frames.append(self.latent)
        self.costs.append(cost)
        self.subgoals.append(number)


def _frames(predicted: Latent) -> list[Latent]:
    """Split latents `(H, N, D)` into H latents `(1, N, D)`."""
    return [predicted.map(itemgetter(slice(i, i + 1))) for i in range(len(predicted.tokens))]


def _joined(frames: list[Latent], like: Latent) -> Latent:
    """Return latents `(1, N, D)` as one `(n, N, D)`."""
    if not frames:
        return like.map(itemgetter(slice(0)))
    proprio = [frame.proprio for frame in frames if frame.proprio is not None]
    return Latent(
        tokens=torch.cat([frame.tokens for frame in frames]),
        proprio=torch.cat(proprio) if proprio else None,
    )
