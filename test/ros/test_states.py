"""Life-cycle states asked from outside."""

import time

import pytest
from lifecycle_msgs.srv import GetState

from jepa_wm_ros.ros.states import StateWatch

NODES = [f'part{number}' for number in range(8)]


@pytest.fixture
def asked(graph):
    """Nodes that say what is in `labels`; how often each was asked."""
    labels, counts = dict.fromkeys(NODES, 'active'), dict.fromkeys(NODES, 0)

    def answer(name):
        def said(_, response):
            counts[name] += 1
            response.current_state.label = labels[name]
            return response

        return said

    node = graph.node('parts')
    for name in NODES:
        node.create_service(GetState, f'{name}/get_state', answer(name))
    return labels, counts


def test_many_nodes_are_heard_by_who_looks_seldom(graph, asked):
    labels, _ = asked
    labels['part3'] = 'inactive'
    with StateWatch(NODES, graph.domain) as watch:
        looks = 0
        while '' in watch.look().values():
            looks += 1
            assert looks < 100, f'never heard: {watch.look()}'
            until = time.monotonic() + 0.2
            graph.spin_until(lambda until=until: time.monotonic() > until)
        assert watch.look() == labels
        assert watch.not_active() == ['part3']


def test_a_node_that_gets_active_is_noticed_and_then_asked_seldom(graph, asked):
    labels, counts = asked
    labels['part0'] = 'unconfigured'
    with StateWatch(['part0'], graph.domain) as watch:
        graph.spin_until(lambda: watch.look()['part0'] == 'unconfigured', 30.0)
        labels['part0'] = 'active'
        graph.spin_until(lambda: watch.look()['part0'] == 'active', 30.0)
        before = counts['part0']
        for _ in range(10):
            watch.look()
            graph.executor.spin_once(timeout_sec=0.01)
        assert counts['part0'] <= before + 1


def test_a_node_that_is_not_there_has_no_state(graph):
    with StateWatch(['nobody'], graph.domain) as watch:
        assert watch.look() == {'nobody': ''}
        assert watch.not_active() == ['nobody']
