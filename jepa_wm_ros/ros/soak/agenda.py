"""What happens when in a soak: acts of people, faults, restarts; drawn from a seed. No ROS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

ACTS = {
    'none': 0.62,
    'cancel': 0.12,
    'preempt': 0.12,
    'pause': 0.06,
    'clear': 0.05,
    'preview': 0.03,
}
"""What is done to a goal, and how often."""
LIFE_CYCLE = ('planner', 'encoder', 'action_publisher', 'insight')
"""Nodes that are taken through their life cycle, in turn."""
KILLED = ('policy', 'action_publisher')
"""Processes that are killed and started again, in turn."""
DROPPING_S = 15.0
"""How long the camera drops pictures [s]."""
_SPREAD = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is done to one goal.

    Attributes:
        name: One of `ACTS`.
        after_s: When, from its acceptance [s].
    """

    name: str
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens to the graph.

    Attributes:
        at_s: When, from the beginning of the soak [s].
        what: `drops`, `sound` (the camera gives all pictures again), `life cycle` or `kill`.
        who: Node or process.
    """

    at_s: float
    what: str
    who: str


def draw_act(rng: np.random.Generator) -> Act:
    """Draw what is done to a goal."""
    name = str(rng.choice(list(ACTS), p=list(ACTS.values())))
    return Act(name=name, after_s=float(rng.uniform(0.2, 4.0)))


def draw_events(
    seed: int, length_s: float, *, kill_every_s: float, begin_s: float = 0.0
) -> list[Event]:
    """Draw what happens to the graph, in order of time.

    Each kind happens at least once, also in a short soak.

    Args:
        seed: Of the times.
        length_s: Of the soak [s].
        kill_every_s: About the time between two killed processes [s]; 0 kills none.
        begin_s: Events before it are left out: a soak that goes on has had them.
    """
    rng = np.random.default_rng([seed, 1])
    events = []
    for at_s in _times(rng, min(150.0, length_s / 5), length_s):
        until_s = min(at_s + DROPPING_S, at_s + length_s / 10)
        events.append(Event(at_s=at_s, what='drops', who='sim'))
        events.append(Event(at_s=until_s, what='sound', who='sim'))
    for number, at_s in enumerate(_times(rng, min(240.0, length_s / 5), length_s)):
        who = LIFE_CYCLE[number % len(LIFE_CYCLE)]
        events.append(Event(at_s=at_s, what='life cycle', who=who))
    if kill_every_s > 0.0:
        for number, at_s in enumerate(_times(rng, min(kill_every_s, length_s / 2.5), length_s)):
            events.append(Event(at_s=at_s, what='kill', who=KILLED[number % len(KILLED)]))
    return sorted((e for e in events if e.at_s >= begin_s), key=lambda event: event.at_s)


def _times(rng: np.random.Generator, every_s: float, length_s: float) -> Iterator[float]:
    """Yield irregular times; the last one leaves room for its consequences."""
    at_s = 0.0
    while True:
        at_s += every_s * float(rng.uniform(1.0 - _SPREAD, 1.0 + _SPREAD))
        if at_s > length_s - min(20.0, 0.1 * length_s):
            return
        yield at_s
