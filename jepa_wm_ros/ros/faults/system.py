"""The simulated cell as `jepa-wm demo` starts it, with somebody who breaks it."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.stop_figures import StopFigures, stop_figures
from jepa_wm_ros.ros.bringup import PATIENCE
from jepa_wm_ros.ros.client import GraphError
from jepa_wm_ros.ros.faults.acts import SIDEWAYS, STEPS
from jepa_wm_ros.ros.faults.graphs import DEMO, FaultGraph
from jepa_wm_ros.ros.faults.network import Cable
from jepa_wm_ros.ros.faults.observer import FaultObserver
from jepa_wm_ros.ros.faults.rows import ROWS, STOP_S, Row
from jepa_wm_ros.ros.processes import Bringup
from jepa_wm_ros.ros.scheduling import urgent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jepa_wm_ros.ros.bringup import Overrides

START = np.array([0.46, -0.2, 0.40])
STATES = ('DISARMED', 'ARMED', 'EXECUTING', 'FAULT')
_SETTLE_S = 0.5
# For calling a service to make the fault, for the grid of the commands, and for a busy machine.
_BUSY_S = 0.05
_ACTIVE_S = 120.0


class FaultRowError(JepaWmError):
    """A fault is asked for that is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """What was seen.

    Attributes:
        name: Of the fault.
        figures: Of the commands.
        state: Of the supervisor in the end.
        message: What was said about it.
        rest_s: From the first command that brakes, or from the fault, to the arm at rest [s].
        cancel_s: How long the answer to a cancel took [s]; None where nothing was cancelled.
        notice_s: Most time that the first command that brakes may take [s]; None: none has to.
        passed: Whether state, words and commands are what they have to be, in time.
    """

    name: str
    figures: StopFigures
    state: str
    message: str
    rest_s: float
    cancel_s: float | None
    notice_s: float | None
    passed: bool


class FaultSystem:
    """A running cell.

    Attributes:
        graph: Which one.
        observer: Moves the arm and watches.
        network: The cable to the policy, where there is one.
        intruder: A publisher that should not be there.
        guests: Ends the processes that an act has started; they are ended before the next one.
        cancel_s: How long the answer to a cancel took [s].
    """

    def __init__(
        self, graph: FaultGraph, system: Bringup, observer: FaultObserver, network: Any
    ) -> None:
        """Take over a system that runs."""
        self.graph = graph
        self._system = system
        self.observer = observer
        self.network = network
        self.intruder: Any = None
        self.guests = contextlib.ExitStack()
        self.cancel_s: float | None = None

    @property
    def process_ids(self) -> dict[str, int]:
        """Process ids by name."""
        return self._system.process_ids

    @property
    def domain_id(self) -> int:
        """DDS domain of the cell."""
        return self._system.domain_id

    def ended(self) -> dict[str, int]:
        """Return the exit codes of processes that have ended, by name."""
        return self._system.ended()

    def last_words(self, name: str) -> str:
        """Return the last line that a process has said."""
        return self._system.tail(name, 1)

    def prepare(self) -> None:
        """Put everything back: no fault, the arm at its start, armed."""
        observer = self.observer
        self.guests.close()
        observer.configure(self.graph.device, **self.graph.sound)
        if self.intruder is not None:
            observer.node.destroy_publisher(self.intruder)
            self.intruder = None
        observer.say_ready(ready=True)
        self.cancel_s = None
        if observer.safety()[0] == 'FAULT':
            observer.reset_fault()
        observer.disarm()
        observer.reset(START)
        # an arm that is put somewhere else while it is armed is a fault: joint states cannot jump
        time.sleep(_SETTLE_S)
        if self.graph.armed:
            observer.arm()
        observer.clear()
        observer.wait(lambda: observer.statuses, 'a state of the supervisor')

    def run(self, row: Row) -> FaultResult:
        """Make one fault, and tell what was seen."""
        observer = self.observer
        self.prepare()
        if row.limits:
            observer.configure('action_publisher', **row.limits)
        if row.moving:
            observer.move(SIDEWAYS, STEPS)
        fault_s = row.act(self)
        with contextlib.suppress(GraphError):  # the result tells which state it was instead
            observer.wait_for_state(*row.states)
        rest_s = observer.wait_for_rest()
        if row.moving and not row.deadly:
            observer.wait(lambda: observer.result is not None, 'the end of the motion')
        time.sleep(_SETTLE_S)
        if row.limits:
            observer.configure('action_publisher', **{name: PATIENCE[name] for name in row.limits})
        return self._result(row, fault_s, rest_s)

    def _result(self, row: Row, fault_s: float, rest_s: float) -> FaultResult:
        observer = self.observer
        figures = stop_figures(list(observer.commands), fault_s)
        status = observer.statuses[-1][1]
        message = status.message or str(observer.result or '')
        began_s = fault_s + (figures.detection_s or 0.0)
        right = status.state in row.states and row.words in message
        stops = figures.holds and in_time(figures, row.notice_s, row.stop_s)
        told = row.told_s is None or self._told_within(row, fault_s) <= row.told_s + _BUSY_S
        return FaultResult(
            name=row.name,
            figures=figures,
            state=STATES[status.state],
            message=message,
            rest_s=max(0.0, rest_s - began_s),
            cancel_s=self.cancel_s,
            notice_s=row.notice_s if row.braking else None,
            passed=right and told and (stops or not row.braking),
        )

    def _told_within(self, row: Row, fault_s: float) -> float:
        """Return how long after the fault the state was the right one [s]."""
        seen = [
            sent_s
            for sent_s, status in self.observer.statuses
            if status.state in row.states and sent_s >= fault_s
        ]
        return min(seen, default=math.inf) - fault_s


def in_time(figures: StopFigures, notice_s: float, stop_s: float = STOP_S) -> bool:
    """Whether the arm began to brake, and stood, soon enough."""
    noticed, stopped = figures.detection_s, figures.stop_s
    return (
        noticed is not None
        and stopped is not None
        and noticed <= notice_s + _BUSY_S
        and stopped <= stop_s + _BUSY_S
    )


def run_rows(
    logs: Path,
    overrides: Overrides,
    *,
    only: Sequence[str] = (),
    on_result: Callable[[FaultResult], None] = lambda _: None,
) -> list[FaultResult]:
    """Run the table of faults.

    Args:
        logs: Folder for the logs of the processes.
        overrides: Parameter values of the cell by node name.
        only: Names of the rows to run; see `wanted_rows`.
        on_result: Called with each result as it comes.

    Raises:
        FaultRowError: There is no such row.
    """
    wanted = wanted_rows(only)
    results: list[FaultResult] = []
    while wanted:
        graph = wanted[0].graph
        with running_cell(logs, overrides, graph) as system:
            while wanted and wanted[0].graph is graph:
                row = wanted.pop(0)
                results.append(system.run(row))
                on_result(results[-1])
                if row.deadly:
                    break
    return results


def wanted_rows(only: Sequence[str] = ()) -> list[Row]:
    """Return the rows of some names, in the order of the table.

    Args:
        only: The names; when empty, all but the cut network: DDS looks for the networks of the
            machine once in a process, so that it needs one of its own.

    Raises:
        FaultRowError: There is no such row.
    """
    names = [row.name for row in ROWS]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise FaultRowError(
            f'there is no fault {", ".join(map(repr, unknown))}; choose from: {"; ".join(names)}'
        )
    return [row for row in ROWS if (row.name in only if only else not row.graph.cable)]


@contextlib.contextmanager
def running_cell(
    logs: Path, overrides: Overrides, graph: FaultGraph = DEMO
) -> Iterator[FaultSystem]:
    """A cell that runs."""
    with contextlib.ExitStack() as stack:
        processes = graph.processes(overrides, logs)
        network = stack.enter_context(Cable()) if graph.cable else None
        if network is not None:
            processes = [
                network.far(p, sys.executable) if p.name == 'policy' else network.near(p)
                for p in processes
            ]
        system = stack.enter_context(Bringup(processes, logs))
        system.wait_until_active(_ACTIVE_S)
        stack.enter_context(urgent())  # who measures must not be late
        observer = FaultObserver(graph, domain_id=system.domain_id)
        stack.callback(observer.close)
        observer.wait_until_ready(60.0)
        observer.wait_for_rival()
        running = FaultSystem(graph, system, observer, network)
        stack.callback(running.guests.close)
        yield running
