"""Pictures of what the model makes of camera and goal, on a world whose answers are known."""

import threading

import numpy as np
import pytest
from policy_rig import GOAL, START, OneModel, picture_of
from sensor_msgs.msg import Image

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.evaluation import palette
from jepa_wm_ros.nodes.insight import InsightNode
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.images import decode_image, encode_image
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker

SECONDS = 20.0


class Studio:
    """Encoder, planner and insight as in the process `policy`."""

    def __init__(self, graph, rig):
        self.graph, self.rig = graph, rig
        self.worker = Worker(graph.executor, name='insight')
        node = self.node = InsightNode(self.worker, OneModel(rig.model), context=graph.context)
        graph.add(node)
        assert autostart(node)
        rig.encoder.listeners.append(node.observe)
        rig.planner.thought_listeners.append(node.think)
        self._goals = rig.user.create_publisher(Image, 'goal_image', qos.latched())

    def want(self, picture):
        """Show a goal picture without pursuing it, as a capture does."""
        self._goals.publish(encode_image(picture))

    def listen(self, topic):
        return self.rig.listen(Image, topic)

    def wait(self, messages, condition=lambda picture: True):
        self.graph.spin_until(lambda: messages and condition(decode_image(messages[-1])), SECONDS)
        return decode_image(messages[-1])


@pytest.fixture
def studio(graph, rig):
    studio = Studio(graph, rig)
    yield studio
    studio.node.trigger_shutdown()


def test_the_map_over_the_camera_shines_where_the_picture_differs_from_the_goal(studio):
    messages = studio.listen('difference_image')
    seen = picture_of(START)
    goal = seen.copy()
    # within the square that the model sees; white: the mean colour is the position
    goal[2:12, 10:20] = 255
    studio.want(goal)
    drawn = studio.wait(messages)
    assert drawn.shape == (32 + 22, 48, 3)
    change = np.abs(drawn[:32].astype(int) - seen).sum(-1)
    row, column = np.unravel_index(change[:, 8:40].argmax(), (32, 32))
    assert 0 <= row < 15
    assert 0 <= column < 15
    assert change[20:30, 28:38].max() < 30  # far from it: as the camera saw it


def test_another_goal_is_another_map(studio):
    messages = studio.listen('difference_image')
    studio.want(picture_of(START))
    same = studio.wait(messages)
    studio.want(picture_of(GOAL))
    studio.wait(messages, lambda picture: not np.array_equal(picture, same))


def test_the_landscape_of_a_plan_marks_where_the_plan_goes(studio):
    messages = studio.listen('landscape_image')
    studio.rig.go(GOAL, max_steps=(1,))
    drawn = studio.wait(messages)
    mark = np.argwhere((drawn == palette.rgb(palette.GOAL)).all(-1))
    assert len(mark)
    row, column = mark.mean(0)
    assert row < 136  # ahead: GOAL lies at larger x
    assert column > 162  # and to the right: at smaller y


def test_a_bundle_without_decoder_says_so_in_the_picture(studio):
    messages = studio.listen('predicted_image')
    studio.rig.go(GOAL, max_steps=(1,))
    drawn = studio.wait(messages)
    assert drawn.min() < 80  # words
    assert studio.node._explainer.trouble == 'this bundle has no decoder'


def test_predictions_are_decoded_step_by_step(studio):
    class Painter:
        def decode(self, latent):
            return latent.tokens[..., 0, :, None, None].expand(-1, 3, 8, 8) * 0.1

    studio.node._explainer._decoder = Painter()
    messages = studio.listen('predicted_image')
    studio.rig.go(GOAL, max_steps=(1,))
    drawn = studio.wait(messages)
    plan = studio.rig.cell.plans[-1]
    assert drawn.shape == (8, 8 * plan.horizon, 3)
    ways = np.array(plan.actions).reshape(-1, 7)[:, :3].cumsum(0) + START
    expected = np.clip(255 * ways, 0, 255).round()
    np.testing.assert_allclose(drawn[4, 4::8], expected, atol=1)


def test_nothing_is_drawn_while_nobody_listens_and_one_round_at_a_time(studio, monkeypatch):
    node, explainer = studio.node, studio.node._explainer
    rounds, gate = [], threading.Event()

    def draw(*_):
        rounds.append(threading.current_thread().name)
        gate.wait(SECONDS)
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(explainer, 'difference', draw)
    studio.want(picture_of(GOAL))
    studio.graph.spin_until(lambda: node._goal is not None, SECONDS)
    node._look()
    assert rounds == []
    messages = studio.listen('difference_image')
    studio.graph.spin_until(lambda: rounds, SECONDS)
    for _ in range(3):
        node._look()
    assert len(rounds) == 1
    assert rounds == ['insight']  # not the threads of encoder and planner
    gate.set()
    studio.wait(messages)


@pytest.mark.parametrize('error', [JepaWmError('no such head'), RuntimeError('out of memory')])
def test_what_cannot_be_drawn_is_reported_and_planning_goes_on(studio, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(studio.node._explainer, 'landscape', fail)
    studio.listen('landscape_image')
    result, _ = studio.rig.go(GOAL)
    studio.graph.spin_until(lambda: studio.node._error_count, SECONDS)
    assert str(error) in studio.node._last_error[0]
    assert studio.node.failure is None
    assert result.code == result.REACHED


def test_the_process_policy_hosts_it(graph):
    from jepa_wm_ros.nodes.policy import policy_nodes

    encoder, planner, insight = policy_nodes(graph.context, graph.executor)
    assert insight.observe in encoder.listeners
    assert insight.think in planner.thought_listeners
    for node in (insight, planner, encoder):
        node.destroy_node()
