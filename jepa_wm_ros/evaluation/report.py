"""The folder that an evaluation leaves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.records import write_episodes, write_json
from jepa_wm_ros.evaluation.summary import BASELINES, compare

if TYPE_CHECKING:
    from pathlib import Path

    from jepa_wm_ros.evaluation.episodes import EpisodeSettings
    from jepa_wm_ros.evaluation.records import EpisodeRecord


@dataclass(slots=True, kw_only=True)
class Report:
    """Collects episodes while they are played, and writes what there is at any time.

    Attributes:
        folder: Where the files go.
        settings: What was asked for.
        model: Name and fingerprint of the model.
        conditions: What else a reader needs to repeat the evaluation.
        records: Episodes of each player, in the order in which they ended.
        extra: Further figures for the summary (plain data).
    """

    folder: Path
    settings: EpisodeSettings
    model: str
    conditions: dict[str, Any] = field(default_factory=dict)
    records: dict[str, list[EpisodeRecord]] = field(default_factory=lambda: {'planner': []})
    extra: dict[str, Any] = field(default_factory=dict)

    def add(self, player: str, record: EpisodeRecord) -> None:
        """Keep one more episode."""
        self.records.setdefault(player, []).append(record)

    def summary(self) -> dict[str, Any]:
        """Return the figures of what has been played so far."""
        baselines = {name: self.records[name] for name in BASELINES if name in self.records}
        conditions = {**asdict(self.settings), **self.conditions}
        figures = compare(
            self.records['planner'],
            baselines,
            seed=self.settings.seed,
            model=self.model,
            wanted=self.settings.episodes,
            conditions=conditions,
        )
        return figures | self.extra

    def write(self) -> list[Path]:
        """Write summary, episodes and plot.

        Returns:
            The files, the summary first.

        Raises:
            ResultsError: The folder cannot be written to.
        """
        figures = self.summary()
        write_json(self.folder / 'summary.json', figures)
        files = [self.folder / 'summary.json']
        for player, records in self.records.items():
            name = 'episodes' if player == 'planner' else f'episodes_{player}'
            write_episodes(self.folder, records, name)
            files.append(self.folder / f'{name}.csv')
        if self.records['planner']:
            files.append(self._plot(figures))
        return files

    def _plot(self, figures: dict[str, Any]) -> Path:
        from jepa_wm_ros.evaluation.plots import plot_evaluation

        baselines = {name: played for name, played in self.records.items() if name != 'planner'}
        path = self.folder / 'plot.png'
        plot_evaluation(path, self.records['planner'], baselines, figures)
        return path
