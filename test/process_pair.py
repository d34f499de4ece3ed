"""Two processes that train together, as `torchrun` would start them."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path

SHARED = ['torch', 'jepa_wm_ros.training.pipeline']
"""What one server imports for all processes of all tests: they are forked from it."""


def run_pair(work: Callable[[Path], None], folder: Path) -> None:
    """Call `work` with a folder in two processes, which find each other by their environment."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = int(probe.getsockname()[1])
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(SHARED)
    workers = [context.Process(target=_enter, args=(work, folder, rank, port)) for rank in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0, 0]


def _enter(work: Callable[[Path], None], folder: Path, rank: int, port: int) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE='2', LOCAL_RANK=str(rank))
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    work(folder)
