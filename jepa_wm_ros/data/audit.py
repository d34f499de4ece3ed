"""What is in a dataset and what became of its sources, in numbers."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.data.assembly import EpisodeSettings
    from jepa_wm_ros.data.facts import Facts

BINS = 20
Bounds = tuple[tuple[float, ...], tuple[float, ...]]
_PINNED = 1e-3
"""A pinned dimension counts as outside of its bounds from here on [m, rad, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionColumn:
    """One dimension of the actions.

    Attributes:
        name: Of the field.
        lower: Least value that the model is to see; None when there are no bounds.
        upper: Greatest.
        quantiles: Least, 1 %, 50 %, 99 % and greatest value found.
        outside: Part of the actions outside of the bounds, 0..1.
        counts: Histogram between the bounds (between least and greatest, without bounds).
    """

    name: str
    lower: float | None
    upper: float | None
    quantiles: tuple[float, ...]
    outside: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSummary:
    """The steps of a dataset.

    Attributes:
        episodes: How many.
        frames: Pictures in all.
        steps: Actions in all.
        lengths: Fewest, median and most frames of an episode.
        step_duration_s: Wanted length of a step [s]; None when unknown.
        measured_s: Least, 5 %, mean, 95 % and greatest length of a step by the stamps [s]; empty
            without stamps.
        actions: Each dimension.
    """

    episodes: int
    frames: int
    steps: int
    lengths: tuple[int, ...]
    step_duration_s: float | None
    measured_s: tuple[float, ...]
    actions: tuple[ActionColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """The recordings that a dataset was made of; rates are least, median and greatest."""

    recordings: int
    dropped: int
    recorded_s: float
    built_s: float
    picture_rate_hz: tuple[float, ...]
    state_rate_hz: tuple[float, ...]
    picture_gaps: int
    state_gaps: int
    jumps: int
    bad_pictures: int
    short: int
    longest_gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything there is to know about a build."""

    steps: StepSummary
    sources: SourceSummary
    facts: tuple[Facts, ...]

    def as_json(self, *, whole: bool = True) -> dict[str, Any]:
        """As JSON can say it; without the single recordings when it has to be short."""
        short = {
            'steps': dataclasses.asdict(self.steps),
            'sources': dataclasses.asdict(self.sources),
        }
        return {**short, 'recordings': [f.as_json() for f in self.facts]} if whole else short


def audit_episodes(
    parts: Sequence[Path], facts: Sequence[Facts], settings: EpisodeSettings, bounds: Bounds
) -> Audit:
    """Sum up a build from its part files."""
    lengths, actions, durations = [], [], []
    for path in parts:
        with np.load(path, allow_pickle=False) as part:
            lengths.append(len(part['action']))
            actions.append(part['action'][:-1])
            durations.append(np.diff(part['stamp']))
    width = len(settings.action_fields)
    steps = summarise_steps(
        np.array(lengths, np.int64),
        np.concatenate([*actions, np.zeros((0, width))]),
        np.concatenate([*durations, np.zeros(0)]),
        settings.action_fields,
        bounds,
        settings.stepping.step_duration_s,
    )
    return Audit(steps=steps, sources=summarise_sources(facts), facts=tuple(facts))


def summarise_steps(
    lengths: NDArray[np.int64],
    actions: NDArray[Any],
    durations: NDArray[np.float64],
    fields: Sequence[str],
    bounds: Bounds | None,
    step_duration_s: float | None,
) -> StepSummary:
    """Sum up steps.

    Args:
        lengths: `(E,)` frames of each episode.
        actions: `(n, A)`, without the last rows of the episodes.
        durations: `(n,)` by the stamps [s]; empty when unknown.
        fields: Names of the A numbers.
        bounds: Least and greatest action; None when there are none.
        step_duration_s: Wanted length of a step [s]; None when unknown.
    """
    low, high = bounds or ((None,) * len(fields),) * 2
    columns = [
        _column(name, actions[:, i], lower, upper)
        for i, (name, lower, upper) in enumerate(zip(fields, low, high, strict=True))
    ]
    spread: tuple[float, ...] = ()
    if len(durations):
        least, low_s, high_s, most = np.quantile(durations, (0, 0.05, 0.95, 1)).tolist()
        spread = (least, low_s, float(durations.mean()), high_s, most)
    return StepSummary(
        episodes=len(lengths),
        frames=int(lengths.sum()),
        steps=len(actions),
        lengths=tuple(int(n) for n in np.quantile(lengths, (0, 0.5, 1))) if len(lengths) else (),
        step_duration_s=step_duration_s,
        measured_s=spread,
        actions=tuple(columns),
    )


def summarise_sources(facts: Sequence[Facts]) -> SourceSummary:
    """Sum up recordings."""

    def total(name: str) -> Any:
        return sum(getattr(fact, name) for fact in facts)

    def spread(name: str) -> tuple[float, ...]:
        values = [getattr(fact, name) for fact in facts if getattr(fact, name)]
        return tuple(np.quantile(values, (0, 0.5, 1)).tolist()) if values else ()

    return SourceSummary(
        recordings=len(facts),
        dropped=sum(bool(fact.dropped) for fact in facts),
        recorded_s=total('recorded_s'),
        built_s=total('built_s'),
        picture_rate_hz=spread('picture_rate_hz'),
        state_rate_hz=spread('state_rate_hz'),
        picture_gaps=total('picture_gaps'),
        state_gaps=total('state_gaps'),
        jumps=total('jumps'),
        bad_pictures=total('bad_pictures'),
        short=total('short'),
        longest_gap_s=max((fact.longest_gap_s for fact in facts), default=0.0),
    )


def audit_path(dataset: Path) -> Path:
    """Where the audit of a dataset is."""
    return dataset.with_name(dataset.name + '.audit.json')


def write_audit(audit: Audit, dataset: Path) -> None:
    """Write the audit beside its dataset; it appears only when it is complete."""
    path = audit_path(dataset)
    partial = path.with_name(path.name + '.partial')
    partial.write_text(json.dumps(audit.as_json(), indent=1), encoding='utf-8')
    os.replace(partial, path)


def _column(
    name: str, values: NDArray[Any], lower: float | None, upper: float | None
) -> ActionColumn:
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return ActionColumn(
            name=name, lower=lower, upper=upper, quantiles=(), outside=0.0, counts=(0,) * BINS
        )
    outside = 0.0
    first, last = float(values.min()), float(values.max())
    if lower is not None and upper is not None:
        margin = _PINNED if lower == upper else 0.0
        outside = float(np.mean((values < lower - margin) | (values > upper + margin)))
        first, last = lower - margin, upper + margin
    counts, _ = np.histogram(values, BINS, (first, last if last > first else first + 1e-9))
    return ActionColumn(
        name=name,
        lower=lower,
        upper=upper,
        quantiles=tuple(np.quantile(values, (0, 0.01, 0.5, 0.99, 1)).tolist()),
        outside=outside,
        counts=tuple(int(count) for count in counts),
    )
