"""A bag in the graph: every byte in its order, `/clock`, loops, pauses, and the same latents."""

import numpy as np
import pytest
import torch
from cell_bags import write_cell_bag
from fabricated import write_bag
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.data.timeline import TimelineError
from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.models import ModelShelf
from jepa_wm_ros.nodes.player import BagPlayer, PlaySettings, choose
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.bringup import SAID_BEFORE
from jepa_wm_ros.ros.conversions import decode_stamp
from jepa_wm_ros.ros.drivers import ARMS, GRIPPERS
from jepa_wm_ros.ros.spinning import autostart
from jepa_wm_ros.ros.worker import Worker


def heard(node):
    """Whether somebody listens to the pictures and joint states of a player."""
    names = ('/image', '/joint_states')
    return all(p.get_subscription_count() for p in node.publishers if p.topic in names)


class Listener:
    """Hears what a player says, as bytes."""

    def __init__(self, graph):
        self.graph, self.node = graph, graph.node('listener')
        self.heard, self.clock = [], []
        for topic, kind in (('/image', Image), ('/joint_states', JointState)):
            callback = lambda data, topic=topic: self.heard.append((topic, bytes(data)))  # noqa: E731
            self.node.create_subscription(kind, topic, callback, qos.sensor(1000), raw=True)
        self.node.create_subscription(
            Clock, '/clock', lambda m: self.clock.append(decode_stamp(m.clock)), 1000
        )

    def player(self, bag, **settings):
        node = self.graph.node('bag_player')
        spin = lambda seconds: self.graph.executor.spin_once(timeout_sec=seconds)  # noqa: E731
        player = BagPlayer(node, bag, PlaySettings(**settings), spin)
        self.graph.spin_until(lambda: heard(node))
        return player

    def of(self, topic):
        return [data for name, data in self.heard if name == topic]


@pytest.fixture
def listener(graph):
    return Listener(graph)


@pytest.fixture
def bag(tmp_path):
    write_bag(tmp_path / 'bag', seconds=2.0, state_hz=50.0)
    with open_bag(tmp_path / 'bag') as opened:
        yield opened


def test_every_message_comes_as_it_was_with_the_time_on_the_clock(listener, bag):
    listener.player(bag, rate=4.0).play()
    listener.graph.spin_until(lambda: len(listener.heard) == 31 + 101)
    for topic in ('/image', '/joint_states'):
        assert listener.of(topic) == [bytes(m.data) for m in bag.messages([topic])]
    times = np.array(listener.clock)
    assert (np.diff(times) >= 0).all()
    assert times[0] < 1000.2
    assert 1001.8 < times[-1] <= 1002.0


def test_a_part_of_a_bag_under_another_name(listener, bag):
    remap = {'/joint_states': '/elsewhere'}
    player = listener.player(bag, rate=8.0, start_s=0.5, end_s=1.0, topics=('/ima*',), remap=remap)
    player.play()
    stamps = [m.log_s - 1000.0 for m in bag.messages(['/image'])]
    assert player.played == sum(0.5 <= stamp <= 1.0 for stamp in stamps) == 8


def test_a_loop_begins_anew_and_the_clock_jumps_back(listener, bag):
    player = listener.player(bag, rate=8.0, end_s=1.0, loop=True)
    timer = listener.node.create_timer(0.45, player.stop)
    player.play()
    timer.cancel()
    steps = np.diff(listener.clock)
    assert (steps < -0.5).sum() >= 2
    first = bytes(next(iter(bag.messages(['/image']))).data)
    assert listener.of('/image').count(first) >= 3


def test_a_paused_player_plays_one_message_at_a_time(listener, bag):
    player = listener.player(bag, paused=True, topics=('/image',))
    caller = listener.graph.node('caller')
    following = caller.create_client(Trigger, '/bag_player/play_next')
    pausing = caller.create_client(SetBool, '/bag_player/pause')
    listener.graph.spin_until(lambda: following.service_is_ready() and pausing.service_is_ready())
    seen = []

    def ask():
        seen.append(player.played)
        if len(seen) == 4:
            player.stop()
        else:
            following.call_async(Trigger.Request())

    caller.create_timer(0.2, ask)
    player.play()
    assert seen == [0, 1, 2, 3]
    assert player.paused


def test_nothing_to_play_is_said(listener, bag):
    with pytest.raises(TimelineError, match='nothing to play'):
        listener.player(bag, topics=('/none',))


@pytest.fixture
def live(graph):
    """Play a bag to an encoder with the shipped model; returns what it observed."""

    def run(path, *, sim_time, **settings):
        observed = []
        parameters = {'gripper_joint': 'panda_finger_joint1', 'gripper': 'franka_hand'}
        parameters['use_sim_time'] = sim_time
        encoder = graph.add(
            EncoderNode(
                Worker(graph.executor),
                ModelShelf(),
                context=graph.context,
                parameter_overrides=[Parameter(k, value=v) for k, v in parameters.items()],
            )
        )
        assert autostart(encoder)
        encoder.listeners.append(observed.append)
        node = graph.node('bag_player')
        with open_bag(path) as bag:
            spin = lambda seconds: graph.executor.spin_once(timeout_sec=seconds)  # noqa: E731
            player = BagPlayer(node, bag, PlaySettings(**settings), spin)
            graph.spin_until(lambda: heard(node))
            timer = node.create_timer(5.0, player.stop)
            player.play()
            timer.cancel()
        return observed

    return run


def test_latents_of_a_bag_are_those_of_the_live_encoder(graph, live, tmp_path):
    from jepa_wm_ros.data.readers.detection import find_source
    from jepa_wm_ros.data.readers.mapping import read_mapping
    from jepa_wm_ros.evaluation.bags.tracks import Losses, read_tracks

    write_cell_bag(tmp_path / 'bag', steps=8)
    observed = live(tmp_path / 'bag', sim_time=False, clock_hz=0.0)
    graph.spin_until(lambda: len(observed) >= 8)
    source = find_source(tmp_path / 'bag', read_mapping(), '', 0.25)
    model = ModelShelf().load('', 'cpu', 1)
    with source.open('bag') as recording:
        (track,) = read_tracks(recording, model, 0.25, Losses())
    bagged = dict(zip(track.stamps, track.latents, strict=True))
    for seen in observed:
        assert torch.equal(bagged[seen.stamp_s].tokens, seen.latent.tokens)
        assert torch.equal(bagged[seen.stamp_s].proprio, seen.latent.proprio)


def test_the_encoder_goes_on_when_a_bag_begins_anew(live, tmp_path):
    write_cell_bag(tmp_path / 'bag', steps=5)
    observed = live(tmp_path / 'bag', sim_time=True, loop=True, rate=1.5)
    stamps = np.array([seen.stamp_s for seen in observed])
    back = np.flatnonzero(np.diff(stamps) < 0)
    assert len(back) >= 2
    # every pass is seen nearly as a whole
    assert np.diff(back).min() >= 4


def test_a_replay_leaves_out_what_nodes_said_and_commanded_when_it_was_recorded(published):
    replayed = PlaySettings(exclude=SAID_BEFORE)
    said = {f'/{topic}'.replace('//', '/') for topic in published}
    assert {'/latent', '/plan', '/safety_status'} <= said
    assert {topic for topic in said if replayed.wants(topic)} == {
        '/robot_description',
        '/tf',
        '/tf_static',
    }
    commanded = {
        f'/left/{name}'
        for arm in ARMS.values()
        for role, name in arm.topics.items()
        if role != 'joint_states'
    }
    commanded |= {
        f'/{gripper["gripper_topic"]}'
        for gripper in GRIPPERS.values()
        if gripper['gripper_driver'] in ('float64', 'trajectory')
    }
    assert commanded
    assert not [topic for topic in commanded if replayed.wants(topic)]
    assert replayed.wants('/camera/camera/color/image_raw')
    assert replayed.wants('/left/joint_states')


@pytest.mark.parametrize(
    ('asked', 'words'),
    [
        ({'topics': ('/nothing',)}, 'it has: /image, /joint_states'),
        ({'start_s': 50.0}, 'the bag ends 2.0 s after its beginning'),
        ({'topics': ('/image', '/joint_state')}, 'did you mean /joint_states'),
        ({'remap': {'/camera': '/image'}}, 'nothing to play on /camera'),
        ({'remap': {'/image': '/a b'}}, "'/a b' is no name of a topic"),
        ({'remap': {'/image': '/joint_states'}}, 'image and /joint_states would be .* on one'),
        ({'start_s': float('nan')}, 'must be numbers'),
        ({'clock_hz': float('inf')}, 'must be numbers'),
        ({'end_s': float('nan')}, 'must lie behind the start'),
    ],
)
def test_what_cannot_be_played_is_told_with_what_could(graph, bag, asked, words):
    with pytest.raises(TimelineError, match=words):
        BagPlayer(graph.node(), bag, PlaySettings(**asked), lambda _: None)


def test_names_without_a_slash_are_those_of_the_bag(bag):
    chosen = choose(bag, PlaySettings(remap={'image': 'camera/image'}))
    assert chosen.names['/image'] == '/camera/image'


def test_what_is_no_bag_is_told(tmp_path):
    for path in (tmp_path, tmp_path / 'nothing'):
        with pytest.raises(RecordingError, match=r'is no bag: give a folder'), open_bag(path):
            pass
