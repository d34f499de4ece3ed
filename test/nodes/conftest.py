import pytest
from fake_arm import FakeArm
from policy_rig import OneModel, PointModel, PolicyRig
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile

from jepa_wm_ros.nodes.action_publisher import ActionPublisher
from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.insight import InsightNode
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.nodes.visualizer import VisualizerNode
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker


@pytest.fixture
def make_publisher(graph):
    def make(**parameters) -> ActionPublisher:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = graph.add(ActionPublisher(context=graph.context, parameter_overrides=overrides))
        assert autostart(node)
        return node

    return make


@pytest.fixture
def arm(graph, make_publisher) -> FakeArm:
    """An arm whose node is patient: a busy machine lets all processes sleep now and then."""
    make_publisher(max_joint_age_s=0.4, max_image_age_s=0.8, hold_floor_s=0.5)
    arm = FakeArm(graph)
    arm.ready()
    return arm


@pytest.fixture
def make_rig(graph):
    """Makes encoder, planner and fake cell; takes parameters of the planner."""
    rigs = []

    def make(**kwargs) -> PolicyRig:
        rigs.append(PolicyRig(graph, **kwargs))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.model.gate.set()
        rig.close()


@pytest.fixture
def rig(make_rig) -> PolicyRig:
    return make_rig()


@pytest.fixture
def published(graph):
    """Type, reliability and durability of every topic that our nodes publish."""
    model = PointModel()
    nodes = [VisualizerNode(context=graph.context), ActionPublisher(context=graph.context)]
    for kind in (EncoderNode, PlannerNode, InsightNode):
        nodes.append(kind(Worker(graph.executor), OneModel(model), context=graph.context))
    topics = {}
    for node in nodes:
        graph.add(node)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        for publisher in node.publishers:
            kind = publisher.msg_type.__module__.split('.')[0]
            profile: QoSProfile = publisher.qos_profile
            topics[publisher.topic_name.removeprefix('/')] = (
                f'{kind}/msg/{publisher.msg_type.__name__}',
                profile.reliability.name,
                profile.durability.name,
            )
    yield topics
    for node in nodes:
        node.trigger_shutdown()
