"""The figures of an evaluation on bags, with bootstrap intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.action_score import action_score
from jepa_wm_ros.evaluation.bags.measures import window_measures
from jepa_wm_ros.evaluation.statistics import bootstrap_interval, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.bags.result import UnitResult
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.windows import WindowRecord

OFF_STEP = 0.1
"""Steps that last this part longer or shorter than the contract says are worth a warning."""


def summarise(result: UnitResult, settings: BagEvalSettings) -> dict[str, Any]:
    """Return the figures of one recording under one model; plain data for JSON.

    Keys with `_interval` are 95 % bootstrap intervals of the means without it. Windows that
    overlap are drawn together. What depends on the machine is under `timing` only.
    """
    head = {
        'bag': result.job.label,
        'path': str(result.job.source),
        'recording': result.job.recording,
        'model': result.job.title,
        'control': result.job.control,
    }
    if result.trouble:
        return head | {'trouble': result.trouble, 'windows': 0}
    measures = window_measures(result.windows)
    blocks = blocks_of(result.windows, settings)
    figures: dict[str, Any] = {'windows': len(result.windows)}
    for name, values in measures.items():
        figures |= _mean(name, values, blocks, settings.seed)
    figures['action_score'] = action_score(measures['position_error_m'])
    return (
        head
        | figures
        | _rollout(result)
        | _surprise(result)
        | _steps(result)
        | {
            'verdict': verdict(figures),
            'losses': dict(result.losses),
            'timing': _timing(result),
        }
    )


def verdict(figures: dict[str, Any]) -> str:
    """Say in words whether plans have anything to do with what was done.

    Args:
        figures: With the gains over the baselines, and their intervals. Gains are differences
            within windows: an arm that stands still half of the time does not blur them.
    """
    for name, words in (
        ('noop', 'no better than standing still'),
        ('shuffled', 'no nearer to their own window than to another one'),
    ):
        if figures[f'gain_over_{name}_m_interval'][0] <= 0:
            return f'NOT USABLE: plans are {words}'
    if figures['energy_executed'] > figures['energy_noop']:
        return 'DOUBTFUL: what was done costs more than doing nothing'
    return 'follows: plans are clearly nearer to what was done than doing nothing'


def blocks_of(windows: Sequence[WindowRecord], settings: BagEvalSettings) -> NDArray[np.int64]:
    """Number the windows so that those that overlap mostly share a number, `(E,)`."""
    size = math.ceil(settings.horizon / settings.step)
    longest = max(record.frame for record in windows) // settings.step // size + 1
    return np.array(
        [record.piece * longest + record.frame // settings.step // size for record in windows]
    )


def _mean(
    name: str, values: NDArray[np.float64], blocks: NDArray[np.int64], seed: int
) -> dict[str, Any]:
    known = np.isfinite(values)
    if not known.any():
        return {name: None, f'{name}_interval': None}
    low, high = bootstrap_interval(values[known], blocks[known], seed=seed)
    return {name: float(values[known].mean()), f'{name}_interval': [low, high]}


def _rollout(result: UnitResult) -> dict[str, Any]:
    own = np.array([record.rollout_error for record in result.windows]).mean(0)
    copy = np.array([record.copy_error for record in result.windows]).mean(0)
    ratio = own / np.maximum(copy, np.finfo(float).tiny)
    distances = np.array([record.goal_distances for record in result.windows]).mean(0)
    return {
        'rollout_error': own.tolist(),
        'copy_error': copy.tolist(),
        'rollout_over_copy': ratio.tolist(),
        'goal_distances': distances.tolist(),
    }


def _surprise(result: UnitResult) -> dict[str, Any]:
    flagged = [row for row in result.surprise if row[3]]
    return {
        'surprise_flags': len(flagged),
        'surprise_flagged_at_s': [round(row[0], 3) for row in flagged],
        'step_error_median': percentile([row[1] for row in result.surprise], 50),
    }


def _steps(result: UnitResult) -> dict[str, Any]:
    steps = np.array(result.step_s)
    off = np.abs(steps - result.wanted_step_s) > OFF_STEP * result.wanted_step_s
    return {
        'steps': len(steps),
        'recorded_s': result.recorded_s,
        'step_s_wanted': result.wanted_step_s,
        'step_s': [percentile(result.step_s, p) for p in (0, 5, 50, 95, 100)],
        'steps_off': float(off.mean()),
    }


def _timing(result: UnitResult) -> dict[str, Any]:
    plans = [record.plan_time_s for record in result.windows]
    return {
        'encode_s_p50': percentile(result.encode_s, 50),
        'encode_s_p95': percentile(result.encode_s, 95),
        'plan_s_p50': percentile(plans, 50),
        'plan_s_p95': percentile(plans, 95),
        'elapsed_s': result.elapsed_s,
        'cpu_s': result.cpu_s,
        'times_real_time': result.recorded_s / max(result.elapsed_s, 1e-9),
    }
