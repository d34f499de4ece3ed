"""Ends of goals that we did not cause are complained about; our own never are, in any order."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray
from cleared import route, stop_route
from test_backends import JOINTS, ROUTE, SPEEDS, FakeClient, FakeNode, Handle, make
from unique_identifier_msgs.msg import UUID

from jepa_wm_ros.nodes.backends import joint_trajectory_action
from jepa_wm_ros.nodes.backends.other_goals import OtherGoals, sibling
from jepa_wm_ros.robot.motion import RoutePoint

SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
LONG = [RoutePoint(9.0, JOINTS, np.zeros(7))]
REJECTED = 1


@pytest.fixture
def action(monkeypatch):
    monkeypatch.setattr(joint_trajectory_action, 'ActionClient', FakeClient)
    complaints = []
    backend, node = make('joint_trajectory_action', complain=complaints.append)
    backend.complaints, backend.node = complaints, node
    return backend


def outcome(status, code=0, words=''):
    return SimpleNamespace(
        status=status, result=SimpleNamespace(error_code=code, error_string=words)
    )


def accepted(action, number=0):
    """Let the controller take a goal; return its handle."""
    handle = Handle()
    action._client.answers[number].give(handle)
    return handle


@pytest.mark.parametrize(
    ('end', 'words'),
    [
        (outcome(CANCELED), 'cancelled, and not by us'),
        (outcome(ABORTED, -4, 'path tolerance'), 'code -4: path tolerance'),
        (outcome(ABORTED, -1, 'preempted by new incoming action'), 'preempted'),
        (outcome(SUCCEEDED), 'before its time'),
        (outcome(0), 'lost the motion'),
    ],
    ids=['cancelled', 'aborted', 'replaced', 'early', 'unknown'],
)
def test_an_end_that_we_did_not_cause_is_complained_about(action, end, words):
    action.play(route(LONG))
    accepted(action).outcome.give(end)
    (complaint,) = action.complaints
    assert words in complaint
    assert 'follow_joint_trajectory' in complaint


@pytest.mark.parametrize('late_s', [0.0, 5.0])
def test_an_end_at_its_time_or_later_is_all_right(action, monkeypatch, late_s):
    moment = SimpleNamespace(now=100.0)
    monkeypatch.setattr(joint_trajectory_action, 'now_s', lambda _: moment.now)
    action.play(route(LONG))
    handle = accepted(action)
    moment.now += LONG[-1].time_s + late_s
    handle.outcome.give(outcome(SUCCEEDED))
    assert action.complaints == []


# What we do to a goal, in the order in which we do it.
OURS = {
    'cancelled': [lambda action: action.play(route([]))],
    'replaced': [lambda action: action.play(route(LONG))],
    'braked': [lambda action: action.play(stop_route(JOINTS, SPEEDS))],
    'braked at rest': [lambda action: action.play(stop_route(JOINTS, 0.0 * SPEEDS))],
    'replaced and cancelled': [
        lambda action: action.play(route(LONG)),
        lambda action: action.play(route([])),
    ],
    'cancelled and replaced': [
        lambda action: action.play(route([])),
        lambda action: action.play(route(LONG)),
    ],
    'braked and replaced': [
        lambda action: action.play(stop_route(JOINTS, SPEEDS)),
        lambda action: action.play(route(LONG)),
    ],
}
ENDS = [outcome(CANCELED), outcome(ABORTED, -1, 'preempted'), outcome(SUCCEEDED)]
ORDERS = {
    'accepted, ours, ended': (0, 1, 2),
    'ours, accepted, ended': (1, 0, 2),
}


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('end', ENDS, ids=['canceled', 'aborted', 'succeeded'])
@pytest.mark.parametrize('deed', OURS)
def test_what_we_do_ourselves_is_never_complained_about(action, deed, end, order):
    handle = Handle()
    events = [
        lambda: action._client.answers[0].give(handle),
        lambda: [step(action) for step in OURS[deed]],
        lambda: handle.outcome.give(end),
    ]
    action.play(route(LONG))
    for number in ORDERS[order]:
        events[number]()
    assert action.complaints == []


# 0: the first is accepted, 1: it ends, 2: the second is accepted, 3: we hold. A result is asked
# for after the goal is accepted.
POSSIBLE = [order for order in itertools.permutations(range(4)) if order.index(0) < order.index(1)]


@pytest.mark.parametrize('order', POSSIBLE)
def test_a_replacement_is_never_complained_about_in_any_order_of_answers(action, order):
    first, second = Handle(), Handle()
    action.play(route(LONG))
    action.play(route(LONG))
    events = [
        lambda: action._client.answers[0].give(first),
        lambda: first.outcome.give(outcome(CANCELED)),
        lambda: action._client.answers[1].give(second),
        lambda: action.play(route([])),
    ]
    for number in order:
        events[number]()
    second.outcome.give(outcome(CANCELED))
    assert action.complaints == []


def test_an_early_end_after_our_cancel_and_its_answer_are_silent(action):
    action.play(route(LONG))
    handle = accepted(action)
    action.play(route([]))
    handle.answer.give(SimpleNamespace(return_code=0))
    handle.outcome.give(outcome(SUCCEEDED))
    assert action.complaints == []
    assert action.delivered()


def test_a_controller_that_refuses_to_cancel_is_complained_about(action):
    action.play(route(LONG))
    handle = accepted(action)
    action.play(route([]))
    handle.answer.give(SimpleNamespace(return_code=REJECTED))
    assert 'refuses to cancel' in action.complaints[0]


@pytest.mark.parametrize('accepted_first', [True, False])
def test_a_motion_whose_replacement_is_rejected_is_cancelled(action, accepted_first):
    first = Handle()
    action.play(route(LONG))
    action.play(route(LONG))
    answers = action._client.answers
    if accepted_first:
        answers[0].give(first)
    answers[1].give(Handle(accepted=False))
    if not accepted_first:
        answers[0].give(first)
    assert first.cancelled == 1
    assert 'rejected' in action.complaints[0]
    first.outcome.give(outcome(CANCELED))
    assert len(action.complaints) == 1


def test_a_hold_that_is_repeated_cancels_once(action):
    action.play(route(LONG))
    handle = accepted(action)
    for _ in range(3):
        action.play(route([]))
    assert handle.cancelled == 1


@pytest.mark.parametrize('end', [outcome(CANCELED), outcome(ABORTED, -1), outcome(SUCCEEDED)])
def test_to_brake_after_an_end_that_is_not_ours_cancels_the_goals_of_all(action, end):
    action.play(route(LONG))
    accepted(action).outcome.give(end)
    action.play(stop_route(JOINTS, SPEEDS))
    assert len(action._client.goals) == 1  # it would lead the arm on from where it was stopped
    (request,) = action.node.calls
    assert not any(request.goal_info.goal_id.uuid)
    assert request.goal_info.stamp.sec == request.goal_info.stamp.nanosec == 0
    assert not action.delivered()


def test_to_brake_while_a_goal_of_another_client_is_under_way_cancels_all(action):
    _, hear = action.node.heard
    action._others._sentence = lambda: 'somebody'
    action.play(route(LONG))
    accepted(action)
    hear(states(a=2))
    action.play(stop_route(JOINTS, SPEEDS))
    assert len(action.node.calls) == 1


def test_what_we_end_ourselves_leaves_the_goals_of_others_alone(action):
    action.play(route(LONG))
    accepted(action)
    action.play(route([]))
    action.play(route(LONG))
    action.play(stop_route(JOINTS, SPEEDS))
    assert action.node.calls == []


def test_a_controller_that_goes_away_in_a_motion_is_complained_about_once(action):
    action.play(route(LONG))
    accepted(action)
    action._client.server_is_ready = lambda: False
    for look in action.node.timers * 2:
        look()
    (complaint,) = action.complaints
    assert 'is gone' in complaint


def test_a_controller_that_goes_away_at_rest_is_an_obstacle_only(action):
    action._client.server_is_ready = lambda: False
    for look in action.node.timers:
        look()
    assert action.complaints == []
    assert 'has no server' in action.obstacle()


def test_goals_of_ours_that_end_are_forgotten(action):
    for number in range(3):
        action.play(route(ROUTE))
        accepted(action, number).outcome.give(outcome(CANCELED))
    assert not action._live


# -- other clients -------------------------------------------------------------------------------


def states(**goals):
    """Write the states of goals, by the first letter of their ids."""
    return GoalStatusArray(
        status_list=[
            GoalStatus(status=status, goal_info=GoalInfo(goal_id=UUID(uuid=[ord(name)] * 16)))
            for name, status in goals.items()
        ]
    )


class GraphNode(FakeNode):
    """A node in a graph with MoveIt."""

    def __init__(self):
        super().__init__()
        self.servers = [b'server']

    def get_publishers_info_by_topic(self, topic):
        return [SimpleNamespace(endpoint_gid=gid) for gid in self.servers]

    def resolve_service_name(self, name):
        return f'/{name}'

    def get_fully_qualified_name(self):
        return '/action_publisher'

    def get_node_names_and_namespaces(self):
        return [('action_publisher', '/'), ('move_group', '/lab'), ('gone', '/'), ('rviz', '/')]

    def get_client_names_and_types_by_node(self, name, namespace):
        if name == 'gone':
            raise RuntimeError
        service = '/arm/follow_joint_trajectory/_action/send_goal'
        return [] if name == 'rviz' else [(service, ['x'])]


@pytest.fixture
def watch():
    node, arrived = GraphNode(), []
    made = OtherGoals(node, 'arm/follow_joint_trajectory', arrived.append)
    made.node, made.arrived = node, arrived
    _, made.hear = node.heard
    return made


@pytest.mark.parametrize('status', [1, 2, 3])
def test_a_goal_of_another_client_is_named_with_its_client(watch, status):
    assert watch.others() == ''
    watch.hear(states(a=status))
    sentence = watch.others()
    assert '61616161' in sentence
    assert 'other clients: /lab/move_group)' in sentence
    assert 'arm/follow_joint_trajectory' in sentence
    assert watch.arrived == [sentence]


def test_a_goal_is_told_of_once_and_each_new_one_again(watch):
    watch.hear(states(a=2))
    watch.hear(states(a=2))
    assert len(watch.arrived) == 1
    watch.hear(states(a=2, b=1))
    assert len(watch.arrived) == 2


@pytest.mark.parametrize('status', [SUCCEEDED, CANCELED, ABORTED])
def test_a_goal_that_has_ended_is_none(watch, status):
    watch.hear(states(a=2))
    watch.hear(states(a=status))
    assert watch.others() == ''
    assert len(watch.arrived) == 1


def test_our_own_goals_are_none_however_many_there_are(watch):
    for number in range(1000):
        watch.own(number.to_bytes(16, 'big'))
    watch.own(b'a' * 16)
    watch.hear(states(a=2))
    assert watch.others() == ''
    assert watch.arrived == []
    assert len(watch._own) <= 256


def test_the_goals_of_a_server_that_is_gone_are_forgotten(watch):
    watch.others()
    watch.hear(states(a=2))
    assert watch.others()
    watch.node.servers = [b'the next one']
    assert watch.others() == ''


def test_the_action_backend_knows_its_own_goals(action):
    _, hear = action.node.heard
    action.play(route(LONG))
    message = states(a=2)
    message.status_list[0].goal_info.goal_id.uuid = list(action._client.ids[0])
    hear(message)
    assert action.obstacle() == ''
    assert action.complaints == []


@pytest.mark.parametrize('name', ['joint_trajectory', 'joint_trajectory_action'])
def test_a_foreign_goal_is_an_obstacle_and_its_arrival_a_complaint(monkeypatch, name):
    monkeypatch.setattr(joint_trajectory_action, 'ActionClient', FakeClient)
    monkeypatch.setattr('test_backends.FakeNode', GraphNode)
    topic = 'arm/joint_trajectory' if name == 'joint_trajectory' else 'arm/follow_joint_trajectory'
    complaints = []
    backend, node = make(name, command_topic=topic, complain=complaints.append)
    assert backend.obstacle() == ''
    status_topic, hear = node.heard
    assert status_topic.strip('/') == 'arm/follow_joint_trajectory/_action/status'
    hear(states(a=2))
    assert 'is not ours' in complaints[0]
    assert 'is not ours' in backend.obstacle()


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('follow_joint_trajectory', 'joint_trajectory'),
        ('fr3/arm/follow_joint_trajectory', 'fr3/arm/joint_trajectory'),
        ('/a/follow_joint_trajectory', '/a/joint_trajectory'),
        ('other', None),
    ],
)
def test_topic_and_action_of_a_controller_are_found_from_each_other(name, found):
    assert sibling(name, 'follow_joint_trajectory', 'joint_trajectory') == found
    if found is not None:
        assert sibling(found, 'joint_trajectory', 'follow_joint_trajectory') == name


def test_on_the_topic_beside_our_action_nobody_is_expected(action):
    assert action.topic == 'joint_trajectory'
    assert action.own_publishers == 0
