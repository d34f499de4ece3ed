"""What the action publisher tells about its inputs and its commands."""

import pytest

from jepa_wm_ros.nodes.arm_diagnostics import ArmMonitors
from jepa_wm_ros.nodes.models import memory_values
from jepa_wm_ros.robot.safety import SafetySupervisor


def values(monitors):
    return {d.name: d.values for d in monitors.diagnostics(SafetySupervisor())}


def test_intervals_are_those_within_motions():
    monitors = ArmMonitors()
    for now_s in (1.0, 1.01, 1.02, 5.0, 5.02):
        monitors.sent(now_s)
    told = values(monitors)['commands']
    assert told['sent'] == 5
    assert told['interval_p50_ms'] == pytest.approx(10.0)
    assert told['interval_p95_ms'] == pytest.approx(20.0)


def test_gaps_of_inputs_are_told():
    monitors = ArmMonitors()
    for now_s in (1.0, 1.01, 1.06):
        monitors.joints.tick(now_s)
    assert values(monitors)['joint states']['longest_gap_ms'] == pytest.approx(50.0)
    assert values(monitors)['pictures']['longest_gap_ms'] == 0.0


def test_a_cpu_has_no_memory_of_its_own():
    assert memory_values('cpu') == {}
