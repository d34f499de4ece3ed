"""Jobs of an evaluation, done here, in several processes, or in those that `torchrun` started."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.evaluation.bags.controls import RANDOM, randomised
from jepa_wm_ros.evaluation.bags.job import Job, shared_out
from jepa_wm_ros.evaluation.bags.result import merged
from jepa_wm_ros.evaluation.bags.unit import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from jepa_wm_ros.evaluation.bags.result import UnitResult
    from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
    from jepa_wm_ros.evaluation.bags.store import Store
    from jepa_wm_ros.training.team import Team
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.protocol import WorldModel


def evaluate_all(
    jobs: Sequence[Job],
    store: Store,
    settings: BagEvalSettings,
    team: Team,
    workers: int,
    device: str,
    report: Callable[..., None],
) -> list[UnitResult]:
    """Do what is not done yet, keeping every result at once.

    Each process of the team does its part, and the first one puts the parts together. They meet
    in the store, which has to lie on a disk of all.

    Args:
        jobs: Whole ones.
        store: Where results are kept.
        settings: What is asked for.
        team: The processes that `torchrun` started; one alone otherwise.
        workers: Processes that each of them uses.
        device: This process's own.
        report: Called with (shares done, shares in all, note=…) of this process.

    Returns:
        The results in the order of the jobs; none in other processes than the first.

    Raises:
        BundleError: A model cannot be loaded.
        PlayerError: A planning setting does not exist or has an impossible value.
    """
    known = {job: result for job in jobs if (result := store.load(job)) is not None}
    left = shared_out([job for job in jobs if job not in known], team.size * workers)
    own = left[team.rank :: team.size]
    begun = [share for share in own if store.load(share) is None]
    done = len(own) - len(begun)
    report(done, len(own))
    with closing(work(begun, settings, workers, device)) as results:
        for result in results:
            store.save(result)
            done += 1
            report(done, len(own), note=result.job.label)
    team.wait()
    if not team.writes:
        return []
    return [known[job] if job in known else _merged(job, left, store, settings) for job in jobs]


def work(
    jobs: Sequence[Job], settings: BagEvalSettings, workers: int, device: str = 'cpu'
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
            yield _do(job, settings, device)
        return
    context = multiprocessing.get_context('spawn')  # torch does not survive a fork
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _quieten)
    try:
        for done in as_completed([pool.submit(_do, job, settings, device) for job in jobs]):
            yield done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _merged(
    job: Job, shares: Sequence[Job], store: Store, settings: BagEvalSettings
) -> UnitResult:
    """Put the shares of a job together, and keep the whole instead of them."""
    own = [share for share in shares if share.part(0, 1) == job]
    result = merged(job, [store.require(share) for share in own], settings.examples)
    if not result.trouble:
        store.save(result)
    for share in own:
        if share != job or result.trouble:
            store.forget(share)
    return result


def _quieten() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _do(job: Job, settings: BagEvalSettings, device: str) -> UnitResult:
    model, decoder, note = _model(job.model, job.control == RANDOM, settings.seed, device)
    result = evaluate(job, model, settings, decoder)
    result.note = note
    return result


@lru_cache(maxsize=2)
def _model(
    folder: Path, spoilt: bool, seed: int, device: str
) -> tuple[WorldModel, Decoder | None, str]:
    """A model with its decoder, and what is wrong with that one; kept for the next job.

    It predicts as in the planner node. One thread, so that sums are repeatable.
    """
    import torch

    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.execution import run_as
    from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
    from jepa_wm_ros.worldmodel.heads import load_decoder
    from jepa_wm_ros.worldmodel.heads.head import HeadError

    torch.set_num_threads(1)
    model = load_bundle(folder, device)
    decoder, note = None, ''
    if spoilt:
        model = randomised(model, seed)
    else:
        try:
            decoder = load_decoder(folder, model)
        except HeadError as error:
            note = f'no decoded predictions: {error}'
    return run_as(model, ExecutionSettings()), decoder, note
