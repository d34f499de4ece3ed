import gc
import sys
import threading
import time
from pathlib import Path

import pytest
from std_msgs.msg import String

from jepa_wm_ros.ros.background import BackgroundSpin
from jepa_wm_ros.ros.client import GraphClient
from jepa_wm_ros.ros.connection import GraphConnection, GraphError


@pytest.fixture
def hasty():
    """Threads take turns so often that every order of events comes up within a few rounds."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.fixture
def deaths(monkeypatch):
    """What threads have died of."""
    deaths = []
    monkeypatch.setattr(threading, 'excepthook', lambda death: deaths.append(death.exc_value))
    return deaths


def test_a_busy_connection_can_be_closed_at_any_moment(graph, hasty, deaths):
    for _ in range(25):
        connection = GraphConnection(domain_id=graph.domain)
        heard = threading.Event()
        publisher = connection.node.create_publisher(String, 'echo', 10)

        def answer(message, publisher=publisher, heard=heard):
            publisher.publish(message)
            heard.set()

        connection.node.create_subscription(String, 'echo', answer, 10)
        connection.begin()
        publisher.publish(String(data='again and again'))
        assert heard.wait(10.0)
        connection.close()
        connection.close()  # does no harm
        assert 'graph-client' not in {thread.name for thread in threading.enumerate()}
        assert not deaths


def test_a_closed_client_leaves_no_threads_of_the_middleware_behind(graph):
    def threads():
        return len(list(Path('/proc/self/task').iterdir()))

    before = threads()
    gc.disable()  # which would hide them sooner or later
    try:
        for _ in range(3):
            GraphClient(domain_id=graph.domain).close()
        graph.spin_until(lambda: threads() <= before)
    finally:
        gc.enable()


def test_what_was_closed_says_so(graph):
    with GraphConnection(domain_id=graph.domain) as connection:
        connection.begin()
    with pytest.raises(GraphError, match='has been closed'):
        connection.start(lambda: None)


def test_a_callback_that_does_not_end_keeps_its_executor(graph):
    at_work, go_on = threading.Event(), threading.Event()
    spin = BackgroundSpin(graph.executor, 'stuck')
    graph.node().create_timer(0.001, lambda: (at_work.set(), go_on.wait()))
    spin.start()
    assert at_work.wait(10.0)
    started_s = time.monotonic()
    assert not spin.end(timeout_s=0.05)
    assert time.monotonic() - started_s < 5.0
    go_on.set()
    assert spin.end(timeout_s=10.0)


def test_what_never_spun_ends_too(graph):
    assert BackgroundSpin(graph.executor, 'idle').end()
