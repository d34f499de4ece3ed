"""The figures of a study: a row for each combination of choices, with how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.statistics import bootstrap_interval, wilson_interval
from jepa_wm_ros.evaluation.summary import THRESHOLDS_CM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FIGURES = ('probe_rmse_m', 'effective_rank', 'sigreg_over_null', 'training_cpu_s')
"""Measured results of a bundle that stand in the table, where it has them."""
WARNINGS = ('collapsed', 'blind')
"""What the validation at the end of a training warned of (`training.validation.Validation`)."""


@dataclass(frozen=True, slots=True)
class _Played:
    """Episodes of one combination: `(E,)` each, with the number of the draw."""

    index: NDArray[np.int64]
    final_m: NDArray[np.float64]
    best_m: NDArray[np.float64]


def rows_of(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each combination, in the order of the results.

    The seeds of a combination are one row. Success has its 95 % Wilson interval. Means of
    distances have a bootstrap interval over draws, for the same start and goal is played by every
    seed. `gain_5cm` is the success within 5 cm beyond that of the first row, on the same draws.

    Args:
        results: Of the jobs, in the order of the grid.

    Returns:
        Plain data for JSON: distances in metres, times in seconds, rates within 0..1.
    """
    groups: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault(tuple(result['labels'].items()), []).append(result)
    first = _played(next(iter(groups.values()))) if groups else None
    return [
        {'labels': dict(labels), **_row(group), **_gain(_played(group), first)}
        for labels, group in groups.items()
    ]


def marginals_of(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return success and distance of each choice of each axis, whatever the others were."""
    if not results or len(results[0]['labels']) < 2:
        return []
    found = []
    for axis in results[0]['labels']:
        for label in dict.fromkeys(result['labels'][axis] for result in results):
            group = [result for result in results if result['labels'][axis] == label]
            found.append({'axis': axis, 'choice': label, **_outcome(_played(group))})
    return found


def _row(group: list[dict[str, Any]]) -> dict[str, Any]:
    played = _played(group)
    row: dict[str, Any] = {
        'model': ', '.join(dict.fromkeys(result['model'] for result in group)),
        'seeds': [result['seed'] for result in group],
        'trained': group[0]['trained'],
        **_outcome(played),
        'success_5cm_of_seeds': [result['summary']['success_5cm'] for result in group],
        'look_cpu_s_p50': _mean(group, 'look_cpu_s_p50'),
        'look_cpu_s_p95': _mean(group, 'look_cpu_s_p95'),
        'plan_time_s_p50': _mean([result['summary'] for result in group], 'plan_time_s_p50'),
        'deadline_hits': sum(result['summary']['deadline_hits'] for result in group),
        'numbers_in_bundle': group[0]['numbers_in_bundle'],
    }
    validations = [result['validation'] for result in group]
    row |= {name: _mean(validations, name) for name in FIGURES}
    errors = [v['rollout_error_over_copy'] for v in validations if 'rollout_error_over_copy' in v]
    row['rollout_error_over_copy'] = np.mean(errors, 0).round(4).tolist() if errors else None
    row |= {name: any(v.get(name, False) for v in validations) for name in WARNINGS}
    return row


def _outcome(played: _Played) -> dict[str, Any]:
    """Return rates and distances of episodes."""
    count = len(played.index)
    found: dict[str, Any] = {'episodes': count}
    for threshold in THRESHOLDS_CM:
        hits = int((played.final_m <= threshold / 100).sum())
        found[f'success_{threshold}cm'] = hits / count
        found[f'success_{threshold}cm_interval'] = list(wilson_interval(hits, count))
    found['ever_5cm'] = float((played.best_m <= 0.05).mean())
    found['final_distance_m_median'] = float(np.median(played.final_m))
    found['final_distance_m_mean'] = float(played.final_m.mean())
    found['final_distance_m_mean_interval'] = list(
        bootstrap_interval(played.final_m, played.index)
    )
    return found


def _gain(played: _Played, first: _Played | None) -> dict[str, Any]:
    """Return how much more often the goal was reached than in the first row, draw by draw."""
    if first is None:
        return {}
    ours, theirs = _success_of_draws(played), _success_of_draws(first)
    both = sorted(set(ours) & set(theirs))
    if not both:
        return {'gain_5cm': None, 'gain_5cm_interval': None}
    gains = np.array([ours[index] - theirs[index] for index in both])
    interval = bootstrap_interval(gains, np.array(both))
    return {'gain_5cm': float(gains.mean()), 'gain_5cm_interval': list(interval)}


def _success_of_draws(played: _Played) -> dict[int, float]:
    hits = played.final_m <= 0.05
    return {int(i): float(hits[played.index == i].mean()) for i in np.unique(played.index)}


def _played(group: Sequence[dict[str, Any]]) -> _Played:
    episodes = [episode for result in group for episode in result['episodes']]
    return _Played(
        np.array([episode['index'] for episode in episodes]),
        np.array([episode['final_distance_m'] for episode in episodes]),
        np.array([episode['best_distance_m'] for episode in episodes]),
    )


def _mean(group: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [part[name] for part in group if part.get(name) is not None]
    return float(np.mean(values)) if values else None
