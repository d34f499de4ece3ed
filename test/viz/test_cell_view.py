import numpy as np
import pytest

from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, READY_POSTURE, robot_description
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.viz.cell_view import Boxes, CellView, Safety
from jepa_wm_ros.viz.colours import STATE_COLOURS, opaque


@pytest.fixture
def view():
    return CellView(tree=parse_link_tree(robot_description()), base_frame=BASE_FRAME)


def text(view):
    return next(shape for shape in view.scene_shapes() if shape.kind == 'text')


def test_joint_states_of_any_driver_move_our_links_and_leave_a_trail(view):
    view.joint_names = [f'fr3_joint{n}' for n in range(1, 8)]
    view.take_joints(1.0, ['gripper', *view.joint_names], [0.3, *READY_POSTURE])
    _, pose = next(iter(view.trail.path()))
    expected = Kinematics().forward(READY_POSTURE).position
    np.testing.assert_allclose(pose.position, expected, atol=1e-9)


def test_joint_states_without_the_arm_or_with_nan_leave_no_trail(view):
    view.take_joints(1.0, ['finger_joint'], [0.3])
    view.take_joints(1.1, ARM_JOINTS, [np.nan, *READY_POSTURE[1:]])
    assert view.trail.count == 0
    assert view.joints['finger_joint'] == 0.3


def test_the_text_says_state_and_reason_in_the_colour_of_the_state(view):
    assert text(view).text == 'UNKNOWN'
    view.safety = Safety(state=3, message='the camera is frozen')
    assert text(view).text == 'FAULT: the camera is frozen'
    np.testing.assert_array_equal(text(view).colours, opaque(STATE_COLOURS['FAULT']))


def test_the_text_floats_above_the_boxes(view, boxes):
    view.boxes = Boxes(workspace=boxes[0], supervised=boxes[1])
    assert text(view).pose.position[2] > boxes[1].upper[2]
