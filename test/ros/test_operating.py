"""What stands between the page and the graph, with a graph of one node."""

import numpy as np
import pytest
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import SafetyStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.action import ActionServer
from ros_graph import Graph
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, READY_POSTURE, robot_description
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.client import GraphError
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.operating import Buttons, Operator, Watching
from jepa_wm_ros.viz.cell_view import CellView

SECONDS = 30.0


class Cell:
    """Planner and action publisher in one, that note what they are asked for."""

    def __init__(self, graph):
        self.graph = graph
        self.asked = []
        self.refuse = ''
        self.code = ReachGoal.Result.REACHED
        node = self.node = graph.node('action_publisher')
        node.declare_parameter('speed_override', 1.0)
        planner = graph.node('planner')
        planner.declare_parameter('goal_name', '')
        node.add_on_set_parameters_callback(self._set)
        for name in ('capture_goal', 'stop', 'reset_fault', 'home'):
            node.create_service(Trigger, name, self._answer(name))
        for name in ('arm', 'pause'):
            node.create_service(SetBool, name, self._answer(name))
        self._reach = ActionServer(node, ReachGoal, 'reach_goal', execute_callback=self._go)
        self._safety = node.create_publisher(SafetyStatus, 'safety_status', qos.latched())
        self._joints = node.create_publisher(JointState, 'joint_states', qos.latest())
        self._pictures = node.create_publisher(Image, 'image', qos.latest())
        node.create_timer(0.02, self._report)

    def _answer(self, name):
        def answer(request, response):
            data = getattr(request, 'data', None)
            self.asked.append(name if data is None else (name, data))
            response.success, response.message = not self.refuse, self.refuse or f'did {name}'
            return response

        return answer

    def _set(self, parameters):
        self.asked += [(parameter.name, parameter.value) for parameter in parameters]
        return SetParametersResult(successful=not self.refuse, reason=self.refuse)

    def _go(self, handle):
        self.asked.append(('reach', len(handle.request.images)))
        (handle.succeed if self.code == ReachGoal.Result.REACHED else handle.abort)()
        return ReachGoal.Result(code=self.code, message='so it ended', final_cost=0.5)

    def _report(self):
        message = JointState(name=list(ARM_JOINTS), position=READY_POSTURE.tolist())
        message.header.stamp = self.node.get_clock().now().to_msg()
        self._joints.publish(message)
        self._pictures.publish(encode_image(np.full((4, 6, 3), 9, np.uint8)))

    def status(self, state):
        self._safety.publish(SafetyStatus(state=state))


@pytest.fixture
def cell(domain):
    """Runs on a thread of its own: the operator blocks."""
    import threading

    graph = Graph(domain)
    cell = Cell(graph)
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            graph.executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin)
    thread.start()
    yield cell
    stop.set()
    thread.join()
    cell._reach.destroy()
    graph.close()


@pytest.fixture
def operator(cell):
    with Operator(domain_id=cell.graph.domain, patience_s=SECONDS) as operator:
        yield operator


def test_buttons_reach_the_services_behind_them(cell, operator):
    buttons = Buttons(operator)
    assert 'did capture_goal' in buttons.capture()
    assert buttons.stop() == 'did stop'
    assert buttons.arm(armed=True) == 'armed'
    assert buttons.arm(armed=False) == 'disarmed'
    buttons.reset_fault()
    buttons.pause(paused=True)
    buttons.pause(paused=False)
    buttons.home()
    assert buttons.speed(0.5) == 'speed 50 %'
    assert 'latent distance 0.5' in buttons.send()
    assert cell.asked == [
        'capture_goal',
        'stop',
        ('arm', True),
        ('arm', False),
        'reset_fault',
        ('pause', True),
        ('pause', False),
        'home',
        ('speed_override', 0.5),
        ('reach', 0),
    ]


def test_refusals_and_failures_come_with_their_reason(cell, operator):
    buttons = Buttons(operator)
    cell.refuse = 'the camera is frozen'
    for push in (buttons.capture, buttons.stop, lambda: buttons.arm(armed=True)):
        with pytest.raises(GraphError, match='the camera is frozen'):
            push()
    with pytest.raises(GraphError, match='the camera is frozen'):
        buttons.speed(0.5)
    cell.code = ReachGoal.Result.STALLED
    with pytest.raises(GraphError, match='STALLED: so it ended'):
        buttons.send()


def test_a_display_sees_joints_state_and_pictures_and_pictures_only_while_watched(cell, operator):
    view = CellView(tree=parse_link_tree(robot_description()), base_frame=BASE_FRAME)
    pictures, updates, watched = [], [], []
    Watching(
        operator,
        view,
        rate_hz=20.0,
        topics=('image',),
        take_picture=lambda topic, picture: pictures.append((topic, picture)),
        watched=lambda: bool(watched),
        update=updates.append,
    )
    cell.status(SafetyStatus.ARMED)
    wait(lambda: view.safety.name == 'ARMED' and len(view.joints) == 7 and len(updates) > 3)
    assert pictures == []
    assert cell.node.count_subscribers('image') == 0
    watched.append(True)
    wait(lambda: pictures)
    topic, picture = pictures[0]
    assert topic == 'image'
    assert picture.shape == (4, 6, 3)
    watched.clear()
    wait(lambda: cell.node.count_subscribers('image') == 0)


def wait(condition):
    import time

    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
