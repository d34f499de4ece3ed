"""Notices when the machine itself stands still: `python -m jepa_wm_ros.ros.soak.stalls CORE`.

One process for each core does nothing but sleep for a short while, with the priority of what
commands an arm. When it wakes up late, nobody on that core could have been in time: the host of a
virtual machine has taken the core away. It also notices when the clock is set.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.ros.scheduling import COMMAND, become_urgent

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLEEP_S = 0.004
_LATE_S = 0.008
_KEEP_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A moment in which a core, or the clock, did not go on as usual.

    Attributes:
        began_s: Clock of the machine [s].
        ended_s: The same.
        what: `core` or `clock`.
    """

    began_s: float
    ended_s: float
    what: str


class StallMeter:
    """Collects what the watchers of the cores say."""

    def __init__(self) -> None:
        """Begin without watchers; `watching` starts them."""
        self._stalls: deque[Stall] = deque()

    def during(self, began_s: float, ended_s: float) -> dict[str, float]:
        """Return how much of a time [s] was lost, by what took it [s].

        Several cores may stand still at once: the one that lost most counts.
        """
        lost: dict[str, float] = {}
        for stall in list(self._stalls):
            overlap = min(ended_s, stall.ended_s) - max(began_s, stall.began_s)
            if overlap > 0.0:
                lost[stall.what] = max(lost.get(stall.what, 0.0), overlap)
        return lost

    def add(self, stall: Stall) -> None:
        """Take in a stall; what is old is forgotten."""
        self._stalls.append(stall)
        while self._stalls and self._stalls[0].ended_s < stall.ended_s - _KEEP_S:
            self._stalls.popleft()

    def listen(self, stream: Any) -> None:
        """Take in what one watcher writes, until it ends."""
        for line in stream:
            with contextlib.suppress(ValueError):
                what, began_s, ended_s = line.split()
                self.add(Stall(began_s=float(began_s), ended_s=float(ended_s), what=what))


@contextlib.contextmanager
def watching() -> Iterator[StallMeter]:
    """Watch all cores of this process; use it on the main thread."""
    meter = StallMeter()
    with contextlib.ExitStack() as stack:
        for core in sorted(os.sched_getaffinity(0)):
            process = subprocess.Popen(
                (
                    *(sys.executable, '-m', 'jepa_wm_ros.ros.child', '--', str(os.getpid())),
                    *(sys.executable, '-m', 'jepa_wm_ros.ros.soak.stalls', str(core)),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            threading.Thread(target=meter.listen, args=(process.stdout,), daemon=True).start()
        yield meter


def main(words: list[str]) -> int:
    """Watch one core for ever."""
    os.sched_setaffinity(0, {int(words[0])})
    become_urgent(COMMAND)
    steady_s, clock_s = time.monotonic(), time.time()
    while True:
        time.sleep(_SLEEP_S)
        then_s, was_s = steady_s, clock_s
        steady_s, clock_s = time.monotonic(), time.time()
        if abs((clock_s - was_s) - (steady_s - then_s)) > _LATE_S:
            print('clock', min(was_s, clock_s), max(was_s, clock_s), flush=True)
        elif steady_s - then_s > _LATE_S:
            print('core', clock_s - (steady_s - then_s) + _SLEEP_S, clock_s, flush=True)


if __name__ == '__main__':
    raise SystemExit(main(sys.argv[1:]))
