"""A recorder hears every publisher of a topic, whatever it offers and whenever it comes."""

import numpy as np
import pytest
import rclpy
import yaml
from mcap.reader import make_reader
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import Float64, Int32

from jepa_wm_ros.data.writing.bag_writer import BagWriter
from jepa_wm_ros.nodes import recorder as recorder_module
from jepa_wm_ros.nodes.recorder import BagRecorder, RecordSettings
from jepa_wm_ros.ros.joining import join

RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=3,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@pytest.fixture
def recorder(graph, tmp_path):
    """A recorder with a node in another context, as in another process."""
    context = join(domain_id=graph.domain)
    node = rclpy.create_node('recorder', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    writer = BagWriter(tmp_path / 'bag')
    made = BagRecorder(node, writer, RecordSettings(topics=('/number', '/other')))
    graph.executor_of_recorder = executor
    yield made
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


class Both:
    """Spins the talkers and the recorder."""

    def __init__(self, graph, recorder, folder):
        self.graph, self.recorder, self.folder = graph, recorder, folder

    def until(self, condition):
        def spun():
            self.graph.executor_of_recorder.spin_once(timeout_sec=0.0)
            return condition()

        self.graph.spin_until(spun, 20.0)

    def publisher(self, profile, kind=Int32, name='talker'):
        node = self.graph.node(name)
        made = node.create_publisher(kind, 'number', profile)
        return made

    def say(self, publisher, numbers):
        for number in numbers:
            publisher.publish(Int32(data=int(number)))
            self.graph.executor_of_recorder.spin_once(timeout_sec=0.005)

    def written(self):
        return self.recorder._known['/number'].facts.count

    def close(self):
        self.recorder._writer.close()
        with (self.folder / 'bag_0.mcap').open('rb') as stream:
            return [
                deserialize_message(m.data, Int32).data
                for _, _, m in make_reader(stream).iter_messages()
            ]


@pytest.fixture
def both(graph, recorder, tmp_path):
    return Both(graph, recorder, tmp_path / 'bag')


@pytest.mark.parametrize(
    ('first', 'second'),
    [(RELIABLE, BEST_EFFORT), (LATCHED, BEST_EFFORT), (LATCHED, RELIABLE), (BEST_EFFORT, LATCHED)],
    ids=['less reliable', 'less of all', 'not latched', 'more of all'],
)
def test_all_messages_of_a_publisher_that_comes_later_are_kept_once(both, first, second):
    one = both.publisher(first)
    both.until(one.get_subscription_count)
    both.say(one, range(20))
    both.until(lambda: both.written() == 20)
    two = both.publisher(second, name='late')
    both.until(two.get_subscription_count)
    both.say(two, range(20, 40))
    both.say(one, range(40, 60))
    both.until(lambda: both.written() >= 60)
    both.until(lambda: len(both.recorder._known['/number'].facts.qos) == 2)
    assert sorted(both.close()) == list(range(60))
    offered = yaml.safe_load((both.folder / 'metadata.yaml').read_text())
    (topic,) = offered['rosbag2_bagfile_information']['topics_with_message_count']
    profiles = topic['topic_metadata']['offered_qos_profiles']
    assert len(profiles) == 2


def test_publishers_of_two_kinds_from_the_start_are_heard_as_each_of_them_offers(both):
    one, two = both.publisher(RELIABLE), both.publisher(BEST_EFFORT, name='other')
    both.until(lambda: one.get_subscription_count() and two.get_subscription_count())
    asked = both.recorder._known['/number'].asked
    both.until(lambda: len(asked) == 2)
    numbers = np.arange(10)
    both.say(one, numbers)
    both.say(two, numbers + 10)
    both.until(lambda: both.written() >= 20)
    assert sorted(both.close()) == list(range(20))


def test_latched_messages_that_two_subscriptions_hear_are_written_once(both):
    one = both.publisher(LATCHED)
    both.say(one, range(3))
    both.until(lambda: '/number' in both.recorder._known)
    both.until(lambda: both.written() == 3)
    both.publisher(BEST_EFFORT, name='late')
    both.until(lambda: len(both.recorder._known['/number'].asked) == 2)
    both.say(one, [3])
    both.until(lambda: both.written() >= 4)
    assert both.close() == [0, 1, 2, 3]


def test_equal_messages_of_one_publisher_are_all_written(both):
    one = both.publisher(RELIABLE)
    both.until(one.get_subscription_count)
    both.say(one, [7] * 10)
    both.until(lambda: both.written() >= 10)
    assert both.close() == [7] * 10


def test_a_second_type_on_a_topic_is_told(both):
    one = both.publisher(RELIABLE)
    both.until(one.get_subscription_count)
    # a participant of DDS has one type for a topic, so the other one is elsewhere
    context = join(domain_id=both.graph.domain)
    intruder = rclpy.create_node('intruder', context=context)
    intruder.create_publisher(Float64, 'number', RELIABLE)
    both.until(lambda: both.recorder.refused)
    intruder.destroy_node()
    context.try_shutdown()
    assert 'std_msgs/msg/Float64 by /intruder' in both.recorder.refused['/number']
    both.say(one, range(5))
    both.until(lambda: both.written() == 5)


def test_a_publisher_that_does_not_fit_is_heard_at_once_not_with_the_next_look(both, monkeypatch):
    monkeypatch.setattr(recorder_module, '_AGAIN', 10**9)
    one = both.publisher(RELIABLE)
    both.until(one.get_subscription_count)
    both.until(lambda: both.recorder._looks > 1)
    two = both.publisher(BEST_EFFORT, name='late')
    both.until(two.get_subscription_count)
