"""Processes that do the jobs of a study: each lane has one of its own, which may die alone."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from jepa_wm_ros.evaluation.studies.grid import Job
    from jepa_wm_ros.evaluation.studies.settings import EpisodePlan
    from jepa_wm_ros.evaluation.studies.store import Store

PATIENCE_S = 60.0
"""How long a process may take to write a checkpoint when it is asked to stop [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened to a job.

    Attributes:
        job: Its key.
        what: `training` or `playing` with counts, `done`, `failed` with words, or `elsewhere`:
            another process holds it.
        done: Steps or episodes done.
        total: Of how many.
        words: Why it failed.
    """

    job: str
    what: str
    done: int = 0
    total: int = 0
    words: str = ''


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    left: list[str] = field(default_factory=list)
    """Keys of the jobs that have not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What the processes have in common.

    Attributes:
        plan: The episodes.
        folder: The study's.
        threads: CPU threads of a job.
        processes: How many lanes are under way at once.
    """

    plan: EpisodePlan
    folder: Path
    threads: int = 1
    processes: int = 1


def do_lane(lane: Sequence[Job], crew: Crew, pipe: Connection) -> None:
    """Do the jobs of a lane here, one after the other, and tell of it."""
    import torch

    from jepa_wm_ros.evaluation.studies.store import Store, claim

    torch.set_num_threads(crew.threads)
    store = Store(crew.folder)
    with claim(store.lock(lane[0])) as ours:
        for job in lane:
            if ours:
                _do(job, crew, store, pipe)
            else:
                pipe.send(News(job=job.key, what='elsewhere'))


def work(
    lanes: Sequence[Sequence[Job]],
    crew: Crew,
    do: Callable[[Sequence[Job], Crew, Connection], None] = do_lane,
) -> Generator[News, None, None]:
    """Do jobs in several processes; results are kept in the study's folder.

    Closing the iterator early stops the processes; trainings leave a checkpoint.

    Args:
        lanes: Jobs that are done one after the other.
        crew: How.
        do: Does a lane, in a process of its own.

    Yields:
        What happens, as it happens.
    """
    context = multiprocessing.get_context('spawn')  # renderers and torch do not survive a fork
    waiting, busy = deque(lanes), dict[Connection, _Worker]()
    try:
        while waiting or busy:
            while waiting and len(busy) < crew.processes:
                lane = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(do, lane, crew, theirs))
                process.start()
                theirs.close()  # so that the end of the process is the end of the pipe
                busy[ours] = _Worker(process, [job.key for job in lane])
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                yield from _heard(connection, busy)
    finally:
        _stop([worker.process for worker in busy.values()])


def _heard(connection: Connection, busy: dict[Connection, _Worker]) -> Generator[News, None, None]:
    """Take a message of a worker; one that died without a word has failed in all it had left."""
    worker = busy[connection]
    try:
        news: News = connection.recv()
    except (EOFError, OSError):
        del busy[connection]
        worker.process.join()
        code = worker.process.exitcode
        for key in worker.left:
            yield News(job=key, what='failed', words=f'its process died with exit code {code}')
        return
    if news.what not in ('training', 'playing'):
        worker.left.remove(news.job)
    yield news


def _stop(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE_S)
        if process.is_alive():
            process.kill()


def _work(do: Any, lane: Sequence[Job], crew: Crew, pipe: Connection) -> None:
    """Do a lane, in a process of its own. A parent that is gone breaks the pipe, and ends it."""
    os.setsid()  # Ctrl-C is the parent's to handle: it asks to stop, once
    try:
        do(lane, crew, pipe)
    except (KeyboardInterrupt, BrokenPipeError):
        raise SystemExit(1) from None


def _do(job: Job, crew: Crew, store: Store, pipe: Connection) -> None:
    """Do a job; what goes wrong costs this job and no other."""
    from jepa_wm_ros.evaluation.studies.unit import played, trained

    def tell(what: str, done: int, total: int) -> None:
        pipe.send(News(job=job.key, what=what, done=done, total=total))

    if store.load(job) is not None:  # another process did it since we looked
        pipe.send(News(job=job.key, what='done'))
        return
    try:
        trained(job, tell)
        store.save(job, played(job, crew.plan.settings(), crew.threads, tell))
    except BrokenPipeError:
        raise
    except Exception as error:
        words = str(error) if isinstance(error, JepaWmError) else traceback.format_exc()
        store.fail(job, words)
        pipe.send(News(job=job.key, what='failed', words=words))
    else:
        pipe.send(News(job=job.key, what='done'))
