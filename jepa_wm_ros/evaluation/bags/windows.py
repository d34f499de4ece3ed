"""One window of a recording: what the model plans and expects, and what was done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from jepa_wm_ros.evaluation.bags.landscape import constant_grid, landscape
from jepa_wm_ros.evaluation.bags.result import Example
from jepa_wm_ros.evaluation.bags.thumbnails import as_picture, thumbnail
from jepa_wm_ros.planning.judge import Judge, Question
from jepa_wm_ros.planning.policy import Policy
from jepa_wm_ros.planning.rules import make_rules
from jepa_wm_ros.planning.window import ContextWindow
from jepa_wm_ros.worldmodel.heads.storage import device_of

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.tracks import Track
    from jepa_wm_ros.planning.plan import Plan
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """What one window showed; plain data for JSON.

    Attributes:
        piece: Number of the uninterrupted piece of the recording.
        frame: Number of the window's first frame in it.
        stamp_s: When that picture was taken, on the clock of the bag [s].
        offset_s: The same, since the recording's first picture [s].
        planned: `(H, 7)`.
        executed: `(H, 7)`.
        energy_planned: Cost of the planned actions.
        energy_executed: Cost of what was done.
        energy_noop: Cost of doing nothing.
        energy_grid: Least cost on the grid of constant translations.
        rank: Part of the random candidates that cost less than what was done; 0 is best.
        goal_distances: `(H+1,)` latent distances of the observations from the goal.
        rollout_error: `(H,)` mean squared error of predictions of the executed actions.
        copy_error: `(H,)` the same of taking the first latent as the prediction.
        plan_time_s: How long planning took [s].
        saturation: Part of the planned numbers at a bound.
    """

    piece: int
    frame: int
    stamp_s: float
    offset_s: float
    planned: list[list[float]]
    executed: list[list[float]]
    energy_planned: float
    energy_executed: float
    energy_noop: float
    energy_grid: float
    rank: float
    goal_distances: list[float]
    rollout_error: list[float]
    copy_error: list[float]
    plan_time_s: float
    saturation: float


class WindowJudge:
    """Asks a model about windows, each as if it were the first.

    Args:
        model: The world model.
        planning: How to plan; its horizon is that of the windows.
        settings: What to ask.
        decoder: Turns latents into pictures; None: examples have none.
    """

    def __init__(
        self,
        model: WorldModel,
        planning: PlanningSettings,
        settings: BagEvalSettings,
        decoder: Decoder | None = None,
    ) -> None:
        self._model, self._planning, self._settings = model, planning, settings
        self._decoder = decoder
        self._policy = Policy(model, planning, settings.seed)
        self._device = device_of(model)
        self._space = make_rules(model.contract.action, planning, self._device).space
        self._others = torch.cat([constant_grid(self._space, settings), self._drawn()])

    @torch.inference_mode()
    def record(self, track: Track, piece: int, frame: int, start_s: float) -> WindowRecord:
        """Judge the window that begins at a frame of a track."""
        horizon = self._settings.horizon
        done = track.actions[frame : frame + horizon]
        plan = self._plan(track, frame)  # first: it brings the policy to the model's device
        judge = self._judge(track, frame)
        costs = self._costs(judge, plan, done)
        grid = len(self._others) - self._settings.candidates
        candidates = costs[3 + grid :]
        rollout, copy = self._errors(judge, track, frame)
        return WindowRecord(
            piece=piece,
            frame=frame,
            stamp_s=float(track.stamps[frame]),
            offset_s=float(track.stamps[frame] - start_s),
            planned=plan.actions.tolist(),
            executed=done.tolist(),
            energy_planned=float(costs[0]),
            energy_executed=float(costs[1]),
            energy_noop=float(costs[2]),
            energy_grid=float(costs[3 : 3 + grid].min()),
            rank=float((candidates < costs[1]).float().mean()),
            goal_distances=self._distances(track, frame),
            rollout_error=rollout,
            copy_error=copy,
            plan_time_s=plan.plan_time_s,
            saturation=plan.saturation,
        )

    @torch.inference_mode()
    def example(self, track: Track, record: WindowRecord) -> Example:
        """Return what there is to see of a window."""
        judge, first = self._judge(track, record.frame), record.frame
        executed = np.array(record.executed)
        return Example(
            record=record,
            pictures=track.thumbnails[first : first + self._settings.horizon + 1],
            expected=self._decoded(judge, track.latents[first], executed),
            planned=self._decoded(judge, track.latents[first], np.array(record.planned)),
            landscape=landscape(judge, self._space, executed, self._settings),
        )

    def _decoded(self, judge: Judge, seen: Latent, actions: np.ndarray) -> list[bytes]:
        """JPEG files of an observation's latent, and of what is expected of actions."""
        if self._decoder is None:
            return []
        expected = judge.predicted(self._numbers(actions)[None])
        pictures = [self._decoder.decode(seen), *self._decoder.decode(expected)[0].split(1)]
        return [thumbnail(as_picture(picture[0])) for picture in pictures]

    def _drawn(self) -> Tensor:
        """Random candidates `(S, H, A)`, each action uniform within the bounds."""
        generator = torch.Generator().manual_seed(self._settings.seed)
        shape = (self._settings.candidates, self._settings.horizon, len(self._space.lower))
        part = torch.rand(shape, generator=generator).to(self._device)
        return self._space.project(
            self._space.lower + part * (self._space.upper - self._space.lower)
        )

    def _first(self, frame: int) -> int:
        """The first frame of the context of a window."""
        return max(0, frame - self._model.contract.context + 1)

    def _judge(self, track: Track, frame: int) -> Judge:
        window = ContextWindow(self._model.contract.context, self._model.contract.action.dim)
        for k in range(self._first(frame), frame):
            window.observed(track.latents[k])
            window.executed(self._numbers(track.actions[k]))
        window.observed(track.latents[frame])
        context, past = window.context()
        goal = track.goals[frame + self._settings.horizon]
        question = Question(context=context, past_actions=past, goal=goal)
        return Judge(
            self._model,
            self._policy.objective,
            question,
            self._space,
            action_weight=self._planning.action_weight,
            chunk=self._planning.chunk,
        )

    def _plan(self, track: Track, frame: int) -> Plan:
        """Plan without a deadline: the result must not depend on the machine's load."""
        self._policy.reset()
        for k in range(self._first(frame), frame):
            self._policy.observe(track.latents[k])
            self._policy.executed(track.actions[k])
        goal = track.goals[frame + self._settings.horizon]
        return self._policy.plan(track.latents[frame], goal, deadline_s=math.inf)

    def _costs(self, judge: Judge, plan: Plan, done: np.ndarray) -> Tensor:
        own = torch.stack([self._numbers(a) for a in (plan.actions, done, np.zeros(done.shape))])
        return judge(torch.cat([own, self._others])[None])[0]

    def _errors(self, judge: Judge, track: Track, frame: int) -> tuple[list[float], list[float]]:
        """Return the errors `(H,)` of the model and of copying the observation."""
        end = frame + self._settings.horizon
        expected = judge.predicted(self._numbers(track.actions[frame:end])[None]).tokens[0]
        seen = torch.cat([latent.tokens for latent in track.latents[frame + 1 : end + 1]])
        own, copied = (
            (part - seen).float().square().mean((-2, -1)).tolist()
            for part in (expected, track.latents[frame].tokens)
        )
        return own, copied

    def _numbers(self, actions: np.ndarray) -> Tensor:
        return _numbers(actions, self._device)

    def _distances(self, track: Track, frame: int) -> list[float]:
        end = frame + self._settings.horizon
        goal = track.goals[end]
        return [
            float(self._policy.objective.distance(latent, goal)[0])
            for latent in [*track.latents[frame:end], goal]
        ]


def step_errors(model: WorldModel, track: Track) -> list[float]:
    """Return the prediction error of each step of a track, `(T-1,)`: what surprise is made of."""
    window = ContextWindow(model.contract.context, model.contract.action.dim)
    errors, device = [], device_of(model)
    with torch.inference_mode():
        for k, action in enumerate(track.actions):
            window.observed(track.latents[k])
            context, past = window.context()
            done = _numbers(action, device)
            expected = model.rollout(context, past, done[None, None, None])
            errors.append(_squared(expected, track.latents[k + 1]))
            window.executed(done)
    return errors


def _squared(expected: Latent, seen: Latent) -> float:
    return float((expected.tokens[:, 0, -1] - seen.tokens).float().square().mean())


def _numbers(actions: np.ndarray, device: torch.device) -> Tensor:
    return torch.as_tensor(np.asarray(actions), dtype=torch.float32, device=device)
