"""The emulated Franka Hand on its actions, as docs/conformance.md says of the real one."""

import pytest
from control_msgs.action import GripperCommand
from driver_rig import SLOW_EMULATOR
from franka_msgs.action import Grasp, Move
from rclpy.action import ActionClient
from rclpy.parameter import Parameter

from jepa_wm_ros.nodes.driver_emulator import DriverEmulator
from jepa_wm_ros.ros.spinning import autostart

SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
SLOWLY = {'width': 0.0, 'speed': 0.001}


class Rig:
    def __init__(self, graph, object_width_m=0.0):
        self.graph = graph
        parameters = SLOW_EMULATOR | {'hand': 'franka_hand', 'object_width_m': object_width_m}
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = graph.add(DriverEmulator(context=graph.context, parameter_overrides=overrides))
        assert autostart(node)
        lab = graph.node('lab')
        kinds = {'move': Move, 'grasp': Grasp, 'gripper_action': GripperCommand}
        self.clients = {
            name: ActionClient(lab, kind, f'franka_gripper/{name}') for name, kind in kinds.items()
        }
        graph.spin_until(
            lambda: all(client.server_is_ready() for client in self.clients.values()), 30.0
        )

    def send(self, name, goal):
        handle = self.graph.result_of(self.clients[name].send_goal_async(goal))
        assert handle.accepted  # all are, whatever they ask for
        return handle

    def move(self, **goal):
        return self.send('move', Move.Goal(**goal))

    def command(self, position):
        goal = GripperCommand.Goal()
        goal.command.position = position
        return self.send('gripper_action', goal)

    def end(self, handle):
        response = self.graph.result_of(handle.get_result_async(), 20.0)
        return response.status, response.result


@pytest.fixture
def rig(graph):
    return Rig(graph)


def test_a_command_of_another_action_aborts_the_one_under_way(rig):
    first = rig.move(**SLOWLY)
    second = rig.send('grasp', Grasp.Goal(width=0.06, speed=0.1))
    status, result = rig.end(first)
    assert status == ABORTED
    assert 'aborted' in result.error
    assert rig.end(second)[0] == SUCCEEDED


def test_a_newer_goal_of_the_same_action_aborts_the_one_under_way(rig):
    first = rig.move(**SLOWLY)
    second = rig.move(width=0.06, speed=0.1)
    status, result = rig.end(first)
    assert status == ABORTED
    assert 'aborted' in result.error
    assert rig.end(second)[0] == SUCCEEDED


def test_a_cancelled_goal_ends_cancelled(rig):
    handle = rig.move(**SLOWLY)
    rig.graph.result_of(handle.cancel_goal_async())
    assert rig.end(handle)[0] == CANCELED


def test_a_width_that_does_not_exist_is_accepted_and_fails(rig):
    status, result = rig.end(rig.move(width=0.2, speed=0.1))
    assert status == ABORTED
    assert 'failed' in result.error


def test_gripper_action_out_of_range_is_aborted_and_leaves_the_command_under_way(rig):
    first = rig.move(width=0.06, speed=0.02)
    status, result = rig.end(rig.command(0.08))
    assert status == ABORTED
    assert not result.reached_goal
    assert rig.end(first)[0] == SUCCEEDED


def test_gripper_action_to_where_the_fingers_are_succeeds_at_once(rig):
    status, result = rig.end(rig.command(0.04))
    assert status == SUCCEEDED
    assert result.position == pytest.approx(0.08)


def test_gripper_action_never_says_that_the_fingers_stall(graph):
    rig = Rig(graph, object_width_m=0.04)
    status, result = rig.end(rig.command(0.0))
    assert status == ABORTED
    assert not result.stalled
    assert not result.reached_goal
    assert result.position == pytest.approx(0.04)
