"""The simulated cell as a running ROS graph, for `demo` and `eval --through-ros`."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from jepa_wm_ros.evaluation.episodes import EpisodeDraw
    from jepa_wm_ros.evaluation.trace import Recorder, Trace
    from jepa_wm_ros.ros.bringup import Overrides
    from jepa_wm_ros.ros.client import GraphClient, Progress

Client = TypeVar('Client', bound='GraphClient')
ACTIVE_S = 90.0
READY_S = 20.0
WATCH_S = 0.2
PATIENCE = {'max_joint_age_s': 0.5, 'max_image_age_s': 1.0}
"""Watchdogs of a simulated arm, which shares a computer with everything else: a busy moment of
that computer is no reason to give up. A real arm keeps the defaults."""
HOLDS = ('FAULT', 'EXECUTION_FAILED', 'NO_OBSERVATION')
"""Ends of a goal after which it may be sent again: the arm was held, and nothing is broken."""
MOST_HOLDS = 3


class Steps:
    """Tells on the terminal what has been done, with the time since the beginning."""

    def __init__(self, console: Console) -> None:
        """Start the clock."""
        self.console = console
        self._started = time.monotonic()

    def done(self, what: str) -> None:
        """Print one line."""
        elapsed = time.monotonic() - self._started
        self.console.print(f'[dim]{elapsed:6.1f} s[/dim]  {what}', soft_wrap=True, highlight=False)


def render_goals(draws: Sequence[EpisodeDraw]) -> list[NDArray[np.uint8]]:
    """Render the goal picture `(H, W, 3)` uint8 RGB of each episode, in the cell's nominal look.

    Raises:
        RendererError: Nothing can be rendered on this machine.
    """
    from jepa_wm_ros.sim.environment import CellEnvironment

    with CellEnvironment() as environment:
        return [environment.picture_at(draw.goal) for draw in draws]


@contextmanager
def running_cell(
    model: Path,
    logs: Path,
    steps: Steps,
    connect: Callable[..., Client],
    *,
    extra: Overrides | None = None,
    drivers: Mapping[str, str] | None = None,
) -> Iterator[Client]:
    """Start simulator, action publisher and policy, and end them again whatever happens.

    Args:
        model: Bundle for encoder and planner.
        logs: Folder for a log file of each process.
        steps: Is told how it goes.
        connect: Makes the client, such as `GraphClient`.
        extra: Further parameters by node.
        drivers: Arguments of the system `emulated`, to put emulated drivers in front of the
            simulator; None is the simulator itself.

    Yields:
        A client of the graph, with all nodes active.

    Raises:
        ProcessError: A process ended or did not get ready.
        GraphError: The graph does not answer.
    """
    from jepa_wm_ros.ros.bringup import cell, with_overrides
    from jepa_wm_ros.ros.processes import Bringup
    from jepa_wm_ros.ros.systems import SYSTEMS

    bundle = {'model': str(model)}
    overrides: dict[str, dict[str, Any]] = {
        'encoder': {**bundle},
        'planner': {**bundle},
        'action_publisher': {**PATIENCE},
    }
    for node, values in (extra or {}).items():
        overrides.setdefault(node, {}).update(values)
    if drivers is None:
        processes = cell(overrides)
    else:
        processes = with_overrides(SYSTEMS['emulated'].processes(drivers), overrides)
    bringup = Bringup(processes, logs)
    with bringup:
        names = ', '.join(bringup.process_ids)
        steps.done(f'processes started on DDS domain {bringup.domain_id}: {names}')
        with steps.console.status('waiting for the nodes'):
            bringup.wait_until_active(ACTIVE_S)
        steps.done('all nodes are active')
        client = connect(domain_id=bringup.domain_id, watch=bringup.check)
        with client:
            client.wait_until_ready(READY_S)
            yield client
    steps.done('all processes have ended')


def pursue(
    client: GraphClient,
    recorder: Recorder,
    trace: Trace,
    start: NDArray[np.float64],
    *,
    max_steps: int,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Put the arm to a start and have the graph reach for one goal picture.

    When the safety supervisor holds the arm because an input was late (a busy computer is
    enough), the goal is sent again a few times, as a person in front of the cell would do.

    Args:
        client: The graph.
        recorder: Listens to the graph.
        trace: The goal; outcome and all that was seen are written into it.
        start: `(3,)` flange in the base frame [m].
        max_steps: Most steps.
        on_progress: Called after each observation, on the client's thread.
    """
    # Nobody teleports an armed arm: to the supervisor it would be a collision.
    rearm(client, lambda: client.reset(start))
    recorder.begin(trace)
    try:
        while True:
            outcome = client.reach(
                [trace.picture],
                name=f'goal {trace.index + 1}',
                max_steps=max(max_steps - len(trace.plans), 1),
                on_progress=on_progress,
            )
            if outcome.code not in HOLDS or len(trace.holds) == MOST_HOLDS:
                break
            trace.holds.append(f'{outcome.code}: {outcome.message}')
            rearm(client)
        trace.outcome, trace.message = outcome.code, outcome.message
        trace.final_cost = outcome.final_cost if math.isfinite(outcome.final_cost) else None
    finally:
        recorder.end()


def rearm(client: GraphClient, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Clear a fault, disarm, do something, and arm again.

    Raises:
        GraphError: The graph refuses, or does not answer.
    """
    if client.safety()[0] == 'FAULT':
        client.reset_fault()
    client.disarm()
    meanwhile()
    client.arm()


def stay(client: GraphClient, picture: Path, steps: Steps) -> None:
    """Keep the graph running until Ctrl-C, and say how to use it from another terminal.

    Raises:
        ProcessError: A process of the graph has ended.
    """
    steps.done('the graph stays until Ctrl-C; the arm is armed. In another terminal:')
    command = f'ROS_DOMAIN_ID={client.domain_id} jepa-wm goal send {picture}'
    steps.console.print(f'  {command}', soft_wrap=True, highlight=False)
    try:
        while True:
            client.watch()
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        steps.done('leaving')
