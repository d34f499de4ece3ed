"""`jepa-wm top`: what is shown of a graph, and what is missed in it."""

import json
import math
import time

import pytest
from jepa_wm_msgs.msg import ObservationHealth, Plan, SafetyStatus
from lifecycle_msgs.srv import GetState
from rich.console import Console

from jepa_wm_ros.cli import top
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import encode_stamp
from jepa_wm_ros.ros.vitals import NEEDED, Signs, Stream, Vitals


def signs(**changes) -> Signs:
    values = {
        'nodes': dict.fromkeys(NEEDED, 'active'),
        'streams': (
            Stream(
                name='camera',
                rate_hz=29.96,
                age_s=0.033,
                latency_s=0.0088,
                latency_of='to encoder',
            ),
            Stream(
                name='plans', rate_hz=0.0, age_s=math.inf, latency_s=math.nan, latency_of='to plan'
            ),
        ),
        'state': 'ARMED',
        'message': 'waits for a plan [really]',
        'clamped': 3,
        'refused': 1,
        'held': 2,
        'goal': 'g',
        'step': 4,
        'costs': (4.0, 2.0, 1.0),
        'expected': 0.5,
        'surprise': math.nan,
        'said': ('WARN', 'planner', 'no gain'),
    }
    return Signs(**{**values, **changes})


def printed(these: Signs) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(top.overview(these))
    return capture.get()


def test_what_flows_stands_with_rate_age_and_delay() -> None:
    (row,) = (line for line in printed(signs()).splitlines() if 'camera' in line)
    assert row.split()[-8:] == ['camera', '30.0', '33', 'ms', '9', 'ms', 'to', 'encoder']
    (row,) = (line for line in printed(signs()).splitlines() if 'plans' in line)
    assert 'never' in row


def test_words_of_the_supervisor_and_of_the_log_are_shown_as_they_are() -> None:
    shown = printed(signs())
    assert 'waits for a plan [really]' in shown
    assert '3 clamped, 1 refused, 2 held' in shown
    assert 'WARN planner: no gain' in shown


def test_the_trend_falls_with_the_costs_and_leaves_gaps() -> None:
    assert top.trend((4.0, 2.0, math.nan, 1.0)) == '█▃ ▁'
    assert top.trend((2.0, 2.0)) == '▁▁'
    assert top.trend(()) == ''


@pytest.mark.parametrize(
    ('changes', 'well'),
    [
        ({}, True),
        ({'state': 'FAULT'}, False),
        ({'state': ''}, False),
        ({'nodes': {'encoder': 'active', 'planner': 'absent'}}, False),
    ],
)
def test_a_graph_is_well_when_all_live_and_nothing_is_latched(changes, well: bool) -> None:
    assert top.well(signs(**changes)) is well


def test_json_has_null_for_what_is_not_known() -> None:
    told = json.loads(json.dumps(top.plain(signs()), allow_nan=False))
    assert told['surprise'] is None
    assert told['streams'][1]['age_s'] is None
    assert told['costs'] == [4.0, 2.0, 1.0]


def test_a_graph_is_heard(graph) -> None:
    """One node that speaks; the planner's life cycle answers, the other nodes are missed."""
    node = graph.node('planner')
    node.create_service(GetState, 'planner/get_state', answer)
    health = node.create_publisher(ObservationHealth, 'image_health', qos.events())
    plans = node.create_publisher(Plan, 'plan', qos.latest())
    status = node.create_publisher(SafetyStatus, 'safety_status', qos.latched())
    with Vitals(domain_id=graph.domain) as vitals:

        def speak() -> bool:
            now_s = time.time()
            message = ObservationHealth()
            message.header.stamp = encode_stamp(now_s - 0.5)
            health.publish(message)
            plan = Plan(goal_id='g', cost_now=2.0, cost=1.0, step=7)
            plan.observation_stamp = encode_stamp(now_s - 0.25)
            plan.header.stamp = encode_stamp(now_s)
            plans.publish(plan)
            status.publish(SafetyStatus(state=SafetyStatus.ARMED, message='ready', hold_count=5))
            heard = vitals.signs()
            camera, _, planned, _ = heard.streams
            return (
                heard.nodes['planner'] == 'active'
                and heard.state == 'ARMED'
                and camera.rate_hz > 0
                and planned.rate_hz > 0
            )

        graph.spin_until(speak, timeout_s=30.0)
        heard = vitals.signs()
    assert heard.nodes == {'encoder': 'absent', 'planner': 'active', 'action_publisher': 'absent'}
    camera, joints, planned, _ = heard.streams
    assert camera.latency_s >= 0.5
    assert planned.latency_s == pytest.approx(0.25, abs=1e-3)
    assert math.isinf(joints.age_s)
    assert (heard.message, heard.held, heard.step, heard.costs[-1]) == ('ready', 5, 7, 2.0)
    assert not top.well(heard)


def answer(_, response):
    response.current_state.label = 'active'
    return response


def test_who_prints_once_waits_for_nodes_that_have_not_answered_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(top, 'PERIOD_S', 0.01)
    monkeypatch.setattr(top, 'LISTEN_S', 0.02)
    slow = [signs(nodes={'planner': '?'})] * 20 + [signs(nodes={'planner': 'active'})]

    class Slow:
        def signs(self):
            return slow.pop(0) if len(slow) > 1 else slow[0]

    assert top._listened(Slow()).nodes == {'planner': 'active'}
    slow[:] = [signs(nodes={'planner': '?'})]
    monkeypatch.setattr(top, 'PATIENCE_S', 0.1)
    assert top._listened(Slow()).nodes == {'planner': '?'}
