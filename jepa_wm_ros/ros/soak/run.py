"""A soak: a running cell, a tireless user, restarts and faults, and somebody who takes notes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.ros.connection import GraphError
from jepa_wm_ros.ros.scheduling import urgent
from jepa_wm_ros.ros.soak.agenda import Act, Event, draw_act, draw_events
from jepa_wm_ros.ros.soak.sampling import Sampler, explain
from jepa_wm_ros.ros.soak.stalls import watching
from jepa_wm_ros.ros.soak.user import NO_RESULT, SoakUser
from jepa_wm_ros.ros.soak.wire import MOST_PERIODS, PERIOD_S, Gap, Wire, WireFigures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from jepa_wm_ros.ros.bringup import ProcessSpec

Note = Callable[..., None]

PLANNING = 'policy'
"""The process that has the results of goals."""

_ACTIVE_S = 120.0
_READY_S = 30.0
_LOOK_BACK_S = 1.0
_BEFORE_S = 0.5
_AFTER_S = 1.5
_MINUTE_S = 60.0
_EXPECTED = {
    'none': ('REACHED', 'MAX_STEPS', 'STALLED'),
    'pause': ('REACHED', 'MAX_STEPS', 'STALLED'),
    'preview': ('PREVIEWED',),
    'cancel': ('CANCELED', 'REACHED', 'MAX_STEPS', 'STALLED'),
    'clear': ('CANCELED', 'REACHED', 'MAX_STEPS', 'STALLED'),
    'preempt': ('PREEMPTED', 'REACHED', 'MAX_STEPS', 'STALLED'),
}
"""Ends of a goal that its act explains."""
_STOPS_COMMANDS = ('kill', 'life cycle of action_publisher')
"""Events that explain missing commands: DDS lets a graph stand still when a process dies."""
_HELD = (
    *('NOT_ARMED', 'FAULT', 'EXECUTION_FAILED', 'NO_OBSERVATION', 'NOT_MOVED', 'SHUTDOWN'),
    NO_RESULT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakSettings:
    """How to soak.

    Attributes:
        length_s: How long in all [s].
        begin_s: How much of it has been done before [s].
        seed: Draws goals, acts and events.
        max_steps: Most steps of each goal.
        kill_every_s: About the time between two killed processes [s]; 0 kills none.
        sample_every_s: Time between two looks at the processes [s].
        lives: How many lives each process has had before, by name.
    """

    length_s: float
    begin_s: float
    seed: int
    max_steps: int
    kill_every_s: float
    sample_every_s: float
    lives: dict[str, int]


class Soak:
    """One soak; `run` returns when its time is over.

    Args:
        processes: Of the cell.
        pictures: `(H, W, 3)` uint8 RGB each; goals.
        logs: Folder for the logs of the processes.
        settings: How.
        note: Keeps what is seen: called with a kind and values, from several threads.
        on_minute: Called each minute with its values, and now and then with None in between.
    """

    def __init__(
        self,
        processes: Sequence[ProcessSpec],
        pictures: Sequence[NDArray[np.uint8]],
        logs: Path,
        settings: SoakSettings,
        note: Note,
        on_minute: Callable[[float, dict[str, Any] | None], None],
    ) -> None:
        self._specs = {spec.name: spec for spec in processes}
        self._pictures, self._logs, self._settings = pictures, logs, settings
        self._write, self._on_minute = note, on_minute
        self._lives = {name: settings.lives.get(name, 0) for name in self._specs}
        self._pids: dict[str, int] = {}
        self._events: deque[Event] = deque()
        self._done: deque[tuple[float, float, str]] = deque(maxlen=100)
        self._gaps: list[Gap] = []
        self._minute = WireFigures()
        self._goals = 0
        self._busy_s = -np.inf
        self._unexplained = 0

    def run(self) -> None:
        """Start the cell, and soak.

        Raises:
            ProcessError: A process ends by itself.
            GraphError: The graph does not come back after what was done to it.
        """
        from jepa_wm_ros.ros.processes import Bringup

        settings = self._settings
        nodes = [node for spec in self._specs.values() for node in spec.nodes]
        with (
            watching() as self._meter,
            Bringup(tuple(self._specs.values()), self._logs) as bringup,
        ):
            self._bringup = bringup
            bringup.wait_until_active(_ACTIVE_S)
            self._origin_s = time.monotonic() - settings.begin_s
            self._pids = bringup.process_ids
            for name in self._specs:
                self._begin_life(name)
            # who measures must not be late; what is started again is as urgent as at first
            with urgent():
                user = SoakUser(nodes, domain_id=bringup.domain_id, watch=bringup.check)
            with user:
                self._user, self._wire = user, Wire(user.node)
                self._sampler = Sampler(
                    self._named_lives, self._note, every_s=settings.sample_every_s
                )
                user.wait_until_ready(_READY_S)
                self._sampler.start()
                try:
                    self._pursue_goals()
                finally:
                    self._sampler.end()
                    self._close_minute()

    @property
    def now_s(self) -> float:
        """Time since the beginning of the soak [s]."""
        return time.monotonic() - self._origin_s

    def _note(self, kind: str, **values: Any) -> None:
        self._write(kind, t_s=round(self.now_s, 3), **values)

    # -- goals ---------------------------------------------------------------------------------

    def _pursue_goals(self) -> None:
        settings = self._settings
        rng = np.random.default_rng([settings.seed, 2, int(settings.begin_s)])
        self._events.extend(
            draw_events(
                settings.seed,
                settings.length_s,
                kill_every_s=settings.kill_every_s,
                begin_s=settings.begin_s,
            )
        )
        self._minute_s = self.now_s
        self._user.recover()
        while self.now_s < settings.length_s:
            picture = self._pictures[int(rng.integers(len(self._pictures)))]
            self._one_goal(picture, draw_act(rng))

    def _one_goal(self, picture: NDArray[np.uint8], act: Act) -> None:
        """Pursue a goal, note how it ended, and put right what it left behind."""
        began_s, clock_s = self.now_s, time.time()
        try:
            code, message, steps = self._user.pursue(
                picture, act, max_steps=self._settings.max_steps, meanwhile=self._meanwhile
            )
        except GraphError as error:
            code, message, steps = NO_RESULT, str(error), 0
        self._goals += 1
        reason = self._reason(act, code, clock_s)
        self._note(
            'goal',
            act=act.name,
            code=code,
            message=message,
            steps=steps,
            began_s=round(began_s, 3),
            reason=reason,
        )
        self._meanwhile()
        if code in _HELD:
            self._user.recover()

    def _reason(self, act: Act, code: str, began_s: float) -> str:
        """Say why a goal ended so; '' when that is not known."""
        if code in _EXPECTED[act.name]:
            return act.name if act.name != 'none' else 'regular'
        found = [what for _, end_s, what in self._done if began_s <= end_s]
        restarts = [what for what in found if not what.endswith('of sim')]
        return next(reversed(restarts or found), '')

    # -- what happens meanwhile ----------------------------------------------------------------

    def _meanwhile(self) -> bool:
        """Make what is due happen, look at the wire, close the minute.

        Returns:
            Whether the planner was killed.
        """
        lives = self._lives[PLANNING]
        while self._events and self._events[0].at_s <= self.now_s:
            self._happen(self._events.popleft())
        self._look_at_wire()
        if self.now_s - self._minute_s >= _MINUTE_S:
            self._close_minute()
        else:
            self._on_minute(self.now_s, None)
        return self._lives[PLANNING] != lives

    def _happen(self, event: Event) -> None:
        began_s, clock_s = self.now_s, time.time()
        words = f'{event.what} of {event.who}'
        problem = ''
        try:
            if event.what in ('drops', 'sound'):
                self._user.set_fault('camera_drops' if event.what == 'drops' else 'none')
            elif event.what == 'life cycle':
                self._user.cycle(event.who)
                self._user.wait_until_active([event.who])
                self._user.recover()
            else:
                self._kill(event.who)
        except GraphError as error:
            problem = str(error)
        self._done.append((clock_s - _BEFORE_S, time.time() + _AFTER_S, words))
        self._note(
            'event',
            what=event.what,
            who=event.who,
            took_s=round(self.now_s - began_s, 3),
            problem=problem,
        )
        if problem:
            raise GraphError(f'{words}: {problem}')

    def _kill(self, name: str) -> None:
        """Kill a process, start it again, and wait for it."""
        self._bringup.restart(name)
        self._pids = self._bringup.process_ids
        self._begin_life(name)
        if name == 'action_publisher':
            self._user.forget_safety()
        self._user.wait_until_active(self._specs[name].nodes, _ACTIVE_S)
        self._user.recover()

    def _begin_life(self, name: str) -> None:
        self._lives[name] += 1
        self._note('life', process=name, life=self._lives[name], pid=self._pids[name])

    def _named_lives(self) -> dict[str, tuple[int, int]]:
        import os

        lives = {name: (pid, self._lives[name]) for name, pid in self._pids.items()}
        return {**lives, 'soak': (os.getpid(), 1 + self._settings.lives.get('soak', 0))}

    def _look_at_wire(self) -> None:
        """Take in what was on the wire, and explain missed deadlines of a moment ago."""
        figures = self._wire.take()
        minute = self._minute
        minute.commands += figures.commands
        minute.unseen += figures.unseen
        minute.missed += figures.missed
        minute.longest_s = max(minute.longest_s, figures.longest_s)
        minute.plan_s += figures.plan_s
        minute.first_command_s += figures.first_command_s
        self._gaps += figures.gaps
        self._explain_gaps(time.time() - _LOOK_BACK_S)

    def _explain_gaps(self, before_s: float) -> None:
        due = [gap for gap in self._gaps if gap.ended_s < before_s]
        self._gaps = [gap for gap in self._gaps if gap.ended_s >= before_s]
        for gap in due:
            reason, lost = explain(
                gap.began_s,
                gap.ended_s,
                [done for done in self._done if done[2].startswith(_STOPS_COMMANDS)],
                self._meter,
                self._sampler,
                allowed_s=MOST_PERIODS * PERIOD_S,
            )
            self._unexplained += not reason
            self._note(
                'gap',
                clock_s=gap.began_s,
                periods=round(gap.periods, 2),
                reason=reason,
                lost_s={name: round(value, 4) for name, value in lost.items()},
            )

    def _close_minute(self) -> None:
        """Note the figures of a minute."""
        self._explain_gaps(np.inf)
        minute, self._minute = self._minute, WireFigures()
        values: dict[str, Any] = {
            'length_s': round(self.now_s - self._minute_s, 3),
            'goals': self._goals,
            'commands': minute.commands,
            'unseen': minute.unseen,
            'missed': minute.missed,
            'longest_s': round(minute.longest_s, 5),
            'unexplained': self._unexplained,
            'plans': len(minute.plan_s),
            **_percentiles('plan', minute.plan_s),
            **_percentiles('first_command', minute.first_command_s),
        }
        self._goals, self._unexplained, self._minute_s = 0, 0, self.now_s
        self._note('minute', **values)
        self._on_minute(self.now_s, values)


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float | None]:
    found = np.percentile(values, [50, 95, 100]) if values else [None] * 3
    names = ('p50', 'p95', 'max')
    return {
        f'{name}_{percent}_s': None if value is None else round(float(value), 5)
        for percent, value in zip(names, found, strict=True)
    }
