"""Model-predictive control in latent space: plan, execute a little, look again."""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.expectation import Expectation
from jepa_wm_ros.planning.judge import Judge, Question
from jepa_wm_ros.planning.objectives import make_objective
from jepa_wm_ros.planning.plan import Plan
from jepa_wm_ros.planning.progress import Progress
from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.rules import make_rules
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.stopwatch import monotonic
from jepa_wm_ros.planning.surprise import SurpriseMonitor
from jepa_wm_ros.planning.window import ContextWindow

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.planning.solver import Solution, Solver
    from jepa_wm_ros.planning.space import ActionSpace
    from jepa_wm_ros.planning.surprise import Surprise
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AT_BOUND = 0.05
"""An action this near to a bound, as a part of the range, counts as saturated."""


class Policy:
    """Receding-horizon planning for one robot and one goal at a time.

    What it keeps between plans: the previous solution (warm start), the last observations and
    executed actions (context), the record of distances (to notice that they have stopped
    falling), and what the model expects next (to be surprised). `reset` forgets all but what is
    usual for prediction errors; another goal makes it forget what belongs to the old one.

    Attributes:
        question: What the last plan was made for; None without one.
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

        Raises:
            ActionSpaceError: The settings do not fit the model's actions.
            SolverError: The solver needs a package that is not installed.
            HeadError: A learned head is missing, damaged or belongs to other weights.
        """
        self.model = model
        self.settings = settings or model.contract.planning
        self._seed = seed
        self._given = objective, solver
        self._interrupted = threading.Event()
        self._prepare(torch.device('cpu'))
        self._window = ContextWindow(model.contract.context, model.contract.action.dim)
        self._progress = Progress(self.settings.stall_steps, self.settings.reached_cost)
        self._monitor = SurpriseMonitor(
            self.settings.surprise_window, self.settings.surprise_threshold
        )
        self.reset()

    def _prepare(self, device: torch.device) -> None:
        """Put everything that plans touch on a device."""
        contract = self.model.contract
        objective, solver = self._given
        rules = make_rules(contract.action, self.settings, device)
        self._device, self._space = device, rules.space
        std = torch.tensor(contract.action.tiled(self.settings.initial_std), device=device)
        self._initial_std = std * rules.space.half_range
        self.solver = solver or make_solver(rules)
        self.objective = objective or make_objective(self.settings, contract, device)

    def reset(self) -> None:
        """Forget plans, observations and goal, and begin the randomness anew."""
        self._interrupted.clear()
        self._generator = torch.Generator().manual_seed(self._seed)
        self._goal: tuple[Latent, Latent] | None = None
        self.question: Question | None = None
        self._expectation: Expectation | None = None
        self._window.clear()
        self.surprise: Surprise | None = None
        self._forget_plan()

    def interrupt(self) -> None:
        """End the search under way, and later ones, after an iteration; from any thread.

        For when nobody waits for the plan any more; `reset` takes it back.
        """
        self._interrupted.set()

    def _forget_plan(self) -> None:
        self._warm: Tensor | None = None
        self._seeds: Tensor | None = None
        self._progress.reset()

    def executed(self, action: NDArray[np.float64]) -> None:
        """Take note of one executed action `(A,)`, physical units.

        The warm start moves on by one step for each; context and surprise use it, too.
        """
        if not np.isfinite(action).all():
            raise ValueError('an executed action must be finite')
        done = torch.as_tensor(action, dtype=torch.float32, device=self._device)
        self._window.executed(done)
        if self._expectation is not None:
            self._expectation.executed.append(done)
        self._shift()

    def passed(self, steps: int) -> None:
        """Take note that steps passed while the arm moved on, not one after a look each.

        The warm start moves on with them; there is nothing to be surprised about.
        """
        self._expectation = None
        for _ in range(steps):
            self._shift()

    def _shift(self) -> None:
        if self._warm is not None:
            self._warm = _shifted(self._warm)
        if self._seeds is not None:
            self._seeds = _shifted(self._seeds)

    @torch.inference_mode()
    def observe(self, latent: Latent) -> Surprise | None:
        """Take note of an observation, tokens `(1, N, D)`; `plan` does so by itself.

        Where several steps are executed between plans, a look after each of them keeps the
        context complete and the surprise current.

        Returns:
            What the last executed step showed, or None without one.
        """
        if latent.tokens.device != self._device:
            self._prepare(latent.tokens.device)
        if self._expectation is not None:
            error = self._expectation.error(self.model, latent)
            if error is not None:
                self.surprise = self._monitor.update(error)
        self._window.observed(_kept(latent))
        self._expectation = Expectation(*self._window.context())
        return self.surprise

    @torch.inference_mode()
    def plan(self, latent: Latent, goal: Latent, deadline_s: float | None = None) -> Plan:
        """Plan from an observation to a goal.

        Args:
            latent: The observation, tokens `(1, N, D)`.
            goal: The goal, tokens `(1, N, D)`, or a set of goals `(1, G, N, D)`.
            deadline_s: Wall-clock time for this plan [s]; the settings' own by default.

        Returns:
            The plan, in physical units and within the bounds of the contract.
        """
        started = time.perf_counter()
        limit = self.settings.deadline_s if deadline_s is None else deadline_s
        self.observe(latent)
        target = self._aim(goal)
        distance = float(self.objective.distance(latent, target)[0])
        restarted = self._progress.stalls(distance)
        if restarted:
            self._warm = self._seeds = None
        with torch.inference_mode(False):  # a gradient solver differentiates through these
            context, past = self._window.context()
        self.question = Question(context=context, past_actions=past, goal=target)
        judge = self.judge(self.question)
        solution = self.solver.solve(
            judge,
            self._distribution(distance, restarted),
            self._budget(started + limit),
            self._generator,
        )
        self._settle(solution, judge)
        if self.settings.warm_start:
            self._warm, self._seeds = solution.actions, solution.seeds
        predicted = judge.predicted(solution.actions)
        self._expectation = Expectation(context, past, solution.actions[0], predicted)
        return self._written(solution, judge, predicted, distance, restarted, started)

    def _aim(self, goal: Latent) -> Latent:
        """Return the goal as solvers need it; another goal makes the last plan worthless."""
        if self._goal is not None:
            given, kept = self._goal
            if given is goal or torch.equal(kept.tokens, goal.tokens):
                return kept
            self._forget_plan()
        self._goal = goal, _kept(goal)
        return self._goal[1]

    @property
    def space(self) -> ActionSpace:
        """Which actions may be planned."""
        return self._space

    def judge(self, question: Question) -> Judge:
        """Return the cost function of a plan; another thread may use one of its own."""
        return Judge(
            self.model,
            self.objective,
            question,
            self._space,
            action_weight=self.settings.action_weight,
            chunk=self.settings.chunk,
            elites=self.settings.evidence_elites,
        )

    def _budget(self, deadline: float) -> Budget:
        return Budget(
            self.settings.iterations,
            deadline if math.isfinite(deadline) else None,  # no clock: nothing to wait for
            partial(monotonic, self._device),
            self.settings.patience,
            self._interrupted.is_set,
        )

    def _distribution(self, distance: float, restarted: bool) -> ActionDistribution:
        settings, space = self.settings, self._space
        shape = (1, settings.horizon, len(space.lower))
        spread = settings.spread_gain * max(distance, 0.0) ** 0.5
        spread = min(max(spread, settings.spread_floor), 1.0)
        std = (self._initial_std * (1.0 if restarted else spread)).expand(shape).clone()
        if space.pinned is not None:
            std[:, space.pinned] = 0.0
        mean = self._warm
        if mean is None:
            centre = (space.lower + space.upper) / 2
            mean = (centre if settings.initial_mean == 'centre' else 0 * centre).expand(shape)
        return ActionDistribution(
            mean=space.project(mean), std=std, space=space, seeds=self._seeds
        )

    def _settle(self, solution: Solution, judge: Judge) -> None:
        """Take back what is too small to be meant, and judge what is left."""
        if self._space.dead_zone is None:
            return
        solution.actions = self._space.settle(solution.actions)
        solution.cost = judge(solution.actions[:, None])[:, 0]

    def _written(
        self,
        solution: Solution,
        judge: Judge,
        predicted: Latent,
        distance: float,
        restarted: bool,
        started: float,
    ) -> Plan:
        """Write the plan down with its evidence."""
        best, elite_mean, elite_std = solution.trace()
        actions = solution.actions[0].double().cpu().numpy()
        still, elites = judge.still_cost, judge.elites
        rollout_s, objective_s = (judge.watch.seconds(name) for name in ('rollout', 'objective'))
        plan_s = time.perf_counter() - started
        return Plan(
            actions=actions,
            execute_steps=self.settings.executed_steps,
            cost=float(solution.cost[0]),
            cost_now=distance,
            cost_noop=float('nan') if still is None else float(still[0]),
            iterations=len(best),
            plan_time_s=plan_s,
            deadline_hit=solution.deadline_hit,
            restarted=restarted,
            saturation=self._saturation(actions),
            stopped=solution.stopped,
            context_frames=self._window.frames,
            best_per_iteration=best,
            elite_mean_per_iteration=elite_mean,
            elite_std_per_iteration=elite_std,
            predicted=predicted.map(lambda part: part[0]),
            elites=None if elites is None else elites.actions[0].double().cpu().numpy(),
            elite_costs=[] if elites is None else elites.costs[0].tolist(),
            elite_predicted=None if elites is None else elites.predicted.map(lambda p: p[0]),
            rollout_time_s=rollout_s,
            objective_time_s=objective_s,
            solver_time_s=plan_s - rollout_s - objective_s,
            surprise=self.surprise,
        )

    def _saturation(self, actions: NDArray[np.float64]) -> float:
        """Return the part of the numbers `(H, A)` that lie at a bound of a free field."""
        lower, upper = self._space.lower.cpu().numpy(), self._space.upper.cpu().numpy()
        free = upper > lower
        if not free.any():
            return 0.0
        margin = AT_BOUND * (upper - lower)
        at_bound = (actions <= lower + margin) | (actions >= upper - margin)
        return float(at_bound[:, free].mean())


def _kept(latent: Latent) -> Latent:
    """Return a copy that a gradient solver may differentiate through, whatever made it."""
    with torch.inference_mode(False):
        return latent.map(torch.clone)


def _shifted(actions: Tensor) -> Tensor:
    """Move action sequences `(..., H, A)` on by one step, with nothing at their end."""
    return torch.cat([actions[..., 1:, :], torch.zeros_like(actions[..., :1, :])], -2)
