import pytest

from jepa_wm_ros.ros import loopback
from jepa_wm_ros.ros.loopback import LoopbackError, measure


def test_pictures_arrive_from_another_process(domain):
    delays = measure(domain)
    assert len(delays) >= loopback.PICTURES
    assert 0.0 < min(delays) < loopback.TIMEOUT_S


def test_too_few_pictures_are_an_error_that_counts_them(domain, monkeypatch):
    monkeypatch.setattr(loopback, 'PICTURES', 10**6)
    monkeypatch.setattr(loopback, 'TIMEOUT_S', 0.2)
    with pytest.raises(LoopbackError, match='of 1000000 pictures'):
        measure(domain)
