"""Life-cycle transitions by service, in every state: possible or not, no node dies of them."""

import dataclasses

import pytest
from action_msgs.msg import GoalStatus
from fake_arm import FakeArm
from jepa_wm_msgs.action import ExecuteActions, ReachGoal
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from policy_rig import GOAL, OneModel, PointModel
from rclpy.parameter import Parameter
from ros_graph import Graph
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.nodes.action_publisher import ActionPublisher
from jepa_wm_ros.nodes.driver_emulator import DriverEmulator
from jepa_wm_ros.nodes.encoder import EncoderNode
from jepa_wm_ros.nodes.insight import InsightNode
from jepa_wm_ros.nodes.planner import PlannerNode
from jepa_wm_ros.nodes.sim import SimNode
from jepa_wm_ros.nodes.visualizer import VisualizerNode
from jepa_wm_ros.ros.worker import Worker

Code = ReachGoal.Result
FAR = (1.2, 0.8, 0.4)
CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWNS = {'unconfigured': 5, 'inactive': 6, 'active': 7}
POSSIBLE = {
    'unconfigured': {CONFIGURE, 5},
    'inactive': {CLEANUP, ACTIVATE, 6},
    'active': {DEACTIVATE, 7},
    'finalized': set(),
}
EVERYTHING = [*range(9), 10, 62, 200]


def with_model(kind):
    return lambda graph: kind(
        Worker(graph.executor), OneModel(PointModel()), context=graph.context
    )


def emulator(graph):
    overrides = [Parameter('driver', value='crisp')]
    return DriverEmulator(context=graph.context, parameter_overrides=overrides)


MAKERS = {
    'encoder': with_model(EncoderNode),
    'planner': with_model(PlannerNode),
    'insight': with_model(InsightNode),
    'action_publisher': lambda graph: ActionPublisher(context=graph.context),
    'visualizer': lambda graph: VisualizerNode(context=graph.context),
    'sim': lambda graph: SimNode(context=graph.context),
    'driver_emulator': emulator,
}


class Manager:
    """A life-cycle manager in a context of its own, as another process has one."""

    def __init__(self, graph, name):
        self._graph = graph
        self._own = Graph(graph.domain)
        node = self._own.node('manager')
        self._change = node.create_client(ChangeState, f'{name}/change_state')
        self._state = node.create_client(GetState, f'{name}/get_state')
        for client in (self._change, self._state):
            self._until(client.service_is_ready)

    def begin(self, number=0, label=''):
        """Ask for a transition; returns what will be the answer."""
        request = ChangeState.Request()
        request.transition = Transition(id=number, label=label)
        return self._change.call_async(request)

    def ask(self, number=0, label=''):
        """Whether a transition was made."""
        return self.answer(self.begin(number, label))

    def answer(self, future):
        self._until(future.done)
        return future.result().success

    @property
    def state(self):
        answer = self._state.call_async(GetState.Request())
        self._until(answer.done)
        return answer.result().current_state.label

    def close(self):
        self._own.close()

    def _until(self, condition):
        def turn():
            self._own.executor.spin_once(timeout_sec=0.005)
            return condition()

        self._graph.spin_until(turn, 60.0)  # a busy machine takes long to begin to render


@pytest.fixture
def manage(graph):
    managers = []

    def make(name):
        managers.append(Manager(graph, name))
        return managers[-1]

    yield make
    for manager in managers:
        manager.close()


@pytest.fixture
def patient_arm(graph, make_publisher):
    """An arm whose node bears that the machine sleeps: only transitions are looked at here."""
    make_publisher(max_joint_age_s=5.0, max_image_age_s=5.0, hold_floor_s=5.0)
    arm = FakeArm(graph)
    arm.ready()
    return arm


@pytest.mark.parametrize('name', MAKERS)
def test_what_is_not_possible_is_refused_in_every_state_and_the_node_lives(
    graph, manage, name, capfd
):
    node = graph.add(MAKERS[name](graph))
    manager = manage(name)

    def refuses_all_else(state):
        assert manager.state == state
        for number in EVERYTHING:
            if number not in POSSIBLE[state]:
                assert not manager.ask(number), (state, number)
        assert not manager.ask(label='explode')
        assert manager.state == state
        assert node.failure is None

    refuses_all_else('unconfigured')
    assert 'activate' not in capfd.readouterr().err.split('possible: ')[1].split('\n')[0]
    assert manager.ask(CONFIGURE)
    refuses_all_else('inactive')
    assert manager.ask(label='activate')
    refuses_all_else('active')
    for number in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE):
        assert manager.ask(number)
    assert node.active
    assert manager.ask(SHUTDOWNS['active'])
    refuses_all_else('finalized')
    assert node.state == 'finalized'
    node._publish_diagnostics()  # what is left of it still says how it is


@pytest.mark.parametrize('state', SHUTDOWNS)
def test_shutdown_ends_a_node_in_every_state(graph, manage, state):
    node = graph.add(MAKERS['planner'](graph))
    manager = manage('planner')
    if state != 'unconfigured':
        assert manager.ask(CONFIGURE)
    if state == 'active':
        assert manager.ask(ACTIVATE)
    assert manager.ask(label='shutdown')
    assert (manager.state, node.state) == ('finalized', 'finalized')


@dataclasses.dataclass(frozen=True)
class Moment:
    """When a goal is cut off."""

    rig: object

    def moving(self):
        self.rig.cell.motion_s = 30.0
        handle = self.rig.send(FAR)
        self.rig.graph.spin_until(lambda: self.rig.cell.moving)
        return handle

    def braking_slowly(self):
        self.rig.cell.braking_s = 0.3
        return self.moving()

    def thinking(self):
        self.rig.model.gate.clear()
        self.rig.model.thinking.clear()
        handle = self.rig.send(FAR)
        self.rig.graph.spin_until(self.rig.model.thinking.is_set)
        return handle

    def paused(self):
        self.rig.call(SetBool, 'pause', SetBool.Request(data=True))
        handle = self.rig.send(FAR)
        self.rig.graph.spin_until(lambda: self.rig.planner.busy)
        return handle

    def without_an_arm(self):
        """While it waits for somebody who serves `execute`."""
        self.rig.cell.die()
        there = self.rig.planner._tools.arm._client.server_is_ready
        self.rig.graph.spin_until(lambda: not there())
        self.rig.planner._tools.arm._answer_s = 60.0
        plans = self.rig.model.thinking
        plans.clear()
        handle = self.rig.send(FAR)
        self.rig.graph.spin_until(plans.is_set)
        return handle

    def previewing(self):
        self.rig.model.gate.clear()
        self.rig.model.thinking.clear()
        handle = self.rig.send(FAR, preview=True)
        self.rig.graph.spin_until(self.rig.model.thinking.is_set)
        return handle

    def just_accepted(self):
        return self.rig.send(FAR)


MOMENTS = [name for name in vars(Moment) if not name.startswith('_') and name != 'rig']


@pytest.mark.parametrize('moment', MOMENTS)
def test_shutdown_of_the_planner_gives_the_result_of_the_goal(make_rig, manage, moment):
    rig = make_rig()
    manager = manage('planner')
    handle = getattr(Moment(rig), moment)()
    finishing = handle.get_result_async()
    shutting = manager.begin(SHUTDOWNS['active'])
    rig.graph.spin_until(lambda: not rig.planner.active)
    rig.model.gate.set()
    answer = rig.graph.result_of(finishing, 15.0)
    assert answer.result.code == Code.SHUTDOWN, answer.result.message
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert manager.answer(shutting)
    assert rig.planner.state == 'finalized'
    assert not rig.cell.moving


@pytest.mark.parametrize('moment', ['moving', 'braking_slowly', 'thinking', 'paused'])
def test_cleanup_waits_for_the_result_and_the_node_works_again(make_rig, manage, moment):
    rig = make_rig()
    manager = manage('planner')
    handle = getattr(Moment(rig), moment)()
    finishing = handle.get_result_async()
    assert manager.ask(DEACTIVATE)
    cleaning = manager.begin(CLEANUP)
    rig.model.gate.set()
    assert rig.graph.result_of(finishing, 15.0).result.code == Code.SHUTDOWN
    assert manager.answer(cleaning)
    rig.cell.motion_s, rig.cell.braking_s = 0.02, 0.0
    assert manager.ask(CONFIGURE)
    assert manager.ask(ACTIVATE)
    rig.graph.spin_until(rig.reach.server_is_ready)
    rig.graph.spin_until(lambda: rig.planner._tools.eyes.newest is not None)
    rig.graph.spin_until(lambda: rig.planner._tools.arm._client.server_is_ready())
    assert rig.go(GOAL)[0].code == Code.REACHED  # nor is it paused any more


def test_shutdown_while_streaming_gives_the_result_and_the_arm_rests(make_rig, manage):
    rig = make_rig(execution='streaming')
    rig.cell.streaming = True
    manager = manage('planner')
    handle = rig.send(FAR)
    rig.graph.spin_until(lambda: rig.cell.replaced > 0)
    finishing = handle.get_result_async()
    shutting = manager.begin(SHUTDOWNS['active'])
    assert rig.graph.result_of(finishing).result.code == Code.SHUTDOWN
    assert manager.answer(shutting)
    assert not rig.cell.moving


def test_another_transition_waits_until_the_one_under_way_has_ended(make_rig, manage):
    rig = make_rig()
    rig.cell.braking_s = 0.3
    manager = manage('planner')
    Moment(rig).moving()
    shutting = manager.begin(SHUTDOWNS['active'])
    rig.graph.spin_until(lambda: not rig.planner.active)
    assert not manager.ask(ACTIVATE)
    assert manager.answer(shutting)
    assert manager.state == 'finalized'


def test_a_client_that_has_gone_does_not_keep_the_planner(make_rig, manage):
    rig = make_rig()
    manager = manage('planner')
    Moment(rig).moving()
    rig.user.destroy_node()
    assert manager.ask(SHUTDOWNS['active'])
    assert not rig.cell.moving


@pytest.mark.parametrize('number', [DEACTIVATE, SHUTDOWNS['active']])
def test_the_client_of_a_plan_gets_its_result_and_the_arm_holds(
    graph, patient_arm, manage, number
):
    arm = patient_arm
    manager = manage('action_publisher')
    arm.arm()
    handle = arm.send(arm.plan(*[[0.0, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0]] * 4))
    finishing = handle.get_result_async()
    graph.spin_until(lambda: len(arm.commands) > 20)
    changing = manager.begin(number)
    result = graph.result_of(finishing).result
    assert result.code == ExecuteActions.Result.SHUTDOWN, result.message
    assert manager.answer(changing)
    graph.spin_until(lambda: not any(arm.commands[-1].velocities))


def test_who_waits_for_home_gets_an_answer_before_the_node_ends(graph, patient_arm, manage):
    arm = patient_arm
    manager = manage('action_publisher')
    arm.arm()
    arm.execute(arm.plan([0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0]))
    home = arm.node.create_client(Trigger, 'home')
    graph.spin_until(home.service_is_ready)
    arm.commands.clear()
    going = home.call_async(Trigger.Request())
    graph.spin_until(lambda: len(arm.commands) > 5)
    shutting = manager.begin(SHUTDOWNS['active'])
    assert not graph.result_of(going).success
    assert manager.answer(shutting)
    graph.spin_until(lambda: not any(arm.commands[-1].velocities))


def test_a_plan_that_waits_to_be_confirmed_ends_with_the_node(graph, make_publisher, manage):
    make_publisher(confirm_steps=True, max_joint_age_s=0.4, hold_floor_s=0.5)
    arm = FakeArm(graph)
    arm.ready()
    manager = manage('action_publisher')
    arm.arm()
    finishing = arm.send(arm.plan([0.0, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0])).get_result_async()
    shutting = manager.begin(SHUTDOWNS['active'])
    assert graph.result_of(finishing).result.code == ExecuteActions.Result.SHUTDOWN
    assert manager.answer(shutting)
    assert not any(any(command.velocities) for command in arm.commands)
