"""How many steps the cell makes in lockstep, and what their time goes into."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.sim.appearance import NOMINAL, Appearance, Variation, sample_appearance
from jepa_wm_ros.sim.environment import CellEnvironment

EPISODE_STEPS = 25
_STEP_M = 0.08
_WARM_UP_STEPS = 20


class CellSpeedError(JepaWmError):
    """There is nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpeed:
    """What was measured.

    Attributes:
        steps: steps that count.
        seconds: wall time that they took, resets between episodes included [s].
        cpu_seconds: time of all the process's threads meanwhile [s].
        shares: part of the wall time in `render`, `physics`, `kinematics` and the `rest`.
    """

    steps: int
    seconds: float
    cpu_seconds: float
    shares: dict[str, float]

    @property
    def steps_per_s(self) -> float:
        """Steps per second of wall time."""
        return self.steps / self.seconds

    @property
    def steps_per_cpu_s(self) -> float:
        """Steps per second of one core."""
        return self.steps / self.cpu_seconds


def measure_cell(
    *,
    steps: int = 500,
    seconds: float = math.inf,
    variation: Variation | None = None,
    seed: int = 0,
) -> CellSpeed:
    """Let the arm wander with actions of up to 8 cm an axis, and look after each.

    Args:
        steps: how many.
        seconds: end earlier after this time [s].
        variation: each episode looks different; None is the nominal look.
        seed: of places, actions and looks.

    Raises:
        CellSpeedError: no steps or no time.
        RendererError: pictures cannot be rendered on this machine.
    """
    if not (steps > 0 and seconds > 0.0):
        raise CellSpeedError(f'steps and seconds must be above 0, not {steps} and {seconds}')
    rng = np.random.default_rng(seed)
    with CellEnvironment() as cell:
        for _ in _wander(cell, _WARM_UP_STEPS, rng, variation):
            pass
        with _stopwatches(cell) as spent:
            done, started, started_cpu = 0, time.perf_counter(), time.process_time()
            for _ in _wander(cell, steps, rng, variation):
                done += 1
                elapsed = time.perf_counter() - started
                if elapsed >= seconds:
                    break
            cpu = time.process_time() - started_cpu
    shares = {name: part / elapsed for name, part in spent.items()}
    shares['rest'] = 1.0 - sum(shares.values())
    return CellSpeed(steps=done, seconds=elapsed, cpu_seconds=cpu, shares=shares)


def _wander(
    cell: CellEnvironment, steps: int, rng: np.random.Generator, variation: Variation | None
) -> Iterator[None]:
    """Make steps in episodes; yields after each."""
    for step in range(steps):
        if step % EPISODE_STEPS == 0:
            cell.reset(rng=rng, appearance=_look(rng, variation))
        cell.step([*rng.uniform(-_STEP_M, _STEP_M, 3), 0.0, 0.0, 0.0, 0.0])
        yield


def _look(rng: np.random.Generator, variation: Variation | None) -> Appearance:
    return NOMINAL if variation is None else sample_appearance(rng, variation)


@contextmanager
def _stopwatches(cell: CellEnvironment) -> Iterator[dict[str, float]]:
    """Add up the time [s] that a cell spends in its parts."""
    simulation = cell.simulation
    parts = {
        'render': (simulation, 'render'),
        'physics': (simulation, 'advance'),
        'kinematics': (simulation.kinematics, 'inverse'),
    }
    spent = dict.fromkeys(parts, 0.0)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - started

        return call

    for name, (owner, method) in parts.items():
        setattr(owner, method, timed(name, getattr(owner, method)))
    try:
        yield spent
    finally:
        for owner, method in parts.values():
            delattr(owner, method)
