"""Policies by name, each with a cell of its own, in this process or in several."""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import traceback
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.closed_loop import run_closed_loop
from jepa_wm_ros.evaluation.policies import (
    CalibratedPolicy,
    NothingPolicy,
    PlannerPolicy,
    RandomPolicy,
)
from jepa_wm_ros.worldmodel.planning_changes import changed
from jepa_wm_ros.worldmodel.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Generator
    from multiprocessing.queues import Queue
    from pathlib import Path

    from jepa_wm_ros.evaluation.episodes import EpisodeSettings
    from jepa_wm_ros.evaluation.policies import EpisodePolicy
    from jepa_wm_ros.evaluation.records import EpisodeRecord
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

PLAYERS = ('planner', 'random', 'nothing')


class PlayerError(JepaWmError):
    """A player cannot be made, or failed while it played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Which policy plays, for which bundle; small enough to send to another process.

    Attributes:
        name: One of `planner`, `random`, `nothing`.
        model: Bundle; its contract also says what the random policy may do.
        planning: Planning settings that differ from the bundle's own.
        threads: CPU threads of the model.
        base_yaw_rad: How far the robot's base frame is turned against that of the cell [rad].
        rotation: Three rows of the rotation that turns actions, from a calibration; none by
            default.
    """

    name: str
    model: Path
    planning: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    base_yaw_rad: float = 0.0
    rotation: tuple[tuple[float, float, float], ...] = ()

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            PlayerError: Nobody is called so.
        """
        if self.name not in PLAYERS:
            raise PlayerError(f'policy must be one of {", ".join(PLAYERS)}, got {self.name!r}')

    def play(
        self, settings: EpisodeSettings, indices: range | None = None
    ) -> Generator[EpisodeRecord, None, None]:
        """Make policy and cell, and play here.

        Yields:
            Each episode as it ends.

        Raises:
            BundleError: The bundle cannot be loaded, or is no model of an arm.
        """
        from jepa_wm_ros.sim.environment import CellEnvironment
        from jepa_wm_ros.sim.turned import TurnedEnvironment
        from jepa_wm_ros.worldmodel.bundle import check_cartesian, read_contract

        contract = read_contract(self.model)
        check_cartesian(contract, self.model)
        policy = self.policy()
        if self.rotation:
            policy = CalibratedPolicy(policy, np.array(self.rotation))
        cell = CellEnvironment(step_duration_s=contract.step_duration_s, render=policy.looks)
        with closing(cell):
            environment = TurnedEnvironment(cell, self.base_yaw_rad) if self.base_yaw_rad else cell
            yield from run_closed_loop(environment, policy, settings, indices)

    def policy(self) -> EpisodePolicy:
        """Return the policy.

        Raises:
            BundleError: The bundle cannot be loaded.
            PlayerError: A planning setting does not exist or has an impossible value.
        """
        from jepa_wm_ros.worldmodel.bundle import load_bundle, read_contract
        from jepa_wm_ros.worldmodel.execution import run_as
        from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings

        contract = read_contract(self.model)
        if self.name == 'nothing':
            return NothingPolicy(contract.action.dim)
        if self.name == 'random':
            return RandomPolicy(np.array(contract.action.lower), np.array(contract.action.upper))
        import torch

        settings = override_planning(contract.planning, self.planning)
        torch.set_num_threads(self.threads)
        return PlannerPolicy(run_as(load_bundle(self.model), ExecutionSettings()), settings)


def override_planning(settings: PlanningSettings, changes: dict[str, Any]) -> PlanningSettings:
    """Return planning settings with some values replaced.

    Raises:
        PlayerError: A name does not exist or a value is impossible.
    """
    known = {entry.name for entry in dataclasses.fields(settings)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise PlayerError(
            f'unknown planning setting {", ".join(unknown)}; known are {", ".join(sorted(known))}'
        )
    try:
        return changed(settings, changes)
    except SchemaError as error:
        raise PlayerError(str(error)) from error


def play_parallel(
    player: Player, settings: EpisodeSettings, workers: int
) -> Generator[EpisodeRecord, None, None]:
    """Play in several processes; the episodes are the same as in one, their order is not.

    Closing the iterator early ends the processes.

    Yields:
        Each episode as it ends.

    Raises:
        PlayerError: A process failed; the message holds its error.
    """
    if workers <= 1:
        yield from player.play(settings)
        return
    context = multiprocessing.get_context('spawn')  # renderers do not survive a fork
    queue: Queue[EpisodeRecord | str | None] = context.Queue()
    processes = [
        context.Process(
            target=_work,
            args=(player, settings, range(first, settings.episodes, workers), queue),
            daemon=True,
        )
        for first in range(min(workers, settings.episodes))
    ]
    try:
        for process in processes:
            process.start()
        working = len(processes)
        while working:
            item = _next(queue, processes)
            if item is None:
                working -= 1
            elif isinstance(item, str):
                raise PlayerError(item)
            else:
                yield item
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _next(
    queue: Queue[EpisodeRecord | str | None], processes: list[Any]
) -> EpisodeRecord | str | None:
    """Take the next item; a process that died without a word is an error, not a long wait."""
    from queue import Empty

    while True:
        try:
            return queue.get(timeout=1.0)
        except Empty:
            dead = [process for process in processes if process.exitcode not in (None, 0)]
            if dead:
                return f'an evaluation process died with exit code {dead[0].exitcode}'


def _work(
    player: Player,
    settings: EpisodeSettings,
    indices: range,
    queue: Queue[EpisodeRecord | str | None],
) -> None:
    """Play some episodes in a child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        for record in player.play(settings, indices):
            queue.put(record)
        queue.put(None)
    except JepaWmError as error:
        queue.put(str(error))
    except Exception:  # whatever it was, the parent must hear of it
        queue.put(f'an evaluation process failed:\n{traceback.format_exc()}')
