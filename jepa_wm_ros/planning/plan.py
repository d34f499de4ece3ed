"""A plan: what to do, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.planning.surprise import Surprise
    from jepa_wm_ros.worldmodel.latent import Latent


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The best actions found for one goal, with the evidence.

    Attributes:
        actions: `(H, A)` in physical units, the next step first.
        execute_steps: How many of them to execute before planning again.
        cost: Objective of the plan.
        cost_now: Latent distance of the observation from the goal.
        cost_noop: Objective of doing nothing for the whole horizon.
        iterations: Iterations done.
        plan_time_s: Wall-clock time of planning [s].
        deadline_hit: Whether time ran out before the iterations did.
        restarted: Whether the plan began afresh because the distance had stopped falling.
        saturation: Fraction of the planned numbers that lie at a bound.
        stopped: Why the search ended: `iterations`, `deadline`, `converged` or `no_gain`.
        context_frames: Observations that the plan was made from.
        best_per_iteration: Least cost of each iteration.
        elite_mean_per_iteration: Mean cost of its elites.
        elite_std_per_iteration: Their standard deviation.
        predicted: Latents `(H, N, D)` that the model expects along the plan.
        elites: The cheapest candidates `(K, H, A)` of the last iteration, the best one first.
        elite_costs: Their costs `(K,)`.
        elite_predicted: Latents `(K, H, N, D)` that the model expects along them.
        rollout_time_s: Part of the time that the model took [s].
        objective_time_s: Part that the objective took [s].
        solver_time_s: The rest [s].
        surprise: What the last executed step showed; None when there was none to compare with.
    """

    actions: NDArray[np.float64]
    execute_steps: int
    cost: float
    cost_now: float
    cost_noop: float
    iterations: int
    plan_time_s: float
    deadline_hit: bool
    restarted: bool
    saturation: float
    stopped: str = 'iterations'
    context_frames: int = 1
    best_per_iteration: list[float] = field(default_factory=list)
    elite_mean_per_iteration: list[float] = field(default_factory=list)
    elite_std_per_iteration: list[float] = field(default_factory=list)
    predicted: Latent | None = None
    elites: NDArray[np.float64] | None = None
    elite_costs: list[float] = field(default_factory=list)
    elite_predicted: Latent | None = None
    rollout_time_s: float = 0.0
    objective_time_s: float = 0.0
    solver_time_s: float = 0.0
    surprise: Surprise | None = None

    @property
    def finite(self) -> bool:
        """Whether all that matters for a motion is a number."""
        return bool(
            np.isfinite(self.actions).all() and np.isfinite([self.cost, self.cost_now]).all()
        )

    @property
    def worse_than_nothing(self) -> bool:
        """Whether the model expects less of the plan than of doing nothing.

        Always False where nothing is known of the latter (NaN).
        """
        return self.cost > self.cost_noop
