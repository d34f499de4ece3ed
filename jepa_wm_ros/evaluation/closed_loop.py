"""Closed-loop evaluation without ROS: a policy and the simulated cell in lockstep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from jepa_wm_ros.evaluation.episodes import draw_appearances, draw_episode
from jepa_wm_ros.evaluation.records import EpisodeRecord, StepRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from jepa_wm_ros.evaluation.episodes import EpisodeDraw, EpisodeSettings
    from jepa_wm_ros.evaluation.policies import Decision, EpisodePolicy
    from jepa_wm_ros.robot.observation import Observation
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.sim.appearance import Appearance


class Environment(Protocol):
    """What an episode needs of the simulated cell."""

    @property
    def flange_pose(self) -> Pose:
        """True pose of the flange in the base frame."""
        ...

    def reset(
        self,
        position: ArrayLike | None = None,
        *,
        rng: np.random.Generator,
        appearance: Appearance | None = None,
    ) -> Observation:
        """Put the flange to `(3,)` [m] and change the looks."""
        ...

    def step(self, action: NDArray[np.float64]) -> Observation:
        """Execute one action `(7,)` and settle."""
        ...

    def picture_at(self, position: ArrayLike) -> NDArray[np.uint8]:
        """Return what the camera would see with the flange at `(3,)` [m]."""
        ...


def play_episode(
    environment: Environment,
    policy: EpisodePolicy,
    settings: EpisodeSettings,
    draw: EpisodeDraw,
) -> EpisodeRecord:
    """Play one episode to its last step.

    Args:
        environment: The cell.
        policy: Who acts; sees the goal as a picture only.
        settings: Steps and looks.
        draw: Start and goal.

    Returns:
        What happened.
    """
    rng = draw.generator('environment')
    scene, goal_looks = draw_appearances(settings, draw)
    picture = None
    if policy.looks:
        environment.reset(draw.start, rng=rng, appearance=goal_looks)
        picture = environment.picture_at(draw.goal)
    observation = environment.reset(draw.start, rng=rng, appearance=scene)
    policy.begin(picture, draw.generator('policy'))
    start_distance_m = _distance(environment, draw.goal)
    steps = []
    for _ in range(settings.steps):
        decision = policy.act(observation)
        observation = environment.step(decision.action)
        steps.append(_record(decision, _distance(environment, draw.goal)))
    return EpisodeRecord(
        index=draw.index,
        start=tuple(draw.start.tolist()),
        goal=tuple(draw.goal.tolist()),
        start_distance_m=start_distance_m,
        steps=tuple(steps),
    )


def run_closed_loop(
    environment: Environment,
    policy: EpisodePolicy,
    settings: EpisodeSettings,
    indices: Iterable[int] | None = None,
) -> Iterator[EpisodeRecord]:
    """Play episodes one after the other; stop whenever enough have come.

    Args:
        environment: The cell.
        policy: Who acts.
        settings: What the episodes are.
        indices: Which of them; all of the settings' by default.

    Yields:
        Each episode as it ends.
    """
    for index in range(settings.episodes) if indices is None else indices:
        yield play_episode(environment, policy, settings, draw_episode(settings, index))


def _distance(environment: Environment, goal: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(environment.flange_pose.position - goal))


def _record(decision: Decision, distance_m: float) -> StepRecord:
    plan = decision.plan
    return StepRecord(
        action=tuple(float(value) for value in decision.action),
        distance_m=distance_m,
        cost=decision.cost,
        plan_time_s=None if plan is None else plan.plan_time_s,
        encode_time_s=decision.encode_time_s,
        restarted=plan is not None and plan.restarted,
        deadline_hit=plan is not None and plan.deadline_hit,
    )
