"""The states of processes on a terminal: a table that changes, or lines where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from jepa_wm_ros.ros.bringup import ProcessSpec
    from jepa_wm_ros.ros.processes import Bringup

_STYLES = {'active': 'green', 'running': 'green', 'starting': 'yellow', 'inactive': 'yellow'}


def state_of(process: ProcessSpec, labels: Mapping[str, str], code: int | None) -> str:
    """Return the state of a process in a word or two.

    Args:
        process: Which one.
        labels: Life-cycle states by node, empty where unknown.
        code: Its exit code; None while it runs.
    """
    from jepa_wm_ros.ros.processes import meaning

    if code is not None:
        return f'ended ({meaning(code)})'
    if not process.nodes:
        return 'running'
    states = [labels.get(node) or 'starting' for node in process.nodes]
    if len(set(states)) == 1:
        return states[0]
    return ', '.join(f'{n} {s}' for n, s in zip(process.nodes, states, strict=True))


class StatusDisplay:
    """Shows one row for each process; use it as a context manager.

    Args:
        processes: In the order of the rows.
        bringup: Runs them.
        note: Shown below.
        console: Where; without a terminal there, a line is printed for each change.
    """

    def __init__(
        self, processes: Sequence[ProcessSpec], bringup: Bringup, note: str, console: Console
    ) -> None:
        self._processes, self._bringup = tuple(processes), bringup
        self._note, self._console = note, console
        self._pids = dict(bringup.process_ids)
        self._shown: dict[str, str] = {}
        self._live: Any = None

    def __enter__(self) -> StatusDisplay:
        """Begin."""
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            self._console.print(self._note, soft_wrap=True, highlight=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last table on the screen."""
        if self._live is not None:
            self._live.stop()

    def show(self, labels: Mapping[str, str], ended: Mapping[str, int]) -> None:
        """Show the present.

        Args:
            labels: Life-cycle states by node.
            ended: Exit codes of those that have ended, by name.
        """
        states = {
            process.name: state_of(process, labels, ended.get(process.name))
            for process in self._processes
        }
        if self._live is not None:
            self._live.update(self._table(states))
        else:
            for name, state in states.items():
                if self._shown.get(name) != state:
                    self._console.print(f'{name}: {state}', soft_wrap=True, highlight=False)
        self._shown = states

    def _table(self, states: Mapping[str, str]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table('process', 'pid', 'state', 'last words', caption=self._note)
        table.caption_justify = 'left'
        for name, state in states.items():
            words = Text(self._bringup.tail(name, 1), no_wrap=True, overflow='ellipsis')
            style = _STYLES.get(state, 'bold red' if state.startswith('ended') else '')
            table.add_row(name, str(self._pids.get(name, '')), Text(state, style=style), words)
        return table
