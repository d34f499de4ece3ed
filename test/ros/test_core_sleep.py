"""Cores stay awake while somebody asks for it, and sleep again afterwards."""

from __future__ import annotations

import struct

from jepa_wm_ros.ros.core_sleep import CoreSleep


def test_a_request_for_no_latency_stands_until_sleep_is_allowed_again(tmp_path):
    requests = tmp_path / 'cpu_dma_latency'
    requests.touch()
    sleep = CoreSleep(requests)
    assert not sleep.forbidden
    sleep.allowed = False
    assert sleep.forbidden
    assert struct.unpack('i', requests.read_bytes()) == (0,)
    sleep.allowed = False  # said again, as a node does at every look
    assert sleep.forbidden
    sleep.allowed = True
    assert not sleep.forbidden


def test_without_permission_nothing_changes(tmp_path):
    sleep = CoreSleep(tmp_path / 'no' / 'such' / 'device')
    sleep.allowed = False
    assert not sleep.forbidden
    sleep.allowed = True
    assert sleep.allowed
