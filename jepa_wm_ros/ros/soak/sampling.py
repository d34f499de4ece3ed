"""Looks at processes and machine again and again, on a thread of its own. No ROS."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from jepa_wm_ros.ros.soak import procfs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jepa_wm_ros.ros.soak.stalls import StallMeter

_TICK_S = 0.1
_KEEP = 1200
_AROUND_S = 0.3
OVERLOAD = 3.0
"""Threads for each core that run or want to, from which a machine is overloaded."""


class Sampler:
    """Notes what the processes hold, and remembers how long a process waited for a core.

    Args:
        lives: Gives process id and number of the life of each process, by name.
        note: Called with a kind and values of each sample; must be safe from another thread.
        every_s: Time between two samples [s].
        memory_every: Each how many samples all pages of a process are looked through.
        watched: The process whose waits explain late commands.
    """

    def __init__(
        self,
        lives: Callable[[], Mapping[str, tuple[int, int]]],
        note: Callable[..., None],
        *,
        every_s: float,
        memory_every: int = 6,
        watched: str = 'action_publisher',
    ) -> None:
        self._lives, self._note, self._watched = lives, note, watched
        self._every_s, self._memory_every = every_s, memory_every
        self._ticks: deque[tuple[float, float, float, int]] = deque(maxlen=_KEEP)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name='sampler', daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """End; the last sample is complete."""
        self._ended.set()
        self._thread.join()

    def crowd(self, began_s: float, ended_s: float) -> float:
        """Return how many threads for each core ran or wanted to, on average; 0 is not known.

        Args:
            began_s: Clock of the machine [s].
            ended_s: The same.
        """
        near = [
            tick[3]
            for tick in list(self._ticks)
            if began_s - _AROUND_S <= tick[0] <= ended_s + _AROUND_S
        ]
        return sum(near) / len(near) / (os.cpu_count() or 1) if near else 0.0

    def lost_s(self, began_s: float, ended_s: float) -> dict[str, float]:
        """Return how long the host stole cores, and the watched process waited for one [s].

        Args:
            began_s: Clock of the machine [s].
            ended_s: The same.
        """
        ticks = list(self._ticks)
        before = [tick for tick in ticks if tick[0] <= began_s]
        after = [tick for tick in ticks if tick[0] >= ended_s]
        if not (before and after):
            return {}
        found = {
            'steal': after[0][1] - before[-1][1],
            'waiting for a core': after[0][2] - before[-1][2],
        }
        return {name: value for name, value in found.items() if value > 0.0}

    def _loop(self) -> None:
        number, due_s = 0, time.monotonic()
        while not self._ended.wait(_TICK_S):
            lives = dict(self._lives())
            machine = procfs.sample_machine()
            watched = lives.get(self._watched)
            waited_s = math.nan if watched is None else procfs.waited_s(watched[0])
            self._ticks.append((time.time(), machine.steal_s, waited_s, machine.running))
            if time.monotonic() < due_s:
                continue
            due_s += self._every_s
            self._note(
                'machine', load=machine.load, steal_s=machine.steal_s, busy_s=machine.busy_s
            )
            for name, (process_id, life) in lives.items():
                self._look_at(name, process_id, life, deep=number % self._memory_every == 0)
            number += 1

    def _look_at(self, name: str, process_id: int, life: int, *, deep: bool) -> None:
        sample = procfs.sample_process(process_id)
        if sample is None:
            return
        values: dict[str, object] = {
            'process': name,
            'life': life,
            'pid': process_id,
            'rss_bytes': sample.rss_bytes,
            'threads': sample.threads,
            'handles': sample.handles,
            'cpu_s': round(sample.cpu_s, 2),
        }
        memory = procfs.sample_memory(process_id) if deep else None
        if memory is not None:
            values |= {'pss_bytes': memory.pss_bytes, 'private_bytes': memory.private_bytes}
        self._note('sample', **values)


def explain(
    began_s: float,
    ended_s: float,
    events: list[tuple[float, float, str]],
    meter: StallMeter,
    sampler: Sampler,
    *,
    allowed_s: float,
) -> tuple[str, dict[str, float]]:
    """Say why no command came for a while.

    Args:
        began_s: Clock of the machine [s].
        ended_s: The same.
        events: What was done to the graph: from, to, and in words.
        meter: Knows when cores stood still.
        sampler: Knows what was stolen and waited for.
        allowed_s: What is no deadline missed yet [s].

    Returns:
        The reason, '' when there is none, and what was measured [s].
    """
    lost = meter.during(began_s, ended_s)
    lost |= sampler.lost_s(began_s, ended_s)
    done = [what for begin_s, end_s, what in events if begin_s <= ended_s and began_s <= end_s]
    if done:
        return done[-1], lost
    excess_s = ended_s - began_s - allowed_s
    reasons = {
        'core': 'a core stood still (taken away by the host, or throttled by the kernel)',
        'clock': 'the clock of the machine was set',
        'steal': 'the host took cores away (steal)',
        'waiting for a core': 'the machine was busy: the process waited for a core',
    }
    for name, words in reasons.items():
        if lost.get(name, 0.0) >= excess_s:
            return words, lost
    crowd = sampler.crowd(began_s, ended_s)
    if crowd >= OVERLOAD:
        # what has priority still waits for locks and memory of what has none
        return f'the machine was overloaded: {OVERLOAD:g} threads for each core or more', lost
    return '', lost
