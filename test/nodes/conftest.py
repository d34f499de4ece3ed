import pytest
from fake_arm import FakeArm
from policy_rig import PolicyRig
from rclpy.parameter import Parameter

from jepa_wm_ros.nodes.action_publisher import ActionPublisher
from jepa_wm_ros.ros.spinning import autostart


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
