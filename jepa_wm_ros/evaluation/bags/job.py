"""What there is to evaluate, and how it is shared out."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.bags.controls import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recording of a source, and a model; as a whole, or every so manieth window of it.

    Attributes:
        source: The path that the user named.
        recording: Name of the recording within it.
        model: Bundle.
        bundle: `name@fingerprint`.
        planner: Solver to plan with; empty takes the bundle's own.
        control: One of `CONTROLS`: what is spoilt on purpose; empty for nothing.
        damage: Why the source cannot be read at all; empty when it can.
        share: Number of this share of the windows.
        shares: How many shares there are.
    """

    source: Path
    recording: str
    model: Path
    bundle: str
    planner: str = ''
    control: str = ''
    damage: str = ''
    share: int = 0
    shares: int = 1

    @property
    def label(self) -> str:
        """The recording, for people."""
        name = self.source.name
        return name if self.recording in ('', name) else f'{name}/{self.recording}'

    @property
    def title(self) -> str:
        """The model, the planner where one was named, and what was spoilt, for people."""
        return ', '.join(part for part in (self.bundle, self.planner, self.control) if part)

    def part(self, share: int, shares: int) -> Job:
        """Return one share of it."""
        return dataclasses.replace(self, share=share, shares=shares)


def find_jobs(
    sources: Sequence[Path],
    bundles: Sequence[tuple[Path, str]],
    settings: BagEvalSettings,
    planners: Sequence[str] = ('',),
    *,
    controls: bool = False,
) -> list[Job]:
    """Return every recording below some paths with every model and planner, in a fixed order.

    Args:
        sources: What the user named; one that cannot be read becomes a job with `damage`.
        bundles: Folder and `name@fingerprint` of each model.
        settings: Mapping and camera.
        planners: Solvers; '' takes the bundle's own.
        controls: Whether each is also done with what must spoil it.

    Raises:
        SchemaError: The mapping is wrong.
        SourceError: The mapping has no such camera.
    """
    return [
        Job(
            source=path,
            recording=name,
            model=model,
            bundle=bundle,
            planner=planner,
            control=control,
            damage=damage,
        )
        for path, name, damage in _recordings(sources, settings)
        for model, bundle in bundles
        for planner in planners
        for control in (CONTROLS if controls else CONTROLS[:1])
    ]


def shared_out(jobs: Sequence[Job], parallel: int) -> list[Job]:
    """Cut jobs into shares of their windows where there are fewer jobs than could be done at once.

    Args:
        jobs: Whole ones.
        parallel: How many can be done at once.
    """
    shares = math.ceil(parallel / len(jobs)) if jobs else 1
    return [job.part(share, shares) for job in jobs for share in range(shares)]


def _recordings(sources: Sequence[Path], settings: BagEvalSettings) -> list[tuple[Path, str, str]]:
    """Return path, name and damage of each recording."""
    mapping = read_mapping(settings.mapping)
    found: list[tuple[Path, str, str]] = []
    for path in sources:
        try:
            source = find_source(path, mapping, settings.camera, settings.max_gap_s)
            found += [(path, name, '') for name in source.names()]
        except JepaWmError as error:
            found.append((path, '', str(error)))
    return found
