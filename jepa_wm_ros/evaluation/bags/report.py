"""The files that an evaluation on bags leaves."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.evaluation.bags.comparison import compare_controls
from jepa_wm_ros.evaluation.bags.measures import window_measures
from jepa_wm_ros.evaluation.bags.summary import summarise
from jepa_wm_ros.evaluation.records import write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.evaluation.bags.result import UnitResult
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings

FIGURES = 'figures'


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was written.

    Attributes:
        folder: Where.
        summaries: The figures of each recording and model, in their order.
        controls: What became of what was spoilt on purpose.
        files: The most important first.
    """

    folder: Path
    summaries: list[dict[str, Any]]
    controls: list[dict[str, Any]]
    files: list[Path]


def write_report(
    folder: Path,
    results: Sequence[UnitResult],
    settings: BagEvalSettings,
    conditions: dict[str, Any],
) -> Report:
    """Write `summary.json`, `windows.json`, `windows.csv`, `report.html` and `figures/*.png`.

    Args:
        folder: Where.
        results: What came of every job.
        settings: What was asked for.
        conditions: How it was made.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    from jepa_wm_ros.evaluation.bags.figures import report_figures
    from jepa_wm_ros.evaluation.bags.page import report_page

    summaries = [summarise(result, settings) for result in results]
    controls = compare_controls(results, settings)
    figures = report_figures(results, summaries)
    page = report_page(results, summaries, controls, conditions, figures)
    content = {'conditions': conditions, 'results': summaries, 'controls': controls}
    write_json(folder / 'summary.json', content)
    write_json(folder / 'windows.json', [_plain(result) for result in results])
    write_text(folder / 'windows.csv', _table(results))
    write_text(folder / 'report.html', page)
    (folder / FIGURES).mkdir(exist_ok=True)
    for name, data in figures.items():
        (folder / FIGURES / name).write_bytes(data)
    names = ('report.html', 'summary.json', 'windows.json', 'windows.csv', FIGURES)
    files = [folder / name for name in names]
    return Report(folder=folder, summaries=summaries, controls=controls, files=files)


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
