"""Model-predictive control in latent space: plan, execute a little, look again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.objective import GoalDistance, action_penalty
from jepa_wm_ros.planning.plan import Plan
from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.solver import Budget

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.planning.solver import Solution, Solver
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AT_BOUND = 0.05
"""An action this near to a bound, as a part of the range, counts as saturated."""
STALL_FALL = 0.97
"""A latent distance counts as falling when it drops below this part of the best one so far."""


class Policy:
    """Receding-horizon planning for one robot and one goal at a time.

    The state between plans is the previous solution (warm start) and the record of distances
    (to notice that they have stopped falling); `reset` forgets both.
    """

    def __init__(
        self,
        model: WorldModel,
        settings: PlanningSettings | None = None,
        seed: int = 0,
        objective: Objective | None = None,
        solver: Solver | None = None,
    ) -> None:
        """Prepare to plan.

        Args:
            model: The world model.
            settings: Planning settings; the bundle's own by default.
            seed: Seed of the sampling; the same seed and inputs give the same plans.
            objective: Judges candidates; made from the settings by default.
            solver: Searches; made from the settings by default.
        """
        self.model = model
        self.settings = settings or model.contract.planning
        action = model.contract.action
        self._lower = torch.tensor(action.lower)
        self._upper = torch.tensor(action.upper)
        self._half_range = (self._upper - self._lower) / 2
        self._initial_std = torch.tensor(self.settings.initial_std) * self._half_range
        self.objective = objective or GoalDistance(
            distance_name=self.settings.distance,
            reduction=self.settings.reduction,
            proprio_weight=self.settings.proprio_weight,
        )
        self.solver = solver or make_solver(self.settings, self._lower, self._upper)
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Forget the previous plan and goal."""
        self._generator = torch.Generator().manual_seed(self._seed)
        self._warm: Tensor | None = None
        self._seeds: Tensor | None = None
        self._best_distance = float('inf')
        self._stalled = 0

    def executed(self, action: NDArray[np.float64]) -> None:
        """Take note of one executed action `(A,)`.

        The shipped model looks at one frame and needs no past actions; the warm start moves on by
        one step for each executed one.
        """
        if not np.isfinite(action).all():
            raise ValueError('an executed action must be finite')
        if self._warm is not None:
            self._warm = _shifted(self._warm)
        if self._seeds is not None:
            self._seeds = _shifted(self._seeds)

    @torch.inference_mode()
    def plan(self, latent: Latent, goal: Latent, deadline_s: float | None = None) -> Plan:
        """Plan from an observation to a goal.

        Args:
            latent: The observation, tokens `(1, N, D)`.
            goal: The goal, tokens `(1, N, D)`.
            deadline_s: Wall-clock time for this plan [s]; the settings' own by default.

        Returns:
            The plan, in physical units and within the bounds of the contract.
        """
        started = time.perf_counter()
        limit = self.settings.deadline_s if deadline_s is None else deadline_s
        distance = float(self.objective.distance(latent, goal)[0])
        restarted = self._note_progress(distance)
        with torch.inference_mode(False):  # a gradient solver differentiates through these
            context = latent.map(lambda part: part.clone()[:, None])
            past = torch.zeros(1, 0, len(self._lower))
            goal = goal.map(torch.clone)

        def cost(candidates: Tensor) -> Tensor:
            costs = self.objective(self.model.rollout(context, past, candidates), goal)
            weight = self.settings.action_weight
            return (
                costs + weight * action_penalty(candidates, self._half_range) if weight else costs
            )

        solution = self.solver.solve(
            cost,
            self._distribution(distance, restarted),
            Budget(self.settings.iterations, started + limit),
            self._generator,
        )
        if self.settings.warm_start:
            self._warm, self._seeds = solution.actions, solution.seeds
        still = torch.zeros_like(solution.actions)
        both = self.model.rollout(context, past, torch.stack([solution.actions, still], 1))
        return Plan(
            actions=solution.actions[0].double().numpy(),
            execute_steps=self.settings.executed_steps,
            cost=float(solution.cost[0]),
            cost_now=distance,
            cost_noop=float(self.objective(both, goal)[0, 1]),
            iterations=len(solution.best),
            plan_time_s=time.perf_counter() - started,
            deadline_hit=solution.deadline_hit,
            restarted=restarted,
            saturation=self._saturation(solution),
            best_per_iteration=solution.best,
            elite_mean_per_iteration=solution.elite_mean,
            elite_std_per_iteration=solution.elite_std,
            predicted=both.map(lambda part: part[0, 0]),
        )

    def _note_progress(self, distance: float) -> bool:
        """Return whether to start afresh: far from the goal, and no nearer for some steps."""
        if distance < STALL_FALL * self._best_distance:
            self._best_distance, self._stalled = distance, 0
            return False
        self._stalled += 1
        if self._stalled < self.settings.stall_steps or distance <= self.settings.reached_cost:
            return False
        self._best_distance, self._stalled = distance, 0
        self._warm = self._seeds = None
        return True

    def _distribution(self, distance: float, restarted: bool) -> ActionDistribution:
        shape = (1, self.settings.horizon, len(self._lower))
        spread = min(
            max(self.settings.spread_gain * distance**0.5, self.settings.spread_floor), 1.0
        )
        std = self._initial_std * (1.0 if restarted else spread)
        mean = torch.zeros(shape) if self._warm is None else self._warm
        return ActionDistribution(
            mean=torch.minimum(torch.maximum(mean, self._lower), self._upper),
            std=std.expand(shape).clone(),
            lower=self._lower,
            upper=self._upper,
            seeds=self._seeds,
        )

    def _saturation(self, solution: Solution) -> float:
        free = self._upper > self._lower
        actions = solution.actions[..., free]
        margin = AT_BOUND * (self._upper - self._lower)[free]
        low, high = self._lower[free] + margin, self._upper[free] - margin
        at_bound = (actions <= low) | (actions >= high)
        return float(at_bound.float().mean())


def _shifted(actions: Tensor) -> Tensor:
    """Move action sequences `(..., H, A)` on by one step, with nothing at their end."""
    return torch.cat([actions[..., 1:, :], torch.zeros_like(actions[..., :1, :])], -2)
