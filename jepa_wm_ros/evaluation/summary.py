"""The figures of an evaluation: `summary.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.statistics import percentile, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jepa_wm_ros.evaluation.records import EpisodeRecord

THRESHOLDS_CM = (5, 3, 2)
BASELINES = ('random', 'nothing')


def summarise(records: Sequence[EpisodeRecord], *, seed: int, model: str) -> dict[str, Any]:
    """Return the figures of one policy.

    Success is judged by the true distance after the last step of an episode; `ever_5cm` counts
    the episodes that were within 5 cm at some time. Rates are within 0..1, and `<key>_interval`
    is the 95 % Wilson interval of `<key>`. Without episodes, rates and distances are None.

    Args:
        records: The episodes.
        seed: Seed that drew them.
        model: Name of the model, or of the policy that needs none.

    Returns:
        Plain data for JSON: distances in metres, times in seconds.
    """
    final = [record.final_distance_m for record in records]
    plan_times = _times(records, 'plan_time_s')
    encode_times = _times(records, 'encode_time_s')
    summary: dict[str, Any] = {'episodes': len(records)}
    for threshold in THRESHOLDS_CM:
        hits = sum(distance <= threshold / 100 for distance in final)
        summary |= _rate(f'success_{threshold}cm', hits, len(records))
    hits = sum(record.best_distance_m <= 0.05 for record in records)
    summary |= _rate('ever_5cm', hits, len(records))
    return summary | {
        'start_distance_m_mean': _mean([record.start_distance_m for record in records]),
        'final_distance_m_mean': _mean(final),
        'final_distance_m_median': percentile(final, 50),
        'final_distance_m_p95': percentile(final, 95),
        'plan_time_s_p50': percentile(plan_times, 50),
        'plan_time_s_p95': percentile(plan_times, 95),
        'encode_time_s_p50': percentile(encode_times, 50),
        'encode_time_s_p95': percentile(encode_times, 95),
        'restarts': sum(step.restarted for record in records for step in record.steps),
        'deadline_hits': sum(step.deadline_hit for record in records for step in record.steps),
        'seed': seed,
        'model': model,
    }


def compare(
    records: Sequence[EpisodeRecord],
    baselines: Mapping[str, Sequence[EpisodeRecord]],
    *,
    seed: int,
    model: str,
    wanted: int,
    conditions: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the whole `summary.json`: the planner's figures beside those of the baselines.

    Args:
        records: The planner's episodes.
        baselines: Those of each baseline, by name.
        seed: Seed that drew them.
        model: Name of the model.
        wanted: Episodes that were asked for; fewer mark the summary as not complete.
        conditions: What else a reader needs to repeat the evaluation.

    Returns:
        Plain data for JSON.
    """
    complete = all(len(played) == wanted for played in (records, *baselines.values()))
    return summarise(records, seed=seed, model=model) | {
        'complete': complete,
        'episodes_wanted': wanted,
        'conditions': dict(conditions),
        'baselines': {
            name: summarise(played, seed=seed, model=name) for name, played in baselines.items()
        },
    }


def _rate(key: str, hits: int, total: int) -> dict[str, Any]:
    rate = hits / total if total else None
    return {key: rate, f'{key}_interval': list(wilson_interval(hits, total))}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _times(records: Sequence[EpisodeRecord], name: str) -> list[float]:
    values = (getattr(step, name) for record in records for step in record.steps)
    return [value for value in values if value is not None]
