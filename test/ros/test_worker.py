import threading
import time

import pytest

from jepa_wm_ros.ros.waiting import wait_for
from jepa_wm_ros.ros.worker import Worker, WorkerClosedError, future_for


@pytest.fixture
def worker(graph):
    worker = Worker(graph.executor)
    yield worker
    worker.close()


def test_a_coroutine_wakes_up_when_the_worker_is_done(graph, worker):
    node = graph.node()
    release = threading.Event()
    seen = []

    async def work():
        seen.append(await worker.submit(lambda: release.wait(10.0) and 'done'))

    graph.executor.create_task(work)
    graph.spin_until(lambda: not worker._jobs)
    threading.Timer(0.2, release.set).start()
    # nothing else happens on this graph: without the wake-up this blocks until the time-out
    began = time.monotonic()
    while not seen and time.monotonic() - began < 30.0:
        graph.executor.spin_once(timeout_sec=30.0)
    assert seen == ['done']
    assert time.monotonic() - began < 15.0
    assert node.executor is graph.executor


def test_jobs_run_on_one_thread_in_order(graph, worker):
    futures = [worker.submit(threading.get_ident) for _ in range(5)]
    threads = [graph.result_of(future) for future in futures]
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_an_exception_arrives_where_the_result_is_awaited(graph, worker):
    with pytest.raises(ZeroDivisionError):
        graph.result_of(worker.submit(lambda: 1 / 0))
    assert graph.result_of(worker.submit(lambda: 'still alive')) == 'still alive'


def test_a_newer_job_replaces_the_waiting_one_of_its_slot_only(graph, worker):
    started, release = threading.Event(), threading.Event()

    def first():
        started.set()
        return release.wait(10.0)

    running = worker.submit(first, slot='picture')
    assert started.wait(10.0)
    waiting = worker.submit(lambda: 'old', slot='picture')
    other = worker.submit(lambda: 'plan')
    newest = worker.submit(lambda: 'new', slot='picture')
    release.set()
    assert graph.result_of(newest) == 'new'
    assert graph.result_of(running) is True
    assert graph.result_of(other) == 'plan'
    assert waiting.cancelled()
    assert worker.replaced == 1


def test_closing_cancels_what_waits_and_is_bounded(graph):
    worker = Worker(graph.executor)
    started, release = threading.Event(), threading.Event()
    worker.submit(lambda: started.set() or release.wait(10.0))
    assert started.wait(10.0)
    waiting = worker.submit(lambda: 'never')
    assert worker.close(timeout_s=0.05) is False
    assert waiting.cancelled()
    with pytest.raises(WorkerClosedError, match='shutting down'):
        worker.submit(lambda: None)
    release.set()
    assert worker.close(timeout_s=5.0) is True


@pytest.mark.parametrize('resolve', [True, False])
def test_waiting_ends_with_the_future_or_with_the_time_limit(graph, resolve):
    node = graph.node()
    future = future_for(graph.executor)
    results = []

    async def wait():
        results.append(await wait_for(node, future, 0.1))

    graph.executor.create_task(wait)
    if resolve:
        future.set_result(None)
    graph.spin_until(lambda: results, timeout_s=2.0)
    assert results == [resolve]
    assert not list(node.timers)
