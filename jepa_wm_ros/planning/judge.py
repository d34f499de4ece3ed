"""The cost function of one plan, which keeps what it saw of the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.planning.objective import action_penalty
from jepa_wm_ros.planning.stopwatch import Stopwatch

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.planning.objective import Objective
    from jepa_wm_ros.planning.space import ActionSpace
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a plan is made for.

    Attributes:
        context: The last W observed frames `(B, W, N, D)`.
        past_actions: `(B, W-1, A)`: what was executed between them.
        goal: `(B, N, D)`, or sets of goals `(B, G, N, D)`.
    """

    context: Latent
    past_actions: Tensor
    goal: Latent


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Some candidates, the cheapest first, and what the model expects of them.

    Attributes:
        actions: `(B, K, H, A)`.
        costs: `(B, K)`.
        predicted: `(B, K, H, N, D)`.
    """

    actions: Tensor
    costs: Tensor
    predicted: Latent


class Judge:
    """Rolls candidates out and compares what comes of them with the goal.

    Doing nothing is judged with the first candidates, and costs no roll-out of its own.
    """

    def __init__(
        self,
        model: WorldModel,
        objective: Objective,
        question: Question,
        space: ActionSpace,
        *,
        action_weight: float = 0.0,
        chunk: int = 0,
        elites: int = 0,
    ) -> None:
        """Prepare to judge.

        Args:
            model: Predicts.
            objective: Compares.
            question: What the plan is for.
            space: The actions that are judged.
            action_weight: What moving costs; see `action_penalty`.
            chunk: Most candidates in one roll-out; 0: all at once.
            elites: Candidates of each call whose latents are kept until the next one.
        """
        self._model, self._objective, self._question = model, objective, question
        self._space, self._weight = space, action_weight
        self._half_range = space.half_range
        self._chunk, self._keep = chunk, max(elites, 1)
        self.watch = Stopwatch(question.context.tokens.device)
        self.still_cost: Tensor | None = None
        self.elites: Judgement | None = None
        self._single: Judgement | None = None

    def __call__(self, candidates: Tensor) -> Tensor:
        """Return the costs `(B, S)` of candidates `(B, S, H, A)`."""
        count = candidates.shape[1]
        first = self.still_cost is None
        if first:
            still = self._space.project(torch.zeros_like(candidates[:, :1]))
            candidates = torch.cat([candidates, still], 1)
        costs: list[Tensor] = []
        elites: list[Judgement] = []
        for chunk in candidates.split(self._chunk or count + 1, 1):
            predicted = self._rollout(chunk)
            costs.append(self._compare(chunk, predicted))
            solvers = min(chunk.shape[1], count - sum(part.shape[1] for part in costs[:-1]))
            if solvers:
                elites.append(self._cheapest(chunk[:, :solvers], costs[-1], predicted))
        self._note(elites, count)
        total = torch.cat(costs, 1)
        if first:
            self.still_cost = total[:, -1].detach()
        return total[:, :count]

    def predicted(self, actions: Tensor) -> Latent:
        """Return what the model expects of actions `(B, H, A)`: `(B, H, N, D)`."""
        for seen in (self._single, self.elites):
            if seen is not None and torch.equal(seen.actions[:, 0], actions):
                return seen.predicted.map(lambda part: part[:, 0])
        return self._rollout(actions[:, None]).map(lambda part: part[:, 0])

    def _rollout(self, candidates: Tensor) -> Latent:
        with self.watch.part('rollout'):
            question = self._question
            return self._model.rollout(question.context, question.past_actions, candidates)

    def _compare(self, candidates: Tensor, predicted: Latent) -> Tensor:
        with self.watch.part('objective'):
            costs = self._objective(predicted, self._question.goal)
            if self._weight:
                costs = costs + self._weight * action_penalty(candidates, self._half_range)
            return costs

    def _cheapest(self, candidates: Tensor, costs: Tensor, predicted: Latent) -> Judgement:
        """Return the elites of some candidates, whose costs and latents may go on behind them."""
        count = candidates.shape[1]
        best, index = costs[:, :count].detach().topk(min(self._keep, count), 1, largest=False)

        def chosen(part: Tensor) -> Tensor:
            wide = index.view(*index.shape, *(1,) * (part.dim() - 2))
            return part.detach().gather(1, wide.expand(-1, -1, *part.shape[2:]))

        return Judgement(actions=chosen(candidates), costs=best, predicted=predicted.map(chosen))

    def _note(self, parts: list[Judgement], count: int) -> None:
        """Keep the elites of all chunks: of the last call with several candidates, or with one."""
        whole = parts[0] if len(parts) == 1 else self._merged(parts)
        if count == 1:
            self._single = whole
        else:
            self.elites = whole

    def _merged(self, parts: list[Judgement]) -> Judgement:
        first = parts[0].predicted
        proprio = [part.predicted.proprio for part in parts if part.predicted.proprio is not None]
        predicted = type(first)(
            torch.cat([part.predicted.tokens for part in parts], 1),
            torch.cat(proprio, 1) if proprio else None,
        )
        actions, costs = (
            torch.cat([getattr(part, name) for part in parts], 1) for name in ('actions', 'costs')
        )
        return self._cheapest(actions, costs, predicted)
