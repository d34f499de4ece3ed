"""How regular the commands are, and how soon a cancel is answered, while every core plans."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.ros.faults.acts import SIDEWAYS, STEPS
from jepa_wm_ros.ros.faults.system import running_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jepa_wm_ros.ros.bringup import Overrides
    from jepa_wm_ros.ros.faults.observer import FaultObserver
    from jepa_wm_ros.ros.faults.system import FaultSystem

PERIOD_S = 0.01
# Commands further apart belong to two motions.
_APART_S = 0.3
_POLICIES = {os.SCHED_OTHER: 'normal', os.SCHED_FIFO: 'real-time', os.SCHED_RR: 'real-time'}


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterFigures:
    """What was seen.

    Attributes:
        intervals: How many intervals between two commands count.
        p50_s: Median of their distance from the period [s].
        p99_s: What 99 % of them keep [s].
        longest_s: The worst [s].
        cancel_motion_s: Times of the answers to cancelled motions [s].
        cancel_goal_s: Times of the answers to goals that were cancelled while the planner plans.
        load: Processes that plan beside the graph.
        cores: Of the machine.
        scheduling: How the action publisher was scheduled.
    """

    intervals: int
    p50_s: float
    p99_s: float
    longest_s: float
    cancel_motion_s: tuple[float, ...]
    cancel_goal_s: tuple[float, ...]
    load: int
    cores: int
    scheduling: str


def jitter(sent_s: Sequence[float]) -> np.ndarray:
    """Return the distances of the intervals within motions from the period [s]."""
    intervals = np.diff(np.asarray(sent_s))
    return np.abs(intervals[intervals < _APART_S] - PERIOD_S)


def measure_jitter(
    logs: Path, overrides: Overrides, *, load: int, motions: int, cancels: int, model: str
) -> JitterFigures:
    """Move the arm, and cancel, in a running cell while other processes plan.

    Args:
        logs: Folder for the logs of the processes.
        overrides: Parameter values of the cell by node name.
        load: How many processes plan beside the graph.
        motions: How many motions count.
        cancels: How many cancels of each kind count.
        model: Bundle or preset that the other processes plan with.
    """
    with running_cell(logs, overrides) as system, planning(load, model):
        scheduling = _scheduling(system.process_ids['action_publisher'])
        distances = np.concatenate([_one_motion(system, number) for number in range(motions)])
        cancelled = tuple(_one_cancel(system) for _ in range(cancels))
        goals = tuple(_one_goal(system, number) for number in range(cancels))
    return JitterFigures(
        intervals=len(distances),
        p50_s=float(np.percentile(distances, 50)),
        p99_s=float(np.percentile(distances, 99)),
        longest_s=float(distances.max()),
        cancel_motion_s=cancelled,
        cancel_goal_s=goals,
        load=load,
        cores=os.cpu_count() or 1,
        scheduling=scheduling,
    )


def _one_motion(system: FaultSystem, number: int) -> np.ndarray:
    observer = system.observer
    system.prepare()
    observer.move(SIDEWAYS, STEPS)
    observer.wait(lambda: observer.result is not None, f'the end of motion {number}')
    moving = [command.sent_s for command in observer.commands if command.speed > 0.0]
    return jitter(moving)


def _one_cancel(system: FaultSystem) -> float:
    observer: FaultObserver = system.observer
    system.prepare()
    observer.move(SIDEWAYS, STEPS)
    took_s = observer.cancel()
    observer.wait(lambda: observer.result is not None, 'the end of a cancelled motion')
    return took_s


def _one_goal(system: FaultSystem, number: int) -> float:
    system.prepare()
    # at another moment of the cycle of looking, planning and moving each time
    return system.observer.cancel_goal(1.0 + 0.13 * number)


@contextlib.contextmanager
def planning(load: int, model: str) -> Iterator[None]:
    """Run processes that do nothing but plan, at normal priority.

    Args:
        load: How many.
        model: Bundle or preset that they plan with.
    """
    command = (
        *(sys.executable, '-m', 'jepa_wm_ros.cli.main', 'bench', 'plan', '--model', model),
        *('--threads', '1', '--repeats', '1000000'),
    )
    with contextlib.ExitStack() as stack:
        for _ in range(load):
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=_ordinary,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        time.sleep(_WARM_UP_S if load else 0.0)
        yield


_WARM_UP_S = 8.0


def _ordinary() -> None:
    """Undo what was inherited: a planner has no real-time priority."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _scheduling(process_id: int) -> str:
    """Say how a process is scheduled."""
    policy = os.sched_getscheduler(process_id)
    name = _POLICIES.get(policy, str(policy))
    priority = os.sched_getparam(process_id).sched_priority
    return f'{name}, priority {priority}' if priority else name
