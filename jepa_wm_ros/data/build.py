"""Building a dataset: one recording after the other, so that a killed build goes on.

Beside the dataset to be, `<out>.parts/` keeps a part file for each episode and, written last, a
journal entry for each recording. A recording without an entry is read again; nothing else is.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.data.assembly import Tally, assemble
from jepa_wm_ros.data.audit import Audit, audit_episodes, write_audit
from jepa_wm_ros.data.episodes import DatasetError, Episode, join_parts, write_part
from jepa_wm_ros.data.facts import Facts
from jepa_wm_ros.data.recordings import RecordingError, damage_of
from jepa_wm_ros.worldmodel.schema import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jepa_wm_ros.data.assembly import EpisodeSettings
    from jepa_wm_ros.data.recordings import Picture, Recording, Source


@dataclass(frozen=True, slots=True)
class _Item:
    """A recording to be read, or why a whole source cannot be."""

    source: Source
    label: str
    name: str
    damage: str = ''


class Builder:
    """Builds one dataset.

    Args:
        sources: With the path of each, for the records.
        out: The dataset (HDF5).
        settings: What its episodes are to be like.
        bounds: Least and greatest action, for the audit.

    Raises:
        DatasetError: The dataset exists already, or parts of another build are in the way.
    """

    def __init__(
        self,
        sources: Sequence[tuple[str, Source]],
        out: Path,
        settings: EpisodeSettings,
        bounds: tuple[tuple[float, ...], tuple[float, ...]],
    ) -> None:
        if out.exists():
            raise DatasetError(f'{out} exists already; delete it, or choose another --out')
        self._out, self._settings, self._bounds = out, settings, bounds
        self._folder = out.with_name(out.name + '.parts')
        self._shape: tuple[tuple[int, ...], ...] | None = None
        self._items = [item for label, source in sources for item in _items(label, source)]
        self._claim()

    def run(self, report: Callable[..., None]) -> Audit:
        """Read what has not been read yet, and join everything.

        Args:
            report: Called with (recordings done, in parts of one, recordings in all, note=…).

        Returns:
            The audit, which is also beside the dataset. When it has no episodes, there is no
            dataset.
        """
        total = len(self._items)
        report(0, total)
        facts = []
        for number, item in enumerate(self._items):
            begun = partial(_advance, report, number, total, item.name)
            facts.append(self._known(number) or self._build(number, item, begun))
            begun(1.0)
        return self._finish(facts)

    def _claim(self) -> None:
        """Mark the folder of parts as this build's, or refuse one that is another's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        mark = self._folder / 'build.json'
        wanted = {
            'settings': plain(self._settings),
            'recordings': [[item.label, item.name] for item in self._items],
        }
        text = json.dumps(wanted, indent=1)
        if mark.exists() and mark.read_text(encoding='utf-8') != text:
            raise DatasetError(
                f'{self._folder} holds parts of a build with other sources or settings; delete it '
                'to start afresh, or choose another --out'
            )
        _write(mark, text)

    def _known(self, number: int) -> Facts | None:
        """What the journal says of a recording."""
        entry = self._folder / f'{number:06d}.json'
        if not entry.exists():
            return None
        return Facts.from_json(json.loads(entry.read_text(encoding='utf-8')))

    def _build(self, number: int, item: _Item, report: Callable[[float], None]) -> Facts:
        """Make the parts of one recording, and its entry in the journal."""
        started = time.monotonic()
        facts = Facts(source=item.label, name=item.name)
        try:
            facts = self._write_parts(number, item, facts, report)
        except Exception as error:
            facts = self._dropped(number, facts, damage_of(error))
        facts = dataclasses.replace(facts, built_s=time.monotonic() - started)
        _write(self._folder / f'{number:06d}.json', json.dumps(facts.as_json()))
        return facts

    def _write_parts(
        self, number: int, item: _Item, facts: Facts, report: Callable[[float], None]
    ) -> Facts:
        if item.damage:
            raise RecordingError(item.damage)
        tally = Tally()
        with item.source.open(item.name) as recording:
            watched = _watched(recording, report)
            facts, episodes = assemble(watched, self._settings, facts, tally)
            for piece, episode in enumerate(episodes):
                self._require_like(episode)
                write_part(self._part(number, piece), [episode])
        if not tally.lengths:
            reason = f'too short: under {self._settings.least_steps} steps without a break'
            raise RecordingError(tally.trouble or reason)
        return dataclasses.replace(
            facts,
            episodes=tuple(tally.lengths),
            bad_pictures=tally.bad_pictures,
            short=tally.short,
        )

    def _require_like(self, episode: Episode) -> None:
        """Refuse an episode that does not fit beside the first one."""
        shape = tuple(c.shape[1:] for c in (episode.pixels, episode.action, episode.proprio))
        if self._shape is None:
            earlier = min(self._folder.glob('*.npz'), default=None)
            self._shape = shape if earlier is None else _shape(earlier)
        if shape != self._shape:
            raise RecordingError(
                f'pictures, actions and states are {shape}, those of the first episode are '
                f'{self._shape}; build it as a dataset of its own'
            )

    def _dropped(self, number: int, facts: Facts, reason: str) -> Facts:
        for part in self._folder.glob(f'{number:06d}-*.npz'):
            part.unlink()
        return dataclasses.replace(facts, dropped=reason, episodes=())

    def _part(self, number: int, piece: int) -> Path:
        return self._folder / f'{number:06d}-{piece:04d}.npz'

    def _finish(self, facts: list[Facts]) -> Audit:
        settings = self._settings
        parts = [
            self._part(number, piece)
            for number, fact in enumerate(facts)
            for piece in range(len(fact.episodes))
        ]
        audit = audit_episodes(parts, facts, settings, self._bounds)
        write_audit(audit, self._out)
        if parts:
            join_parts(parts, self._out, self._provenance(audit))
        shutil.rmtree(self._folder)
        return audit

    def _provenance(self, audit: Audit) -> dict[str, Any]:
        """What the dataset says of itself; short, for an attribute holds at most 64 kB."""
        return {
            'source': ', '.join(sorted({item.source.kind for item in self._items})),
            'settings': plain(self._settings),
            'step_duration_s': self._settings.stepping.step_duration_s,
            'action': list(self._settings.action_fields),
            'proprio': next((list(fact.proprio) for fact in audit.facts if fact.episodes), []),
            'audit': audit.as_json(whole=False),
        }


def _advance(report: Callable[..., None], number: int, total: int, name: str, part: float) -> None:
    report(number + part, total, note=name)


def _watched(recording: Recording, report: Callable[[float], None]) -> Recording:
    """The recording, which reports how much of it has been decoded, 0..1."""

    def pictures(wanted: Sequence[int]) -> Iterator[Picture]:
        for count, picture in enumerate(recording.pictures(wanted), 1):
            yield picture
            report(count / len(wanted))

    return dataclasses.replace(recording, pictures=pictures)


def _shape(part: Path) -> tuple[tuple[int, ...], ...]:
    with np.load(part, allow_pickle=False) as columns:
        return tuple(columns[name].shape[1:] for name in ('pixels', 'action', 'proprio'))


def _items(label: str, source: Source) -> list[_Item]:
    try:
        names = source.names()
    except RecordingError as error:
        return [_Item(source, label, label, str(error))]
    return [_Item(source, label, name) for name in names]


def _write(path: Path, text: str) -> None:
    """Write a file that is either old or new, never half."""
    partial = path.with_name(path.name + '.partial')
    partial.write_text(text, encoding='utf-8')
    os.replace(partial, path)
