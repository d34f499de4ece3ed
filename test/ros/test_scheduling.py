"""Urgency of threads, as the kernel sees it."""

from __future__ import annotations

import os
import threading

import pytest

from jepa_wm_ros.ros import scheduling
from jepa_wm_ros.ros.worker import Worker


def seen_by_the_kernel() -> tuple[int, int]:
    """Policy and niceness of the calling thread."""
    thread = threading.get_native_id()
    return os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)


def in_a_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_a_background_worker_stands_behind_the_thread_that_made_it():
    worker = Worker(None, background=True)
    try:
        policy, niceness = worker.call(seen_by_the_kernel)
    finally:
        worker.close()
    assert policy == os.SCHED_OTHER
    assert niceness > seen_by_the_kernel()[1]


def test_an_ordinary_worker_is_as_urgent_as_the_thread_that_made_it():
    worker = Worker(None)
    try:
        assert worker.call(seen_by_the_kernel) == seen_by_the_kernel()
    finally:
        worker.close()


def test_urgent_is_real_time_where_allowed_and_only_for_the_thread_that_asked():
    def work():
        return scheduling.become_urgent(), seen_by_the_kernel()[0]

    before = seen_by_the_kernel()
    allowed, policy = in_a_thread(work)
    assert policy == (os.SCHED_RR if allowed else os.SCHED_OTHER)
    assert seen_by_the_kernel() == before


def test_urgency_for_a_while_ends():
    def work():
        before = seen_by_the_kernel()
        with scheduling.urgent() as allowed:
            meanwhile = seen_by_the_kernel()
        return before, allowed, meanwhile, seen_by_the_kernel()

    before, allowed, meanwhile, after = in_a_thread(work)
    assert meanwhile[0] == (os.SCHED_RR if allowed else os.SCHED_OTHER)
    assert after == before


def test_without_permission_everything_stays_as_it_was(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, 'sched_setscheduler', refuse)
    before = seen_by_the_kernel()
    assert scheduling.become_urgent() is False
    scheduling.stand_back(5)
    assert seen_by_the_kernel() == before


def test_standing_back_gives_up_real_time_priority():
    def work():
        scheduling.become_urgent()
        scheduling.stand_back(4)
        return seen_by_the_kernel()

    assert in_a_thread(work) == (os.SCHED_OTHER, min(seen_by_the_kernel()[1] + 4, 19))
