"""Jobs of an evaluation, done here or in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation.bags.unit import Job, evaluate

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.unit import UnitResult
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def find_jobs(
    sources: Sequence[Path],
    bundles: Sequence[tuple[Path, str]],
    settings: BagEvalSettings,
    planners: Sequence[str] = ('',),
) -> list[Job]:
    """Return every recording below some paths with every model and planner, in a fixed order.

    Args:
        sources: What the user named; one that cannot be read becomes a job with `damage`.
        bundles: Folder and `name@fingerprint` of each model.
        settings: Mapping and camera.
        planners: Solvers; '' takes the bundle's own.

    Raises:
        SchemaError: The mapping is wrong.
        SourceError: The mapping has no such camera.
    """
    mapping = read_mapping(settings.mapping)
    found: list[tuple[Path, str, str]] = []
    for path in sources:
        try:
            source = find_source(path, mapping, settings.camera, settings.max_gap_s)
            found += [(path, name, '') for name in source.names()]
        except JepaWmError as error:
            found.append((path, '', str(error)))
    return [
        Job(
            source=path,
            recording=name,
            model=model,
            bundle=bundle,
            planner=planner,
            damage=damage,
        )
        for path, name, damage in found
        for model, bundle in bundles
        for planner in planners
    ]


def work(
    jobs: Sequence[Job], settings: BagEvalSettings, workers: int
) -> Generator[UnitResult, None, None]:
    """Do jobs; results do not depend on the number of processes, their order does.

    Yields:
        Each result as it comes.

    Raises:
        BundleError: A model cannot be loaded.
        PlayerError: A planning setting does not exist or has an impossible value.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield _do(job, settings)
        return
    context = multiprocessing.get_context('spawn')  # torch does not survive a fork
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _quieten)
    try:
        for done in as_completed([pool.submit(_do, job, settings) for job in jobs]):
            yield done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _quieten() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _do(job: Job, settings: BagEvalSettings) -> UnitResult:
    return evaluate(job, _model(job.model, job.bundle), settings)


@lru_cache(maxsize=2)
def _model(folder: Path, bundle: str) -> WorldModel:
    """The model of a bundle, kept for the next job; one thread, so that sums are repeatable."""
    import torch

    from jepa_wm_ros.worldmodel.bundle import load_bundle

    torch.set_num_threads(1)
    return load_bundle(folder)
