"""The sim node, from outside: the topics of an arm and a camera."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.srv import ResetCell
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from jepa_wm_ros.nodes.sim import SimConfig, SimNode
from jepa_wm_ros.nodes.sim_messages import read_trajectory
from jepa_wm_ros.robot.description import ARM_JOINTS, CAMERA_FRAME, GRIPPER_JOINT, READY_POSTURE
from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose
from jepa_wm_ros.ros.images import decode_image
from jepa_wm_ros.ros.params import ParameterError
from jepa_wm_ros.ros.spinning import autostart, finish
from jepa_wm_ros.sim.following import TrajectoryCommandError
from jepa_wm_ros.sim.placement import GRIPPER_DOWN

TOPICS = {
    'image': Image,
    'camera_info': CameraInfo,
    'joint_states': JointState,
    'ee_pose': PoseStamped,
    'ground_truth': PoseStamped,
    '/clock': Clock,
}


class Cell:
    """The test's end of the wires."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        self.sim = graph.add(SimNode(context=graph.context, parameter_overrides=overrides))
        self.tester = graph.node()
        self.heard = {topic: [] for topic in TOPICS}
        for topic, kind in TOPICS.items():
            self.tester.create_subscription(
                kind, topic, self.heard[topic].append, qos_profile_sensor_data
            )
        self.reset_client = self.tester.create_client(ResetCell, 'reset')
        assert autostart(self.sim)
        regular = [topic for topic in TOPICS if topic != '/clock']
        graph.spin_until(lambda: all(self.heard[topic] for topic in regular))

    def next(self, topic, count=1):
        self.heard[topic].clear()
        self.graph.spin_until(lambda: len(self.heard[topic]) >= count)
        return self.heard[topic][count - 1]

    def publisher(self, kind, topic):
        publisher = self.tester.create_publisher(kind, topic, 1)
        self.graph.spin_until(publisher.get_subscription_count)
        return publisher

    def reset(self, **request):
        assert self.reset_client.wait_for_service(5.0)
        return self.graph.result_of(self.reset_client.call_async(ResetCell.Request(**request)))

    def change(self, **parameters):
        results = self.sim.set_parameters(
            [Parameter(name, value=value) for name, value in parameters.items()]
        )
        assert all(result.successful for result in results), results

    def close(self):
        self.graph.executor.remove_node(self.sim)
        finish([self.sim], self.graph.executor)


@pytest.fixture
def make_cell(graph):
    cells = []

    def make(**parameters):
        cells.append(Cell(graph, **parameters))
        return cells[-1]

    yield make
    for cell in cells:
        cell.close()


@pytest.fixture
def cell(make_cell):
    return make_cell()


def trajectory(positions, seconds=0.0, nanoseconds=10_000_000):
    point = JointTrajectoryPoint(positions=positions.tolist(), velocities=[0.0] * 7)
    point.time_from_start.sec = int(seconds)
    point.time_from_start.nanosec = nanoseconds
    return JointTrajectory(joint_names=list(ARM_JOINTS), points=[point])


def arm_of(message):
    return np.array(message.position[:7])


def test_joint_states_name_the_arm_and_the_gripper(cell):
    message = cell.next('joint_states')
    assert message.name == [*ARM_JOINTS, GRIPPER_JOINT]
    assert arm_of(message) == pytest.approx(READY_POSTURE, abs=1e-3)
    assert len(message.velocity) == len(message.effort) == 8


def test_pictures_come_with_the_camera_that_took_them(cell):
    picture, info = cell.next('image', 2), cell.next('camera_info', 2)
    assert decode_image(picture).shape == (180, 320, 3)
    assert decode_image(picture).std() > 20
    assert (info.width, info.height) == (320, 180)
    assert picture.header.frame_id == info.header.frame_id == CAMERA_FRAME
    assert info.k[0] > 100
    assert info.p[0] == info.k[0]


def test_stamps_are_recent_and_increase(cell):
    cell.next('image', 5)
    stamps = [decode_stamp(message.header.stamp) for message in cell.heard['image']]
    assert (np.diff(stamps) > 0).all()
    now_s = cell.tester.get_clock().now().nanoseconds * 1e-9
    assert 0 <= now_s - stamps[-1] < 2.0


def test_a_joint_trajectory_moves_the_arm_and_is_then_held(cell):
    target = READY_POSTURE + np.array([0.1, 0.05, 0, 0.05, 0, 0.05, -0.1])
    cell.publisher(JointTrajectory, 'joint_trajectory').publish(trajectory(target))
    cell.graph.spin_until(
        lambda: np.abs(arm_of(cell.heard['joint_states'][-1]) - target).max() < 2e-3
    )
    assert arm_of(cell.next('joint_states', 20)) == pytest.approx(target, abs=2e-3)


def test_an_empty_trajectory_stops_the_arm(cell):
    publisher = cell.publisher(JointTrajectory, 'joint_trajectory')
    publisher.publish(trajectory(READY_POSTURE + 0.3, seconds=5))
    cell.graph.spin_until(
        lambda: np.abs(arm_of(cell.heard['joint_states'][-1]) - READY_POSTURE).max() > 0.01
    )
    publisher.publish(JointTrajectory())
    cell.graph.spin_until(lambda: np.abs(cell.heard['joint_states'][-1].velocity).max() < 0.01)
    stopped = arm_of(cell.next('joint_states'))
    assert arm_of(cell.next('joint_states', 20)) == pytest.approx(stopped, abs=0.01)
    assert np.abs(stopped - READY_POSTURE).max() < 0.25


def test_a_target_pose_is_reached_and_seen_in_pose_and_ground_truth(cell):
    target = Pose(np.array([0.42, 0.08, 0.42]), GRIPPER_DOWN)
    message = PoseStamped(pose=encode_pose(target))
    cell.publisher(PoseStamped, 'target_pose').publish(message)
    for topic in ('ee_pose', 'ground_truth'):
        cell.graph.spin_until(
            lambda topic=topic: (
                np.linalg.norm(decode_pose(cell.heard[topic][-1].pose).position - target.position)
                < 2e-3
            )
        )


@pytest.mark.parametrize(('frame', 'x'), [('camera', 0.42), ('', 1.6)])
def test_poses_in_other_frames_or_out_of_reach_do_not_move_the_arm(cell, frame, x):
    message = PoseStamped(pose=encode_pose(Pose(np.array([x, 0.1, 0.4]), GRIPPER_DOWN)))
    message.header.frame_id = frame
    before = arm_of(cell.next('joint_states'))
    cell.publisher(PoseStamped, 'target_pose').publish(message)
    assert arm_of(cell.next('joint_states', 30)) == pytest.approx(before, abs=1e-3)


def test_the_gripper_follows_its_command(cell):
    cell.publisher(Float64, 'gripper_command').publish(Float64(data=1.0))
    cell.graph.spin_until(lambda: cell.heard['joint_states'][-1].position[7] > 0.78)


def test_reset_puts_the_arm_where_it_is_told(cell):
    request = {'use_position': True, 'seed': 1}
    message = ResetCell.Request(**request)
    message.position.x, message.position.y, message.position.z = 0.5, -0.1, 0.3
    response = cell.reset(**request, position=message.position)
    assert response.success
    assert decode_pose(response.ee_pose).position == pytest.approx((0.5, -0.1, 0.3), abs=1e-3)
    after = decode_pose(cell.next('ground_truth', 5).pose)
    assert after.position == pytest.approx((0.5, -0.1, 0.3), abs=1e-3)


def test_a_seed_always_gives_the_same_start_and_no_seed_another(cell):
    starts = [decode_pose(cell.reset(seed=seed).ee_pose).position for seed in (5, 5, -1, -1)]
    assert np.array_equal(starts[0], starts[1])
    assert not np.allclose(starts[2], starts[3])
    assert all(WORKSPACE_CELL.contains(start, tolerance=1e-3) for start in starts)


def test_a_reset_out_of_reach_is_refused_and_nothing_moves(cell):
    before = arm_of(cell.next('joint_states'))
    request = ResetCell.Request(use_position=True)
    request.position.x = 2.0
    response = cell.reset(use_position=True, position=request.position)
    assert not response.success
    assert 'reach' in response.message
    assert arm_of(cell.next('joint_states', 5)) == pytest.approx(before, abs=1e-3)


def test_the_frozen_camera_repeats_its_picture_with_new_stamps(cell):
    cell.change(fault='camera_frozen')
    first = cell.next('image', 2)
    cell.reset(seed=3)
    second = cell.next('image', 3)
    assert second.data == first.data
    assert decode_stamp(second.header.stamp) > decode_stamp(first.header.stamp)
    cell.change(fault='none')
    cell.graph.spin_until(lambda: cell.heard['image'][-1].data != first.data)


@pytest.mark.parametrize(
    ('fault', 'silent', 'alive'),
    [('camera_silent', 'image', 'joint_states'), ('joints_silent', 'joint_states', 'image')],
)
def test_silent_parts_say_nothing_while_the_others_go_on(cell, fault, silent, alive):
    cell.change(fault=fault)
    cell.next(alive, 3)
    cell.heard[silent].clear()
    cell.next(alive, 10)
    assert not cell.heard[silent]
    cell.change(fault='none')
    cell.next(silent)


def test_the_look_can_be_changed_while_it_runs(cell):
    before = decode_image(cell.next('image', 2)).astype(int)
    cell.change(variation='unseen', appearance_seed=4)
    after = decode_image(cell.next('image', 3))
    assert np.abs(before - after).mean() > 10


def test_a_wrong_look_is_refused(cell):
    (result,) = cell.sim.set_parameters([Parameter('variation', value='pretty')])
    assert not result.successful
    assert 'unseen' in result.reason


def test_simulated_time_runs_faster_and_is_published(make_cell):
    cell = make_cell(time_source='simulation', rate_factor=4.0)
    begin_s, begin = cell.tester.get_clock().now(), cell.next('/clock')
    end = cell.next('/clock', 100)
    wall_s = (cell.tester.get_clock().now() - begin_s).nanoseconds * 1e-9
    simulated_s = decode_stamp(end.clock) - decode_stamp(begin.clock)
    assert simulated_s > 1.5 * wall_s
    picture = cell.next('image', 3)
    assert decode_stamp(picture.header.stamp) <= decode_stamp(cell.next('/clock').clock) + 0.1


def test_on_the_clock_of_the_machine_no_clock_is_published(cell):
    cell.next('joint_states', 10)
    assert not cell.heard['/clock']
    assert cell.tester.count_publishers('/clock') == 0


def test_faster_time_on_the_clock_of_the_machine_is_refused():
    with pytest.raises(ParameterError, match='time_source'):
        SimConfig(rate_factor=2.0)


def test_joints_of_a_trajectory_may_come_in_any_order():
    message = trajectory(np.arange(7.0))
    message.joint_names = message.joint_names[::-1]
    (waypoint,) = read_trajectory(message)
    assert waypoint.positions.tolist() == list(range(6, -1, -1))
    assert waypoint.time_s == pytest.approx(0.01)


def test_trajectories_of_other_joints_or_without_positions_are_refused():
    message = trajectory(np.zeros(7))
    message.joint_names = [f'fr3_joint{number}' for number in range(1, 8)]
    with pytest.raises(TrajectoryCommandError, match='fr3_joint1'):
        read_trajectory(message)
    message = trajectory(np.zeros(6))
    with pytest.raises(TrajectoryCommandError, match='point 0'):
        read_trajectory(message)
