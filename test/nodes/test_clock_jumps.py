"""A bag begins anew while the arm really moves: the motion ends, and no command jumps."""

import time

import numpy as np
import pytest
from cell_bags import write_cell_bag
from fake_arm import FakeArm
from jepa_wm_msgs.action import ExecuteActions
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from jepa_wm_ros.data.readers.bag_file import open_bag
from jepa_wm_ros.nodes.player import BagPlayer, PlaySettings
from jepa_wm_ros.robot.faults import FaultCode
from jepa_wm_ros.ros.conversions import now_s

PATIENT = {'max_joint_age_s': 2.0, 'max_image_age_s': 4.0, 'hold_floor_s': 3.0}
ASIDE = [0.0, 0.06, 0.0, 0.0, 0.0, 0.0, 0.0]
BAG_S = (1000.0, 1003.2)
LONGEST_STEP_RAD = 0.03


class Story:
    """Arms, sends a plan shortly before the bag ends, and waits for what comes of it."""

    def __init__(self, arm):
        self.arm = arm
        self.armed = self.sent = self.ended = None

    def __call__(self, player):
        now = now_s(self.arm.node)
        if self.armed is None:
            if self.arm.status is not None and self.arm.status.joint_age_s < 0.5:
                self.armed = self.arm.services['arm'].call_async(SetBool.Request(data=True))
        elif self.sent is None:
            if self.armed.done() and BAG_S[1] - 1.0 < now < BAG_S[1] - 0.4:
                plan = self.arm.plan(ASIDE, ASIDE, ASIDE, ASIDE)
                self.sent = self.arm.client.send_goal_async(ExecuteActions.Goal(plan=plan))
        elif self.ended is None:
            if self.sent.done():
                self.ended = self.sent.result().get_result_async()
        elif self.ended.done() and not np.any(self.arm.commands[-1].velocities):
            player.stop()


@pytest.fixture
def bag(tmp_path):
    return write_cell_bag(tmp_path / 'cell', steps=8)


def test_a_motion_under_way_ends_in_a_latched_fault_without_a_jump(graph, make_publisher, bag):
    publisher = make_publisher(use_sim_time=True, **PATIENT)
    arm = FakeArm(graph)
    arm.node.set_parameters([Parameter('use_sim_time', value=True)])
    story = Story(arm)
    deadline = time.monotonic() + 90.0

    with open_bag(bag) as opened:

        def spin(seconds):
            assert time.monotonic() < deadline, 'the bag was played for too long'
            graph.executor.spin_once(timeout_sec=seconds)
            story(player)

        settings = PlaySettings(topics=('/image',), loop=True)
        player = BagPlayer(graph.node('bag_player'), opened, settings, spin)
        player.play()

    assert story.armed.result().success, story.armed.result().message
    result = story.ended.result().result
    assert result.code == ExecuteActions.Result.FAULT
    assert 'the clock went backwards' in result.message
    assert publisher._arm.supervisor.fault.code is FaultCode.CLOCK_JUMP
    positions = np.array([command.positions for command in arm.commands])
    assert len(positions) > 20, 'the motion was not under way'
    assert np.abs(np.diff(positions, axis=0)).max() < LONGEST_STEP_RAD
    assert np.abs(positions[-1] - positions[-2]).max() < LONGEST_STEP_RAD / 3

    # nothing recovers by itself
    assert not arm.call('arm', True).success
    assert arm.call('reset_fault').success
