"""Progress bars: count, rate and time left, on one line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


@contextmanager
def progress_bar(title: str, unit: str, console: Console) -> Iterator[Callable[..., None]]:
    """Show a bar while the body runs.

    Yields:
        A function that takes (done, total) and, as keyword `note`, a few words behind the bar.
    """
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.completed:.0f}/{task.total:.0f} ' + unit),
        TextColumn('{task.fields[rate]}'),
        TimeElapsedColumn(),
        TextColumn('left'),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}'),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=0, rate='', note='')

        def update(done: int, total: int, note: str = '') -> None:
            speed = progress.tasks[task].speed
            rate = f'{speed:.1f}/s' if speed else ''
            progress.update(task, completed=done, total=total, rate=rate, note=note)

        yield update
