"""Whether the controls of an evaluation came out clearly worse, in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.bags.result import error_m
from jepa_wm_ros.evaluation.bags.summary import blocks_of
from jepa_wm_ros.evaluation.statistics import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.evaluation.bags.result import UnitResult
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings


def compare_controls(
    results: Sequence[UnitResult], settings: BagEvalSettings
) -> list[dict[str, Any]]:
    """Compare each control with the same recording and model unspoilt, window by window.

    Returns:
        For each control: bag, model, control, both errors of the position [m], the mean
        difference with its interval [m], `worse`, and all of it in words.
    """
    good = {result.job: result for result in results if not result.trouble}
    rows = []
    for job, spoilt in good.items():
        own = good.get(dataclasses.replace(job, control='')) if job.control else None
        if own is not None:
            rows.append(_compared(own, spoilt, settings))
    return rows


def _compared(own: UnitResult, spoilt: UnitResult, settings: BagEvalSettings) -> dict[str, Any]:
    errors = {(record.piece, record.frame): error_m(record) for record in spoilt.windows}
    before = np.array([error_m(record) for record in own.windows])
    after = np.array([errors[record.piece, record.frame] for record in own.windows])
    interval = bootstrap_interval(
        after - before, blocks_of(own.windows, settings), seed=settings.seed
    )
    row = {
        'bag': own.job.label,
        'model': own.job.title,
        'control': spoilt.job.control,
        'error_m': float(before.mean()),
        'control_error_m': float(after.mean()),
        'difference_m': float((after - before).mean()),
        'difference_m_interval': list(interval),
        'worse': interval[0] > 0,
    }
    return row | {'words': _words(row)}


def _words(row: dict[str, Any]) -> str:
    low, high = (100 * end for end in row['difference_m_interval'])
    figures = (
        f'{100 * row["control_error_m"]:.2f} cm instead of {100 * row["error_m"]:.2f} cm '
        f'(difference {low:.2f}..{high:.2f})'
    )
    if row['worse']:
        return f'{row["control"]}: clearly worse, {figures}'
    return (
        f'{row["control"]}: NOT clearly worse, {figures}; what this bag says of this model '
        'is no better than chance'
    )
