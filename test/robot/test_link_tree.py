import numpy as np
import pytest

from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    FLANGE_FRAME,
    READY_POSTURE,
    DescriptionError,
    robot_description,
)
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.link_tree import mesh_path, parse_link_tree


@pytest.fixture(scope='module')
def tree():
    return parse_link_tree(robot_description())


@pytest.mark.parametrize('seed', range(3))
def test_the_flange_is_where_the_kinematics_say(tree, seed):
    joints = READY_POSTURE + np.random.default_rng(seed).uniform(-0.5, 0.5, 7)
    flange = tree.poses(dict(zip(ARM_JOINTS, joints, strict=True)))[FLANGE_FRAME]
    expected = Kinematics().forward(joints)
    np.testing.assert_allclose(flange.position, expected.position, atol=1e-12)
    np.testing.assert_allclose(flange.rotation, expected.rotation, atol=1e-12)


def test_fingers_follow_the_joint_that_they_mimic(tree):
    positions = tree.positions({'finger_joint': 0.5})
    assert positions['right_outer_knuckle_joint'] == 0.5
    assert positions['left_inner_finger_joint'] == -0.5


def test_a_driver_that_reports_a_mimicking_joint_is_believed(tree):
    positions = tree.positions({'finger_joint': 0.5, 'right_outer_knuckle_joint': 0.4})
    assert positions['right_outer_knuckle_joint'] == 0.4


def test_every_mesh_of_the_cell_is_there(tree):
    meshes = [v.mesh for shapes in tree.visuals.values() for v in shapes if v.kind == 'mesh']
    assert len(meshes) == 9
    assert all(mesh.is_file() for mesh in meshes)


def test_sliding_joints_shift_and_plain_paths_are_taken_as_they_are(tmp_path):
    tree = parse_link_tree(
        '<robot name="r"><link name="a"/><link name="b"><visual><geometry><sphere radius="0.1"/>'
        '</geometry></visual></link><joint name="j" type="prismatic"><parent link="a"/>'
        '<child link="b"/><origin xyz="1 0 0"/><axis xyz="0 0 2"/></joint></robot>'
    )
    np.testing.assert_allclose(tree.poses({'j': 0.5})['b'].position, [1, 0, 0.5])
    assert tree.visuals['b'][0].size == (0.1,)
    assert mesh_path(f'file://{tmp_path}/x.obj') == tmp_path / 'x.obj'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('<robot', 'not a robot description'),
        ('<robot name="r"><joint name="j" type="fixed"/></robot>', 'parent'),
        (
            '<robot name="r"><link name="a"/><link name="b"/></robot>',
            r"one root, found \['a', 'b'\]",
        ),
        (
            '<robot name="r"><link name="a"/><link name="b"/><link name="c"/>'
            '<joint name="j" type="fixed"><parent link="b"/><child link="c"/></joint>'
            '<joint name="k" type="fixed"><parent link="c"/><child link="b"/></joint></robot>',
            'do not hang on a: j, k',
        ),
    ],
)
def test_what_is_no_tree_of_links_is_refused_with_its_name(text, message):
    with pytest.raises(DescriptionError, match=message):
        parse_link_tree(text, 'mine.urdf')
