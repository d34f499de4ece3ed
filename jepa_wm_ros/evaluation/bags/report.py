"""The files that an evaluation on bags leaves."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.bags.measures import window_measures
from jepa_wm_ros.evaluation.bags.summary import summarise
from jepa_wm_ros.evaluation.records import write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.unit import UnitResult


def write_report(
    folder: Path,
    results: Sequence[UnitResult],
    settings: BagEvalSettings,
    conditions: dict[str, Any],
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Write `summary.json`, `windows.json`, `windows.csv` and `report.html`.

    Args:
        folder: Where.
        results: What came of every job.
        settings: What was asked for.
        conditions: How it was made.

    Returns:
        The summary of each result in their order (recording, then model), and the files.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    from jepa_wm_ros.evaluation.bags.page import report_page

    summaries = [summarise(result, settings) for result in results]
    write_json(folder / 'summary.json', {'conditions': conditions, 'results': summaries})
    write_json(folder / 'windows.json', [_plain(result) for result in results])
    write_text(folder / 'windows.csv', _table(results))
    write_text(folder / 'report.html', report_page(results, summaries, conditions))
    names = ('report.html', 'summary.json', 'windows.json', 'windows.csv')
    return summaries, [folder / name for name in names]


def _plain(result: UnitResult) -> dict[str, Any]:
    names = ('offset_s', 'error', 'score', 'flagged')
    return {
        'bag': result.job.label,
        'model': result.job.title,
        'trouble': result.trouble,
        'windows': [asdict(record) for record in result.windows],
        'surprise': [dict(zip(names, row, strict=True)) for row in result.surprise],
    }


def _table(results: Sequence[UnitResult]) -> str:
    """Return a row for each window."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    header: list[str] = []
    for result in results:
        if not result.windows:
            continue
        measures = window_measures(result.windows)
        if not header:
            header = ['bag', 'model', 'piece', 'frame', 'stamp_s', 'offset_s', *measures]
            writer.writerow([*header, 'plan_time_s'])
        for number, record in enumerate(result.windows):
            place = (record.piece, record.frame, f'{record.stamp_s:.6f}', f'{record.offset_s:.6f}')
            numbers = [_written(values[number]) for values in measures.values()]
            row = [result.job.label, result.job.title, *place, *numbers]
            writer.writerow([*row, f'{record.plan_time_s:.6f}'])
    return stream.getvalue()


def _written(value: float) -> str:
    return f'{value:.6g}' if np.isfinite(value) else ''
