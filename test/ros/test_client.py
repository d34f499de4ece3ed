import threading

import numpy as np
import pytest
from fake_graph import FakeGraph
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.msg import Plan, SafetyStatus

from jepa_wm_ros.ros.client import GraphClient, GraphError
from jepa_wm_ros.ros.conversions import encode_stamp
from jepa_wm_ros.ros.listening import listen

PICTURE = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)


@pytest.fixture
def fake(graph):
    fake = FakeGraph(graph)
    yield fake
    fake.close()


@pytest.fixture
def client(graph, fake):
    with GraphClient(domain_id=graph.domain) as client:
        client.wait_until_ready(10.0)
        yield client


def test_arming_is_tried_until_the_inputs_are_fresh(fake, client):
    client.arm()
    assert fake.armed
    client.disarm()
    assert not fake.armed


def test_a_refusal_to_arm_says_why(fake, client):
    fake.arm_refusals = 1_000
    with pytest.raises(GraphError, match='refuses to arm: joint states are stale'):
        client.arm(timeout_s=0.5)


def test_reset_returns_where_the_flange_is(client):
    np.testing.assert_allclose(client.reset(np.array([0.4, 0.1, 0.3])), [0.4, 0.1, 0.3])
    with pytest.raises(GraphError, match='reset was refused: out of reach'):
        client.reset(np.zeros(3))


def test_a_goal_brings_progress_and_an_outcome_by_name(fake, client):
    steps = []
    outcome = client.reach(
        [PICTURE], name='a', max_steps=7, on_progress=lambda progress: steps.append(progress.step)
    )
    assert (outcome.code, outcome.message, outcome.steps) == ('REACHED', 'there', 3)
    assert steps == [0, 1, 2][: len(steps)] != []  # the result may overtake the last ones
    assert list(fake.goals[0].max_steps) == [7]
    assert bytes(fake.goals[0].images[0].data) == PICTURE.tobytes()


def test_a_rejected_goal_is_an_error(fake, client):
    fake.accepts = False
    with pytest.raises(GraphError, match='rejects the goal'):
        client.reach([PICTURE])


def test_a_goal_that_does_not_end_in_time_is_cancelled(fake, client):
    fake.answers = False
    with pytest.raises(GraphError, match='did not answer within'):
        client.reach([PICTURE], timeout_s=0.5)
    assert fake.cancelled.is_set()


def test_a_dead_process_ends_the_waiting_and_cancels_the_goal(graph, fake):
    fake.answers = False

    def watch():
        if fake.begun.is_set():
            raise GraphError('sim died')

    with (
        GraphClient(domain_id=graph.domain, watch=watch) as client,
        pytest.raises(GraphError, match='sim died'),
    ):
        client.reach([PICTURE])
    assert fake.cancelled.is_set()


def test_a_parameter_of_the_planner_is_set_or_the_refusal_told(fake, client):
    client.configure_planner(stop_when_reached=False)
    assert fake.node.get_parameter('stop_when_reached').value is False
    with pytest.raises(GraphError, match='refuses a parameter'):
        client.configure_planner(no_such_thing=1)


def test_a_graph_that_is_not_there_is_named(graph):
    with (
        GraphClient(domain_id=graph.domain) as client,
        pytest.raises(GraphError, match=r'no planner .* and no action_publisher .*DDS domain'),
    ):
        client.wait_until_ready(0.3)


def test_the_state_of_the_supervisor_is_told_by_name(fake, client):
    fake.status.publish(SafetyStatus(state=SafetyStatus.FAULT, message='camera is silent'))
    assert client.safety(timeout_s=5.0) == ('FAULT', 'camera is silent')


class Listener:
    def __init__(self):
        self.plans, self.positions = [], []
        self.heard = threading.Event()

    def on_plan(self, **values):
        self.plans.append(values)

    def on_position(self, stamp_s, position):
        self.positions.append((stamp_s, position))
        self.heard.set()

    def on_picture(self, stamp_s, picture):
        raise AssertionError('no pictures were wanted')


def test_a_listener_hears_plans_and_true_positions(fake, client):
    listener = Listener()
    listen(client.node, listener, pictures=False)
    plan = Plan(step=4, action_dim=2, actions=[1.0, 2.0, 3.0, 4.0], cost_now=0.5)
    truth = PoseStamped()
    truth.header.stamp = encode_stamp(12.5)
    truth.pose.position.x = 0.25
    for _ in range(100):
        fake.plans.publish(plan)
        fake.truth.publish(truth)
        if listener.heard.wait(0.1) and listener.plans:
            break
    assert listener.plans[0]['action'] == (1.0, 2.0)
    assert listener.plans[0]['cost'] == 0.5
    stamp_s, position = listener.positions[0]
    assert stamp_s == 12.5
    np.testing.assert_array_equal(position, [0.25, 0, 0])


def test_pictures_have_budgets_thresholds_and_names_of_their_own(fake, client):
    client.reach(
        [PICTURE, PICTURE], names=['a', 'b'], max_steps=[4, 10], reached_costs=[0.5, 0.25]
    )
    goal = fake.goals[0]
    assert list(goal.max_steps) == [4, 10]
    assert list(goal.reached_costs) == [0.5, 0.25]
    assert list(goal.names) == ['a', 'b']


def test_a_picture_of_the_camera_is_kept_under_a_name(client):
    assert client.capture_goal('cup') == "captured as 'cup'"
    assert client.capture_goal() == "captured as ''"


def test_the_goal_under_way_is_paused_and_goes_on(fake, client):
    assert client.pause(paused=True) == 'paused'
    assert fake.paused
    client.pause(paused=False)
    assert not fake.paused


def test_the_way_home_may_take_longer_than_an_answer(fake, graph):
    fake.home_s = 0.6
    with GraphClient(domain_id=graph.domain, patience_s=10.0) as client:
        client.wait_until_ready()
        client.patience_s = 0.3
        assert client.home() == 'the arm is at home'
        fake.home_s, fake.home_refusal = 0.0, 'the arm is disarmed'
        with pytest.raises(GraphError, match='home was refused: the arm is disarmed'):
            client.home()


def test_an_arm_is_free_when_the_goal_has_been_cancelled_and_nothing_moves(fake, client):
    fake.status.publish(SafetyStatus(state=SafetyStatus.EXECUTING))
    client.safety()
    with pytest.raises(GraphError, match='still moves'):
        client.free_arm(timeout_s=0.3)
    assert fake.cleared
    fake.status.publish(SafetyStatus(state=SafetyStatus.ARMED))
    client.free_arm()


def test_a_planner_that_goes_away_ends_the_waiting(fake, client):
    fake.answers = False
    failure = []

    def go():
        with pytest.raises(GraphError, match='gone away') as caught:
            client.reach([PICTURE], timeout_s=60.0)
        failure.append(caught)

    waiting = threading.Thread(target=go)
    waiting.start()
    assert fake.begun.wait(20.0)
    fake.leave()
    waiting.join(30.0)
    assert failure
