"""One search for a plan that can be repeated: the same observation, goal and candidates."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.judge import Question
from jepa_wm_ros.planning.objectives import make_objective
from jepa_wm_ros.planning.registry import make_solver
from jepa_wm_ros.planning.rules import make_rules
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.worldmodel.reference_path import ENCODING_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from jepa_wm_ros.planning.rules import SearchRules
    from jepa_wm_ros.planning.solver import CostFunction
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search found.

    Attributes:
        actions: `(H, A)`, physical units: the mean of the last elites.
        first_costs: `(S,)`: costs of the candidates of the first iteration.
    """

    actions: Tensor
    first_costs: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture and the robot's state, ready for a model.

    Attributes:
        pixels: `(1, 1, 3, h, w)`.
        state: `(1, 1, P)`, or None for a model that takes none.
    """

    pixels: Tensor
    state: Tensor | None

    def encode(self, model: WorldModel) -> Latent:
        """Return its latent `(1, 1, N, D)`."""
        return model.encode(self.pixels, self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A planning problem with everything that a search needs but the model.

    Attributes:
        settings: Planning settings: those of the contract, by the cross-entropy method and with
            the numbers of candidates, steps and iterations that are measured.
        rules: The same, worked out for the actions.
        pictures: Observation and goal.
        question: The same, encoded.
        seed: Of the candidates.
        share: Turns a cost function into one that shares candidates out, or leaves it.
    """

    settings: PlanningSettings
    rules: SearchRules
    pictures: tuple[Picture, Picture]
    question: Question
    seed: int
    share: Callable[[CostFunction], CostFunction]

    def run(self, model: WorldModel, extra: bool = False) -> Outcome:
        """Search once; the mean of the last elites is judged, too.

        Args:
            model: Predicts.
            extra: Whether to do what published planners do besides: roll the mean out in every
                iteration, for the log; encode the pictures in every iteration, where the family
                does so.
        """
        objective = make_objective(self.settings, model.contract)
        seen: list[Tensor] = []

        def cost(candidates: Tensor) -> Tensor:
            if extra and candidates.shape[1] > 1:
                self._repeat(model, candidates[:, :1], first=not seen)
            return objective(self.predict(model, candidates), self.question.goal)

        def kept(candidates: Tensor) -> Tensor:
            seen.append(shared(candidates))
            return seen[-1]

        shared = self.share(cost)
        solution = make_solver(self.rules).solve(
            kept,
            self.distribution(model),
            Budget(self.settings.iterations),
            torch.Generator().manual_seed(self.seed),
        )
        return Outcome(actions=solution.actions[0], first_costs=seen[0][0])

    def predict(self, model: WorldModel, candidates: Tensor) -> Latent:
        """Return what a model expects of candidates `(1, S, H, A)`."""
        question = self.question
        return model.rollout(question.context, question.past_actions, candidates)

    def _repeat(self, model: WorldModel, mean: Tensor, first: bool) -> None:
        if model.contract.family in ENCODING_AGAIN:
            for picture in self.pictures:
                picture.encode(model)
        if not first:
            self.predict(model, mean)

    def distribution(self, model: WorldModel) -> ActionDistribution:
        """Return what the first candidates are drawn from, as a policy begins without a past."""
        space = self.rules.space
        std = torch.tensor(model.contract.action.tiled(self.settings.initial_std)).to(space.lower)
        centre = (space.lower + space.upper) / 2
        mean = centre if self.settings.initial_mean == 'centre' else 0 * centre
        shape = (1, self.settings.horizon, len(centre))
        return ActionDistribution(
            mean=space.project(mean.expand(shape)),
            std=(std * space.half_range).expand(shape).clone(),
            space=space,
        )


def make_search(
    model: WorldModel,
    *,
    candidates: int,
    horizon: int,
    iterations: int,
    seed: int,
    device: torch.device,
    share: Callable[[CostFunction], CostFunction] = lambda cost: cost,
) -> Search:
    """Make a search from one random picture to another.

    Args:
        model: Encodes the pictures.
        candidates: Candidates of each iteration.
        horizon: Steps that a candidate looks ahead.
        iterations: Iterations.
        seed: Of pictures and candidates.
        device: Where the model is.
        share: See `Search`.
    """
    planning = model.contract.planning
    settings = dataclasses.replace(
        planning,
        solver='cem',
        samples=candidates,
        iterations=iterations,
        horizon=horizon,
        elites=min(planning.elites, candidates // 2),
        executed_steps=1,
        result='mean',
        stop_std=0.0,
        action_weight=0.0,
    )
    here, goal = (_picture(model.contract, seed + i, device) for i in range(2))
    past = torch.zeros(1, 0, model.contract.action.dim, device=device)
    return Search(
        settings=settings,
        rules=make_rules(model.contract.action, settings, device),
        pictures=(here, goal),
        question=Question(
            context=here.encode(model), past_actions=past, goal=goal.encode(model).frame(0)
        ),
        seed=seed,
        share=share,
    )


def _picture(contract: Contract, seed: int, device: torch.device) -> Picture:
    """Return noise, and a state near the usual one."""
    generator = torch.Generator().manual_seed(seed)
    camera, proprio = contract.camera, contract.proprio
    side = camera.second_size
    size = (side, side) if side else (camera.height, camera.width)
    pixels = torch.randn(1, 1, 3, *size, generator=generator).to(device)
    if not proprio.fields:
        return Picture(pixels=pixels, state=None)
    noise = torch.randn(len(proprio.fields), generator=generator)
    state = torch.tensor(proprio.mean) + 0.1 * torch.tensor(proprio.std) * noise
    return Picture(pixels=pixels, state=state.view(1, 1, -1).to(device))
