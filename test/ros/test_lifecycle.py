import dataclasses
import gc
import os
import signal
import subprocess
import sys

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.event_handler import EventHandler
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.diagnostics import Diagnostic
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.params import parameter
from jepa_wm_ros.ros.spinning import autostart, spin

SUCCESS = TransitionCallbackReturn.SUCCESS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    speed: float = parameter(0.5, 'How fast.', unit='m/s', minimum=0.0, maximum=1.0, dynamic=True)
    fail_at: str = parameter('', 'Which hook raises.')
    expected: bool = parameter(False, 'Whether it raises an error for people.')


class Arm(ManagedNode):
    """Records what is called; commands 0.0 as its last safe command."""

    config_type = Config

    def __init__(self, **kwargs):
        self.calls = []
        super().__init__('arm', **kwargs)

    def _enter(self, hook):
        self.calls.append(hook)
        if self.config.fail_at == hook:
            raise JepaWmError('no such file') if self.config.expected else ValueError('a bug')

    def setup(self):
        self._enter('setup')
        self.command = self.create_lifecycle_publisher(Float64, 'command', qos.events())
        self.create_subscription(String, 'words', self.hear, 10)
        self.create_service(Trigger, 'ask', self.answer)

    def start(self):
        self._enter('start')

    def stop(self):
        self._enter('stop')

    def safe_stop(self):
        self._enter('safe_stop')
        self.command.publish(Float64(data=0.0))

    def teardown(self):
        self._enter('teardown')

    def config_changed(self, previous):
        self.calls.append(('config_changed', previous.speed, self.config.speed))

    def diagnostics(self):
        return [Diagnostic(name='motor', values={'speed_m_s': self.config.speed})]

    def hear(self, message):
        if message.data == 'bug':
            raise ValueError('a bug')
        raise JepaWmError(f'do not say {message.data}')

    def answer(self, request, response):
        raise JepaWmError('no answer today')


def arm(graph, **values):
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    return graph.add(Arm(context=graph.context, parameter_overrides=overrides))


def heard_by(graph, topic, kind, profile=10):
    messages = []
    listener = graph.node('listener')
    listener.create_subscription(kind, topic, messages.append, profile)
    return listener, messages


def test_autostart_reaches_active_and_shutdown_runs_the_hooks_in_order(graph):
    node = arm(graph)
    assert autostart(node)
    assert node.state == 'active'
    node.trigger_shutdown()
    assert node.calls == ['setup', 'start', 'stop', 'safe_stop', 'teardown']
    assert node.state == 'finalized'


def test_without_autostart_a_node_waits_to_be_configured(graph):
    node = arm(graph, autostart=False)
    assert autostart(node)
    assert node.state == 'unconfigured'
    assert node.calls == []


def test_lifecycle_services_drive_the_node(graph):
    node = arm(graph)
    tester = graph.node()
    change = tester.create_client(ChangeState, 'arm/change_state')
    state = tester.create_client(GetState, 'arm/get_state')
    graph.spin_until(lambda: change.service_is_ready() and state.service_is_ready())
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request()
        request.transition.id = transition
        assert graph.result_of(change.call_async(request)).success
    assert graph.result_of(state.call_async(GetState.Request())).current_state.label == 'active'
    assert node.active


@pytest.mark.parametrize('hook', ['setup', 'start'])
def test_an_unexpected_error_in_a_transition_is_logged_with_its_traceback(graph, hook, capfd):
    node = arm(graph, fail_at=hook)
    assert not autostart(node)
    assert node.state == 'unconfigured'
    assert 'ValueError: a bug' in capfd.readouterr().err


def test_an_error_for_people_is_logged_without_traceback(graph, capfd):
    assert not autostart(arm(graph, fail_at='setup', expected=True))
    output = capfd.readouterr().err
    assert 'cannot configure: no such file' in output
    assert 'Traceback' not in output


def test_the_safe_command_is_sent_even_when_stopping_fails(graph):
    node = arm(graph, fail_at='stop')
    listener, commands = heard_by(graph, 'command', Float64)
    autostart(node)
    graph.spin_until(lambda: listener.count_publishers('command'))
    graph.spin_until(lambda: node.command.get_subscription_count())
    node.trigger_deactivate()
    graph.spin_until(lambda: commands)
    assert commands[-1].data == 0.0


def test_a_failed_setup_leaves_no_entities_behind_and_can_be_repeated(graph):
    node = arm(graph)
    before = len(list(node.subscriptions)), len(list(node.services)), len(list(node.publishers))
    for _ in range(2):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
    after = len(list(node.subscriptions)), len(list(node.services)), len(list(node.publishers))
    assert after == before


def test_an_error_for_people_in_a_callback_is_reported_and_the_node_goes_on(graph):
    node = arm(graph)
    autostart(node)
    tester = graph.node()
    publisher = tester.create_publisher(String, 'words', 10)
    _, reports = heard_by(graph, '/diagnostics', DiagnosticArray)
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data='nonsense'))

    def reported():
        values = {v.key: v.value for m in reports for s in m.status for v in s.values}
        return values.get('last_error') == 'do not say nonsense'

    graph.spin_until(reported)
    assert node.active
    assert node.failure is None


def test_an_unexpected_error_in_a_callback_holds_and_is_raised(graph):
    node = arm(graph)
    autostart(node)
    publisher = graph.node().create_publisher(String, 'words', 10)
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data='bug'))
    with pytest.raises(ValueError, match='a bug'):
        graph.spin_until(lambda: False)
    assert isinstance(node.failure, ValueError)
    assert node.calls[-2:] == ['stop', 'safe_stop']


def test_a_service_answers_an_error_for_people_with_its_message(graph):
    autostart(arm(graph))
    client = graph.node().create_client(Trigger, 'ask')
    graph.spin_until(client.service_is_ready)
    response = graph.result_of(client.call_async(Trigger.Request()))
    assert not response.success
    assert response.message == 'no answer today'


def test_a_dynamic_parameter_changes_the_config_and_a_wrong_value_is_refused(graph):
    node = arm(graph)
    client = graph.node().create_client(SetParameters, 'arm/set_parameters')
    graph.spin_until(client.service_is_ready)

    def change(name, value):
        request = SetParameters.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg()]
        return graph.result_of(client.call_async(request)).results[0]

    assert change('speed', 0.75).successful
    assert node.config.speed == 0.75
    assert node.calls == [('config_changed', 0.5, 0.75)]
    assert not change('speed', 1.5).successful
    assert not change('speed', float('nan')).successful
    assert not change('fail_at', 'start').successful
    assert node.config.speed == 0.75


def test_diagnostics_carry_node_state_and_components(graph):
    autostart(arm(graph))
    _, reports = heard_by(graph, '/diagnostics', DiagnosticArray)
    graph.spin_until(lambda: reports)
    by_name = {status.name: status for status in reports[0].status}
    assert by_name['arm: life cycle'].message == 'active'
    assert by_name['arm: motor'].values[0].value == '0.5'


def test_peers_that_do_not_fit_are_told_of_although_the_executor_looks_only_now_and_then(
    graph, capfd
):
    node = arm(graph)
    autostart(node)

    def events():
        return [waitable for waitable in node.waitables if isinstance(waitable, EventHandler)]

    graph.spin_until(lambda: not events())
    # asks for what was published before, which a volatile publisher does not keep
    heard_by(graph, 'command', Float64, qos.latched())
    said = []

    def told():
        said.append(capfd.readouterr().err)
        return "topic 'command', requesting incompatible QoS" in ''.join(said)

    graph.spin_until(told)
    graph.spin_until(lambda: not events())


def test_the_garbage_collector_leaves_alone_what_was_there_before_the_loop(monkeypatch, graph):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))
    left_alone = []

    def factory(context, executor):
        node = Arm(context=context)

        def look():
            left_alone.append(gc.get_freeze_count())
            os.kill(os.getpid(), signal.SIGINT)

        node.create_timer(0.05, look)
        return [node]

    assert spin(factory, []) == 0
    assert left_alone[0] > 10_000
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_loop_after_the_safe_command(number, monkeypatch, graph):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))
    nodes = []

    def factory(context, executor):
        nodes.append(Arm(context=context))
        # sent from another thread as the kernel would: while the loop runs
        nodes[0].create_timer(0.2, lambda: os.kill(os.getpid(), number))
        return nodes

    before = signal.getsignal(number)
    assert spin(factory, []) == 0
    assert nodes[0].calls == ['setup', 'start', 'stop', 'safe_stop', 'teardown']
    assert signal.getsignal(number) is before


def test_the_process_ends_with_1_when_a_node_cannot_start(monkeypatch, graph):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))
    args = ['--ros-args', '-p', 'fail_at:=setup']
    assert spin(lambda context, _: [Arm(context=context)], args) == 1


def test_the_process_ends_with_1_when_a_parameter_is_wrong(monkeypatch, graph, capfd):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(graph.domain))
    args = ['--ros-args', '-p', 'speed:=7.0']
    assert spin(lambda context, _: [Arm(context=context)], args) == 1
    assert "parameter 'speed'" in capfd.readouterr().err


def test_the_events_of_humble_are_known_by_their_name_there():
    as_on_humble = """
import sys, types
import rclpy.event_handler, rclpy.node
humble = types.ModuleType('rclpy.qos_event')
humble.QoSEventHandler = rclpy.event_handler.EventHandler
sys.modules |= {'rclpy.qos_event': humble, 'rclpy.event_handler': None}
from jepa_wm_ros.ros.lifecycle import EventHandler
assert EventHandler is humble.QoSEventHandler
"""
    subprocess.run([sys.executable, '-c', as_on_humble], check=True)
