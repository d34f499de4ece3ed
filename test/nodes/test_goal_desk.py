"""Goals by name: kept, listed, shown, sent, previewed and deleted by services of any panel."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseArray, PoseStamped
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import Latent, Plan, SafetyStatus
from jepa_wm_msgs.srv import SetGoal
from policy_rig import GOAL, START, picture_of
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from jepa_wm_ros.data.goals.goal import GoalPicture, GoalSequence, SequenceStep
from jepa_wm_ros.data.goals.store import GoalStore
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.images import encode_image

Code = ReachGoal.Result


@pytest.fixture
def store(tmp_path):
    return GoalStore(tmp_path / 'goals')


@pytest.fixture
def rig(make_rig, store):
    return make_rig(goal_store=str(store.folder))


def ask(rig, service, goal_name=None):
    if goal_name is not None:
        value = Parameter('goal_name', value=goal_name).to_parameter_msg()
        request = SetParameters.Request(parameters=[value])
        answer = rig.call(SetParameters, 'planner/set_parameters', request)
        assert answer.results[0].successful
    return rig.call(Trigger, service, Trigger.Request())


def put(store, name, position, **changes):
    known = {'width': 48, 'height': 32, 'origin': 'file'} | changes
    store.save(name, GoalPicture(**known), picture_of(position))


def look_from(rig, position):
    rig.cell.position = np.array(position)
    seen = rig.planner._tools.eyes.newest.stamp_s
    rig.graph.spin_until(lambda: rig.planner._tools.eyes.newest.stamp_s > seen + 0.05)


def test_what_is_captured_under_a_name_is_kept_with_the_arm_and_can_be_sent(rig, store):
    shown = rig.listen(PoseStamped, 'goal_pose', qos.latched())
    look_from(rig, GOAL)
    answer = ask(rig, 'capture_goal', 'cup')
    assert answer.success, answer.message
    about = store.about('cup')
    np.testing.assert_allclose(about.pose.position, GOAL, atol=1e-9)
    assert (about.width, about.height, about.origin) == (48, 32, 'camera')
    assert about.fingerprint == '0123456789ab'
    assert about.stamp_s > 0
    rig.graph.spin_until(lambda: shown)
    assert shown[-1].pose.position.x == pytest.approx(GOAL[0])
    look_from(rig, START)
    assert ask(rig, 'send_goal').success
    rig.graph.spin_until(lambda: not rig.planner.busy)
    assert rig.distance() < 0.02


def test_a_wrong_name_lists_what_there_is(rig, store):
    put(store, 'cup', GOAL)
    for service in ('send_goal', 'preview_goal', 'show_goal', 'delete_goal'):
        answer = ask(rig, service, 'cap')
        assert not answer.success
        assert "there are: cup. Did you mean 'cup'" in answer.message
    answer = rig.call(SetGoal, 'set_goal', SetGoal.Request(name='cap'))
    assert answer.error_code == SetGoal.Response.UNKNOWN_GOAL
    result, _ = rig.go(name='cap')
    assert result.code == Code.BAD_PICTURE
    assert 'there are: cup' in result.message


def test_goals_are_listed_shown_and_deleted(rig, store):
    assert 'no goals in' in ask(rig, 'list_goals').message
    put(store, 'cup', GOAL)
    assert ask(rig, 'list_goals').message == 'cup'
    shown = rig.listen(Image, 'goal_image', qos.latched())
    assert ask(rig, 'show_goal', 'cup').success
    rig.graph.spin_until(lambda: shown)
    np.testing.assert_array_equal(np.frombuffer(shown[0].data, np.uint8), picture_of(GOAL).ravel())
    assert ask(rig, 'delete_goal').success
    assert store.names() == []
    assert 'goal_name of the planner is empty' in ask(rig, 'delete_goal', '').message


def test_a_sequence_is_pursued_with_its_own_budgets_and_thresholds(rig, store):
    put(store, 'above', (0.5, 0.1, 0.4))
    put(store, 'grasp', GOAL)
    steps = (
        SequenceStep(goal='above', max_steps=9, reached_cost=0.8),
        SequenceStep(goal='grasp'),
    )
    store.save_sequence('pick', GoalSequence(steps=steps))
    result, _ = rig.go(name='pick')
    assert result.code == Code.REACHED
    assert rig.distance() < 0.02
    left = [feedback.cost for feedback in rig.feedback if feedback.subgoal == 0][-1]
    assert 0.01 < left <= 0.8  # passed by its own threshold, far above that of the model


def test_several_names_are_visited_in_order(rig, store):
    put(store, 'above', (0.45, 0.1, 0.4), max_steps=2)
    put(store, 'grasp', GOAL)
    assert ask(rig, 'send_goal', 'above grasp').success
    rig.graph.spin_until(lambda: not rig.planner.busy)
    assert rig.distance() < 0.02


def test_a_goal_of_another_camera_or_size_is_taken_with_a_warning(rig, store):
    big = np.kron(picture_of(GOAL), np.ones((2, 2, 1), np.uint8))
    store.save('big', GoalPicture(width=96, height=64, origin='file'), big)
    answer = rig.call(SetGoal, 'set_goal', SetGoal.Request(name='big'))
    assert answer.accepted
    assert '96x64 px, the camera gives 48x32' in answer.message
    rig.graph.spin_until(lambda: not rig.planner.busy)
    rig.planner._picture.header.frame_id = 'left_camera'
    foreign = encode_image(picture_of(GOAL), frame_id='right_camera')
    rig.cell.camera_on = False  # so that no newer picture takes the place of that one
    answer = rig.call(SetGoal, 'set_goal', SetGoal.Request(images=[foreign]))
    assert 'comes from the camera right_camera, not from left_camera' in answer.message


def test_a_preview_shows_the_whole_way_and_moves_nothing(rig):
    rig.cell.status(SafetyStatus.DISARMED)
    rig.graph.spin_until(lambda: rig.planner._safety is not None)
    paths = rig.listen(PoseArray, 'preview_path', qos.latched())
    plans = rig.listen(Plan, 'preview_plan', qos.latched())
    latents = rig.listen(Latent, 'preview_latents', qos.latched())
    result, _ = rig.go(GOAL, preview=True)
    assert result.code == Code.PREVIEWED, result.message
    assert '1 of 1 goal picture(s)' in result.message
    assert rig.cell.plans == []
    rig.graph.spin_until(lambda: paths and plans and latents)
    (first, *_), last = paths[-1].poses, paths[-1].poses[-1]
    np.testing.assert_allclose([first.position.x, first.position.y], START[:2], atol=1e-6)
    np.testing.assert_allclose([last.position.x, last.position.y], GOAL[:2], atol=0.03)
    assert plans[-1].horizon == len(paths[-1].poses) - 1
    assert latents[-1].tokens.shape[0] == plans[-1].horizon


def test_a_preview_does_not_take_the_plans_of_a_goal_under_way(rig):
    rig.cell.motion_s = 30.0
    handle = rig.send(GOAL)
    rig.graph.spin_until(lambda: rig.cell.moving)
    result, _ = rig.go(GOAL, preview=True)
    assert 'a goal is under way' in result.message
    assert rig.cell.moving
    handle.cancel_goal_async()
    assert rig.result(handle)[0].code == Code.CANCELED


def test_names_are_given_to_pictures(rig):
    result, _ = rig.go(GOAL, START, names=['there'], max_steps=[5])
    assert result.code == Code.REACHED
    answer = rig.call(
        SetGoal, 'set_goal', SetGoal.Request(
            images=[encode_image(picture_of(GOAL))], reached_costs=[0.1, 0.2]
        ),
    )  # fmt: skip
    assert answer.error_code == SetGoal.Response.BAD_BUDGET
    assert 'reached_costs has 2 entries for 1' in answer.message
