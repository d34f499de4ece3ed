"""docs/nodes.md names what the nodes have."""

import re

import pytest
from policy_rig import OneModel, PointModel
from rclpy.lifecycle import TransitionCallbackReturn

from jepa_wm_ros.nodes.action_publisher import ActionPublisher
from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.insight import InsightNode
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.nodes.visualizer import VisualizerNode
from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.worker import Worker

STANDARD = re.compile(
    r'/(parameter_events|rosout|diagnostics|clock)$|/_action/'
    r'|/\w+/(\w*parameters?\w*|get_\w+|change_state|transition_event|\w*logger_levels?)$'
)
MAKERS = {
    'encoder': lambda graph: EncoderNode(
        Worker(graph.executor), OneModel(PointModel()), context=graph.context
    ),
    'planner': lambda graph: PlannerNode(
        Worker(graph.executor), OneModel(PointModel()), context=graph.context
    ),
    'insight': lambda graph: InsightNode(
        Worker(graph.executor), OneModel(PointModel()), context=graph.context
    ),
    'action_publisher': lambda graph: ActionPublisher(context=graph.context),
    'visualizer': lambda graph: VisualizerNode(context=graph.context),
}


def documented(node):
    text = share('docs', 'nodes.md').read_text()
    (section,) = re.findall(rf'^## {node}\n(.*?)(?=^## )', text, re.M | re.S)
    return set(re.findall(r'`/?(\w+)`', section))


@pytest.mark.parametrize('name', MAKERS)
def test_topics_services_and_actions_are_in_the_documentation(graph, name):
    node = graph.add(MAKERS[name](graph))
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    names = [entity.topic_name for entity in (*node.publishers, *node.subscriptions)]
    names += [service.srv_name for service in node.services]
    resolved = {'/' + entity.lstrip('/') for entity in names}
    own = {entity.lstrip('/') for entity in resolved if not STANDARD.search(entity)}
    assert own
    assert own <= documented(name)
    node.trigger_shutdown()
