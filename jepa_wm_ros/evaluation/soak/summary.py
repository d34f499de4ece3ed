"""Judges a soak by its notes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.soak.growth import LEAST, Growth, by_minute, change, grow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Series = list[tuple[NDArray[np.float64], NDArray[np.float64]]]

KEPT, BROKEN, OPEN = 'kept', 'broken', 'open'
"""A bar is kept, is broken, or the soak was too short to say."""
GROWTH_PERCENT = 1.0
"""Most growth of memory in an hour [%]."""
MOST_PERIODS = 3
OWN = 'soak'
"""The program that watches is shown, not judged."""
_MIB = 2**20
_STARTING_S = 60.0


def soak_summary(
    notes: Mapping[str, Sequence[Mapping[str, Any]]], settle_s: float | None = None
) -> dict[str, Any]:
    """Return all figures and verdicts of a soak.

    Args:
        notes: By kind, as `read_journal` gives them.
        settle_s: Time from the beginning of each life that does not count [s]; None takes the
            one that the soak was begun with.
    """
    begin = notes['begin'][-1]
    settle_s = float(begin['settle_s'] if settle_s is None else settle_s)
    length_s = max(
        (float(n['t_s']) for kind in notes for n in notes[kind] if 't_s' in n), default=0
    )
    processes = _processes(notes, settle_s)
    gaps = list(notes.get('gap', []))
    unexplained = [gap for gap in gaps if not gap['reason']]
    minutes = list(notes.get('minute', []))
    judged = {name: row for name, row in processes.items() if name != OWN}
    verdicts = {
        'memory': _together(row['memory_verdict'] for row in judged.values()),
        'threads': _together(row['threads_verdict'] for row in judged.values()),
        'handles': _together(row['handles_verdict'] for row in judged.values()),
        'deadlines': (BROKEN if unexplained else KEPT) if minutes else OPEN,
    }
    return {
        'seed': begin['seed'],
        'model': begin['model'],
        'minutes': length_s / 60.0,
        'minutes_wanted': begin['length_s'] / 60.0,
        'complete': length_s >= begin['length_s'] - 1.0,
        'settle_minutes': settle_s / 60.0,
        'verdicts': verdicts,
        'processes': processes,
        'goals': _goals(notes),
        'events': dict(Counter(f'{n["what"]} of {n["who"]}' for n in notes.get('event', []))),
        'commands': sum(minute['commands'] for minute in minutes),
        'commands_unseen': sum(minute['unseen'] for minute in minutes),
        'missed_periods': sum(minute['missed'] for minute in minutes),
        'longest_gap_s': max((minute['longest_s'] for minute in minutes), default=None),
        'deadlines_missed': len(gaps),
        'deadlines_explained': dict(Counter(gap['reason'] for gap in gaps if gap['reason'])),
        'deadlines_unexplained': [dict(gap) for gap in unexplained],
        'latencies_s': _latencies(minutes),
        'machine': _machine(notes.get('machine', [])),
    }


def series_of(
    notes: Mapping[str, Sequence[Mapping[str, Any]]], process: str, name: str
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return times [s] and values of one figure of a process, for each of its lives."""
    found: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for note in notes.get('sample', []):
        if note['process'] == process and name in note:
            found[note['life']].append((note['t_s'], note[name]))
    return {life: (np.array(rows)[:, 0], np.array(rows)[:, 1]) for life, rows in found.items()}


def _processes(
    notes: Mapping[str, Sequence[Mapping[str, Any]]], settle_s: float
) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(note['process'] for note in notes.get('sample', []))
    return {name: _process(notes, name, settle_s) for name in names}


def _process(
    notes: Mapping[str, Sequence[Mapping[str, Any]]], process: str, settle_s: float
) -> dict[str, Any]:
    def settled(name: str) -> Series:
        series = []
        for times, values in series_of(notes, process, name).values():
            counts = times >= times[0] + settle_s
            if counts.any():
                series.append(by_minute(times[counts], values[counts]))
        return series

    rss, private = grow(settled('rss_bytes')), grow(settled('private_bytes'))
    threads, handles = change(settled('threads')), change(settled('handles'))
    lives = series_of(notes, process, 'rss_bytes')
    last = lives[max(lives)][1]
    return {
        'lives': len(lives),
        'first_mib': float(lives[min(lives)][1][0]) / _MIB,
        'last_mib': float(last[-1]) / _MIB,
        'rss_growth': _growth(rss),
        'private_growth': _growth(private),
        'memory_verdict': _memory_verdict(rss),
        'threads': _range(series_of(notes, process, 'threads'), settle_s),
        'threads_more': threads,
        'threads_verdict': _constancy_verdict(threads),
        'handles': _range(series_of(notes, process, 'handles'), settle_s),
        'handles_more': handles,
        'handles_verdict': _constancy_verdict(handles),
    }


def _growth(growth: Growth | None) -> dict[str, float] | None:
    if growth is None:
        return None
    percent, low, high = growth.percent
    return {
        'percent_per_hour': percent,
        'low': low,
        'high': high,
        'mib_per_hour': growth.slope / _MIB,
        'points': growth.points,
    }


def _memory_verdict(growth: Growth | None) -> str:
    if growth is None:
        return OPEN
    _, low, high = growth.percent
    if high < GROWTH_PERCENT:
        return KEPT
    return BROKEN if low > GROWTH_PERCENT else OPEN


def _constancy_verdict(more: float | None) -> str:
    if more is None:
        return OPEN
    return KEPT if more == 0.0 else BROKEN


def _together(verdicts: Any) -> str:
    """The worst of several."""
    found = set(verdicts)
    return next(
        (verdict for verdict in (BROKEN, OPEN) if verdict in found), KEPT if found else OPEN
    )


def _range(
    lives: Mapping[int, tuple[NDArray[np.float64], NDArray[np.float64]]], settle_s: float
) -> list[int]:
    """Least and most, without the time in which a process starts."""
    skip_s = min(settle_s, _STARTING_S)
    settled = [values[times >= times[0] + skip_s] for times, values in lives.values()]
    values = np.concatenate(settled)
    if not len(values):
        values = np.concatenate([values for _, values in lives.values()])
    return [int(values.min()), int(values.max())]


def _goals(notes: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    goals = notes.get('goal', [])
    odd = [goal for goal in goals if not goal['reason']]
    return {
        'count': len(goals),
        'ends': dict(Counter(goal['code'] for goal in goals)),
        'acts': dict(Counter(goal['act'] for goal in goals)),
        'unexpected': [
            {name: goal[name] for name in ('t_s', 'act', 'code', 'message')} for goal in odd
        ],
        'plans': sum(minute['plans'] for minute in notes.get('minute', [])),
    }


def _latencies(minutes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over the minutes, in the first and the last quarter: do they drift?"""
    found: dict[str, Any] = {}
    for name in ('plan', 'first_command'):
        for percent in ('p50', 'p95', 'max'):
            key = f'{name}_{percent}_s'
            values = [minute[key] for minute in minutes if minute[key] is not None]
            quarter = max(1, len(values) // 4)
            found[key] = (
                None
                if not values
                else {
                    'all': float(np.max(values) if percent == 'max' else np.median(values)),
                    'first_quarter': float(np.median(values[:quarter])),
                    'last_quarter': float(np.median(values[-quarter:])),
                }
            )
    return found


def _machine(samples: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    if len(samples) < LEAST:
        return {'load': None, 'steal_percent': None}
    first, last = samples[0], samples[-1]
    busy = last['busy_s'] - first['busy_s'] + last['steal_s'] - first['steal_s']
    steal = last['steal_s'] - first['steal_s']
    return {
        'load': float(np.median([sample['load'] for sample in samples])),
        'steal_percent': 100.0 * steal / busy if busy > 0 else 0.0,
    }
