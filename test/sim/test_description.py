"""The description of the cell, and the meshes it refers to."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    CAMERA_FRAME,
    FLANGE_FRAME,
    GRIPPER_CLOSED,
    GRIPPER_JOINT,
    robot_description,
)
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.sim.camera import CameraError, CameraSettings
from jepa_wm_ros.sim.meshes import SHAPES, blend, box, cone, polygonise, rod
from jepa_wm_ros.sim.scene import build_model

ROBOT = ElementTree.fromstring(robot_description())
JOINTS = {joint.get('name'): joint for joint in ROBOT.findall('joint')}
LINKS = {link.get('name'): link for link in ROBOT.findall('link')}


def test_every_joint_limit_is_the_published_one():
    for index, name in enumerate(ARM_JOINTS):
        limit = JOINTS[name].find('limit')
        assert float(limit.get('lower')) == FER.lower[index]
        assert float(limit.get('upper')) == FER.upper[index]
        assert float(limit.get('velocity')) == FER.velocity[index]
        assert float(limit.get('effort')) == FER.effort[index]


def test_every_inertia_is_that_of_a_real_body():
    for name, link in LINKS.items():
        if link.find('inertial') is None:
            continue
        assert float(link.find('inertial/mass').get('value')) > 0, name
        terms = {key: float(value) for key, value in link.find('inertial/inertia').items()}
        matrix = np.array(
            [
                [terms['ixx'], terms['ixy'], terms['ixz']],
                [terms['ixy'], terms['iyy'], terms['iyz']],
                [terms['ixz'], terms['iyz'], terms['izz']],
            ]
        )
        moments = np.linalg.eigvalsh(matrix)
        assert moments[0] > 0, name
        assert moments[0] + moments[1] >= moments[2] * 0.999, name


def test_joints_form_one_tree_with_the_frames_that_the_program_names():
    children = [joint.find('child').get('link') for joint in JOINTS.values()]
    assert len(children) == len(set(children))
    assert set(LINKS) - set(children) == {'world'}
    assert {FLANGE_FRAME, CAMERA_FRAME} <= set(LINKS)


def test_all_fingers_follow_the_one_driven_joint():
    driven = [
        joint
        for name, joint in JOINTS.items()
        if joint.get('type') == 'revolute' and name not in ARM_JOINTS
    ]
    followers = {
        joint.find('mimic').get('joint') for joint in driven if len(joint.findall('mimic'))
    }
    assert followers == {GRIPPER_JOINT}
    assert len(driven) == 6
    assert float(JOINTS[GRIPPER_JOINT].find('limit').get('upper')) == GRIPPER_CLOSED


def test_every_mesh_exists_and_none_is_left_over():
    prefix = 'package://jepa_wm_ros/'
    named = {mesh.get('filename') for mesh in ROBOT.iter('mesh')}
    files = {f'{prefix}urdf/meshes/{path.name}' for path in share('urdf', 'meshes').iterdir()}
    assert named == files


@pytest.mark.parametrize('name', SHAPES)
def test_meshes_are_what_the_shapes_say(name, tmp_path):
    SHAPES[name].mesh().save(tmp_path / 'link.obj')
    new, old = (
        np.array(
            [line.split()[1:] for line in path.read_text().splitlines() if line[0] == 'v'], float
        )
        for path in (tmp_path / 'link.obj', share('urdf', 'meshes', f'{name}.obj'))
    )
    assert new == pytest.approx(old, abs=2e-4)


def test_a_polygonised_ball_is_closed_round_and_inside_out_nowhere():
    ball = cone((0, 0, 0), (0, 0, 1e-6), (0.05, 0.05))
    mesh = polygonise(ball, (-0.08,) * 3, (0.08,) * 3, 0.01)
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(0.05, abs=1e-4)
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(axis=1)).sum(axis=1) > 0).all()
    volume = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 0.05**3, rel=0.05)


@pytest.mark.parametrize(
    ('field', 'point', 'distance'),
    [
        (rod((0, 0, 0), (0, 0, 1), 0.2, 0.01), (0.5, 0, 0.5), 0.3),
        (rod((0, 0, 0), (0, 0, 1), 0.2, 0.01), (0, 0, 1.3), 0.3),
        (box((0, 0, 0), (0.1, 0.2, 0.3), 0.01), (0, 0.5, 0), 0.3),
        (box((0, 0, 0), (0.1, 0.2, 0.3), 0.01), (0, 0, 0), -0.1),
    ],
)
def test_distances_to_solids_are_exact(field, point, distance):
    assert field(np.array([point], float))[0] == pytest.approx(distance)


def test_a_blend_contains_both_solids_and_fills_the_corner_between_them():
    first, second = box((0, 0, 0), (0.1, 0.1, 0.1), 0.0), box((0.2, 0, 0), (0.1, 0.3, 0.1), 0.0)
    both = blend([first, second], 0.05)
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (500, 3))
    assert (both(points) <= np.minimum(first(points), second(points)) + 1e-12).all()
    corner = np.array([[0.095, 0.105, 0.0]])
    assert both(corner)[0] < 0 < min(first(corner)[0], second(corner)[0])


def test_the_model_weighs_what_the_description_says():
    model = build_model(CameraSettings())
    described = sum(
        float(link.find('inertial/mass').get('value'))
        for link in LINKS.values()
        if link.find('inertial') is not None
    )
    moving = model.body_mass.sum() - model.body('table').mass[0]
    assert moving == pytest.approx(described, rel=0.01)


def test_a_point_on_the_optical_axis_is_in_the_middle_of_the_picture():
    camera = CameraSettings(width=320, height=180, vertical_fov_deg=90.0)
    assert camera.focal_length == pytest.approx(90.0)
    assert camera.matrix @ (0, 0, 1) == pytest.approx((159.5, 89.5, 1))


@pytest.mark.parametrize('wrong', [{'width': 0}, {'height': 9000}, {'vertical_fov_deg': 180.0}])
def test_impossible_cameras_are_refused_by_name(wrong):
    with pytest.raises(CameraError, match=next(iter(wrong))):
        CameraSettings(**wrong)
