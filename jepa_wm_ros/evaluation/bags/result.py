"""What came of evaluating one recording under one model, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.evaluation.action_score import action_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.evaluation.bags.job import Job
    from jepa_wm_ros.evaluation.bags.landscape import Landscape
    from jepa_wm_ros.evaluation.bags.windows import WindowRecord


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A window that is shown.

    Attributes:
        record: Its figures.
        pictures: The H + 1 pictures of the bag, as JPEG files.
        expected: H + 1 decoded latents, as JPEG files: of the observation, and of what the model
            expects of what was done; empty without a decoder.
        planned: The same for what was planned.
        landscape: Energy around what was done.
    """

    record: WindowRecord
    pictures: list[bytes]
    expected: list[bytes]
    planned: list[bytes]
    landscape: Landscape

    @property
    def error_m(self) -> float:
        """Action Error of the position [m]."""
        return error_m(self.record)


@dataclass(slots=True, kw_only=True)
class UnitResult:
    """What came of a job.

    Attributes:
        job: What was evaluated.
        trouble: Why nothing could be evaluated; empty when it could.
        note: What is worth knowing; empty when there is nothing.
        windows: In order of time.
        surprise: For each step: offset [s], distance, score, flag.
        step_s: How long each step really lasted [s].
        wanted_step_s: How long the contract says [s].
        recorded_s: Length of the usable pieces [s].
        encode_s: How long encoding each picture took [s].
        elapsed_s: How long all of it took, with reading [s].
        cpu_s: How much time of processors that took, whatever else they had to do [s].
        losses: What could not be used.
        examples: The worst windows; not part of the JSON.
    """

    job: Job
    trouble: str = ''
    note: str = ''
    windows: list[WindowRecord] = field(default_factory=list)
    surprise: list[tuple[float, float, float, bool]] = field(default_factory=list)
    step_s: list[float] = field(default_factory=list)
    wanted_step_s: float = 0.0
    recorded_s: float = 0.0
    encode_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    losses: dict[str, Any] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    @property
    def shown(self) -> bool:
        """Whether the report has a section about it: controls and broken ones have none."""
        return not (self.trouble or self.job.control)


def error_m(record: WindowRecord) -> float:
    """Return the Action Error of the position of one window [m]."""
    return float(action_error([record.planned], [record.executed]).position[0])


def merged(job: Job, parts: Sequence[UnitResult], examples: int) -> UnitResult:
    """Put the shares of a job together.

    Args:
        job: As a whole.
        parts: Its shares; all but their windows is the same in each.
        examples: How many of the worst windows are kept.
    """
    broken = next((part for part in parts if part.trouble), None)
    first = broken or parts[0]
    return UnitResult(
        job=job,
        trouble=first.trouble,
        note=first.note,
        windows=sorted(
            (record for part in parts for record in part.windows),
            key=lambda record: (record.piece, record.frame),
        ),
        surprise=first.surprise,
        step_s=first.step_s,
        wanted_step_s=first.wanted_step_s,
        recorded_s=first.recorded_s,
        encode_s=first.encode_s,
        elapsed_s=max(part.elapsed_s for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        losses=first.losses,
        examples=sorted(
            (example for part in parts for example in part.examples),
            key=lambda example: -example.error_m,
        )[:examples],
    )
