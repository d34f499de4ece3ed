"""From a bundle and a dataset to a head of the bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.training.heads.judging import RewardTask
from jepa_wm_ros.training.heads.loop import HeadTrainer
from jepa_wm_ros.training.heads.material import Material, facts, prepare
from jepa_wm_ros.training.heads.painting import DecoderTask
from jepa_wm_ros.training.heads.reading import ProbeTask
from jepa_wm_ros.training.heads.settings import HeadTraining, LabelSettings
from jepa_wm_ros.worldmodel.checks import one_of
from jepa_wm_ros.worldmodel.heads.head import KINDS
from jepa_wm_ros.worldmodel.heads.storage import head_files, save_head
from jepa_wm_ros.worldmodel.schema import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.heads.task import HeadTask
    from jepa_wm_ros.worldmodel.heads.head import HeadRecord
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOrder:
    """A head that is wanted.

    Attributes:
        kind: One of `KINDS`.
        name: What it will be called.
        training: How it is optimised.
        hidden: Hidden layers of a probe; empty for a linear one.
        labels: What counts as a success, for a reward.
    """

    kind: str
    name: str
    training: HeadTraining
    hidden: tuple[int, ...] = ()
    labels: LabelSettings = field(default_factory=LabelSettings)

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist."""
        one_of('kind', self.kind, KINDS)

    def extra(self) -> dict[str, Any]:
        """Return what is said beside the optimisation, for its kind."""
        return {'labels': plain(self.labels)} if self.kind == 'reward' else {}


@dataclass(frozen=True, slots=True)
class Reports:
    """Who is told how far things are.

    Attributes:
        encoding: Called with (frames done, frames in all).
        training: Called with (steps done, steps in all, loss).
    """

    encoding: Callable[[int, int], None]
    training: Callable[[int, int, float], None]


def make_head(
    order: HeadOrder, model: WorldModel, table: EpisodeTable, data: Path, reports: Reports
) -> tuple[HeadTask, Material, HeadRecord]:
    """Train a head and write it into the folder of the model's bundle.

    An interrupted training leaves its latents and a checkpoint there, and goes on from them.

    Args:
        order: What is wanted.
        model: From `load_bundle`.
        table: The episodes.
        data: Where they came from, for the record.
        reports: Who is told.

    Returns:
        The trained head in its task, what it learned from, and what was written beside it.

    Raises:
        TrainingError: The data do not suit.
        HeadError: The bundle has got other weights meanwhile.
    """
    folder, contract = model.contract.folder, model.contract
    source, _ = head_files(folder, order.name)
    source.parent.mkdir(exist_ok=True)
    store, checkpoint = source.with_suffix('.latents.npy'), source.with_suffix('.checkpoint')
    training = order.training
    material = prepare(model, table, store, training.validation, training.seed, reports.encoding)
    task = _task(order, material)
    known = {**facts(material, data), **order.extra()}
    trainer = HeadTrainer(task, training, (contract.fingerprint, known))
    if checkpoint.exists():
        trainer.resume(checkpoint)
    trainer.run(reports.training, checkpoint)
    task.head.eval()
    said = {**known, **({} if task.solved else plain(training))}
    record = save_head(folder, order.name, task.head, contract, said, task.results())
    for path in (checkpoint, store, store.with_suffix('.json')):
        path.unlink(missing_ok=True)
    return task, material, record


def _task(order: HeadOrder, material: Material) -> HeadTask:
    if order.kind == 'decoder':
        return DecoderTask(material, order.training)
    if order.kind == 'probe':
        return ProbeTask(material, order.training, order.hidden)
    return RewardTask(material, order.training, order.labels)
