"""One job of a study: train where that is wanted, play, and say what came of it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.closed_loop import run_closed_loop
from jepa_wm_ros.evaluation.players import Player
from jepa_wm_ros.evaluation.statistics import percentile
from jepa_wm_ros.evaluation.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.episodes import EpisodeSettings
    from jepa_wm_ros.evaluation.policies import Decision, EpisodePolicy
    from jepa_wm_ros.evaluation.records import EpisodeRecord
    from jepa_wm_ros.evaluation.studies.grid import Job
    from jepa_wm_ros.robot.observation import Observation
    from jepa_wm_ros.worldmodel.contract import Contract

    Tell = Callable[[str, int, int], None]


class TimedPolicy:
    """A policy, and how much processor time each of its looks took.

    Unlike time on the clock, that hardly depends on what else the machine does.
    """

    def __init__(self, policy: EpisodePolicy) -> None:
        """Watch a policy."""
        self._policy = policy
        self.cpu_s: list[float] = []

    @property
    def looks(self) -> bool:
        """Whether it needs pictures."""
        return self._policy.looks

    def begin(self, goal_picture: NDArray[np.uint8] | None, rng: np.random.Generator) -> None:
        """Start an episode."""
        self._policy.begin(goal_picture, rng)

    def act(self, observation: Observation) -> Decision:
        """Choose the next action."""
        began = time.process_time()
        decision = self._policy.act(observation)
        if decision.plan is not None:
            self.cpu_s.append(time.process_time() - began)
        return decision


def trained(job: Job, tell: Tell) -> None:
    """Train a job's bundle unless it is there; goes on from a checkpoint.

    Raises:
        JepaWmError: Data or recipe are wrong, or the training failed.
    """
    from jepa_wm_ros.data.episodes import read_episodes
    from jepa_wm_ros.training.features import can_cache
    from jepa_wm_ros.training.pipeline import CHECKPOINT_FILE, RunOptions, train
    from jepa_wm_ros.worldmodel.bundle import CONTRACT_FILE

    if job.recipe is None or job.data is None:
        return
    there = (job.model / CONTRACT_FILE).exists() and not (job.model / CHECKPOINT_FILE).exists()
    if there:
        return
    job.model.mkdir(parents=True, exist_ok=True)

    def report(done: int, total: int, note: str = '') -> None:
        tell('training', done, total)

    with (job.model / 'training.log').open('a', buffering=1) as log:
        train(
            job.recipe,
            read_episodes(job.data),
            job.model,
            report,
            lambda line: log.writelines([line, '\n']),
            RunOptions(cache_features=can_cache(job.recipe)),
        )


def played(job: Job, settings: EpisodeSettings, threads: int, tell: Tell) -> dict[str, Any]:
    """Play the episodes of a job.

    Args:
        job: Its bundle is there.
        settings: The episodes.
        threads: Of the model.
        tell: Called with (what is done, episodes played, episodes in all).

    Returns:
        Plain data for JSON: the figures, and each episode.

    Raises:
        JepaWmError: The bundle or a planning setting is wrong.
    """
    from jepa_wm_ros.sim.environment import CellEnvironment
    from jepa_wm_ros.worldmodel.bundle import load_contract

    contract = load_contract(job.model)
    player = Player(name='planner', model=job.model, planning=job.planning, threads=threads)
    policy = TimedPolicy(player.policy())
    records: list[EpisodeRecord] = []
    tell('playing', 0, settings.episodes)
    with closing(CellEnvironment(step_duration_s=contract.step_duration_s)) as environment:
        for record in run_closed_loop(environment, policy, settings):
            records.append(record)
            tell('playing', len(records), settings.episodes)
    model = f'{contract.name}@{contract.fingerprint}'
    return {
        'key': job.key,
        'labels': dict(job.labels),
        'seed': job.seed,
        'model': model,
        'bundle': str(job.model),
        'trained': job.recipe is not None,
        'planning': dict(job.planning),
        'summary': summarise(records, seed=settings.seed, model=model),
        'look_cpu_s_p50': percentile(policy.cpu_s, 50),
        'look_cpu_s_p95': percentile(policy.cpu_s, 95),
        **_facts(contract, job.model),
        'episodes': [_episode(record) for record in records],
    }


def _facts(contract: Contract, folder: Path) -> dict[str, Any]:
    """Return what the bundle tells of itself: the validation figures, and its size."""
    from math import prod

    from jepa_wm_ros.worldmodel.bundle import WEIGHTS_FILE
    from jepa_wm_ros.worldmodel.weights import read_entries

    entries = read_entries(folder / WEIGHTS_FILE)
    return {
        'numbers_in_bundle': sum(prod(entry.shape) for entry in entries),
        'validation': dict(contract.results),
    }


def _episode(record: EpisodeRecord) -> dict[str, Any]:
    return {
        'index': record.index,
        'start_distance_m': record.start_distance_m,
        'final_distance_m': record.final_distance_m,
        'best_distance_m': record.best_distance_m,
    }
