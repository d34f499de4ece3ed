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


def material_for(
    order: HeadOrder, model: WorldModel, table: EpisodeTable, report: Callable[[int, int], None]
) -> Material:
    """Encode all frames; those of a training that was interrupted are there already.

    Args:
        order: What is wanted.
        model: From `load_bundle`.
        table: The episodes.
        report: Called with (frames done, frames in all).

    Raises:
        TrainingError: The data do not suit.
        HeadError: The name of the head cannot be that of a file.
    """
    store = _files(order, model)[0]
    store.parent.mkdir(exist_ok=True)
    training = order.training
    return prepare(model, table, store, training.validation, training.seed, report)


def make_head(
    order: HeadOrder, material: Material, data: Path, report: Callable[..., None]
) -> tuple[HeadTask, HeadRecord]:
    """Train a head and write it into the folder of the model's bundle.

    An interrupted training leaves its latents and a checkpoint there, and goes on from them.

    Args:
        order: What is wanted.
        material: From `material_for`.
        data: Where the episodes came from, for the record.
        report: Called with (steps done, steps in all, note=…).

    Returns:
        The trained head in its task, and what was written beside it.

    Raises:
        TrainingError: The data do not suit, or the checkpoint is of another training.
        HeadError: The bundle has got other weights meanwhile.
    """
    contract, training = material.model.contract, order.training
    store, checkpoint = _files(order, material.model)
    task = _task(order, material)
    known = {**facts(material, data), **order.extra()}
    trainer = HeadTrainer(task, training, (contract.fingerprint, known))
    if checkpoint.exists():
        trainer.resume(checkpoint)
    trainer.run(lambda step, steps, loss: report(step, steps, note=f'loss {loss:.4f}'), checkpoint)
    task.head.eval()
    if task.solved:
        report(1, 1)
    said = known if task.solved else {**known, **_optimisation(training)}
    record = save_head(contract.folder, order.name, task.head, contract, said, task.results())
    for path in (checkpoint, store, store.with_suffix('.json')):
        path.unlink(missing_ok=True)
    return task, record


def _files(order: HeadOrder, model: WorldModel) -> tuple[Path, Path]:
    """Return where latents and checkpoint are kept while a training is under way."""
    source, _ = head_files(model.contract.folder, order.name)
    return source.with_suffix('.latents.npy'), source.with_suffix('.checkpoint')


def _optimisation(training: HeadTraining) -> dict[str, Any]:
    """Return the settings that the weights depend on."""
    said: dict[str, Any] = plain(training)
    del said['checkpoint_every']
    return said


def _task(order: HeadOrder, material: Material) -> HeadTask:
    if order.kind == 'decoder':
        return DecoderTask(material, order.training)
    if order.kind == 'probe':
        return ProbeTask(material, order.training, order.hidden)
    return RewardTask(material, order.training, order.labels)
