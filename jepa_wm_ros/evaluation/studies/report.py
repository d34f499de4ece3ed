"""The files that a study leaves: figures as JSON and CSV, a page in Markdown, plots."""

from __future__ import annotations

import csv
import fcntl
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.records import write_json, write_text
from jepa_wm_ros.evaluation.studies.page import page
from jepa_wm_ros.evaluation.studies.summary import marginals_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def write_report(
    folder: Path, results: Sequence[dict[str, Any]], about: dict[str, Any]
) -> tuple[dict[str, Any], list[Path]]:
    """Write all files of a study from the results that there are.

    Args:
        folder: The study's.
        results: Of the jobs that are done, in the order of the grid; at least one.
        about: What else a reader needs: name, question, jobs in all, conditions.

    Returns:
        What stands in study.json, and the files, that one first.

    Raises:
        ResultsError: The folder cannot be written to.
    """
    from jepa_wm_ros.evaluation.studies.figures import plot_outcome, plot_training

    rows = rows_of(results)
    content = {**about, 'done': len(results), 'rows': rows, 'marginals': marginals_of(results)}
    with _alone(folder):
        files = [folder / name for name in ('study.json', 'study.csv', 'episodes.csv', 'study.md')]
        write_json(files[0], content)
        write_text(files[1], _table([_flat(row) for row in rows]))
        write_text(files[2], _table(_episodes(results)))
        plots = [plot_outcome(folder / 'success.png', content)]
        if any(row['trained'] for row in rows):
            plots.append(plot_training(folder / 'rollout_error.png', content))
        write_text(files[3], page(content, [path.name for path in plots]))
    return content, [*files, *plots]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out while the files are written: every rank of a study writes them."""
    with (folder / '.report.lock').open('w') as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as columns: two for an interval; items of lists are joined by spaces."""
    flat = dict(row['labels'])
    for name, value in row.items():
        if name.endswith('_interval'):
            low, high = value or ('', '')
            flat |= {name.replace('interval', 'low'): low, name.replace('interval', 'high'): high}
        elif isinstance(value, list):
            flat[name] = ' '.join(str(item) for item in value)
        elif name != 'labels':
            flat[name] = value
    return flat


def _episodes(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**result['labels'], 'training_seed': result['seed'], **episode}
        for result in results
        for episode in result['episodes']
    ]


def _table(rows: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
