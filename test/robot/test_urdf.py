"""The checked-in descriptions are what xacro makes of their source, and describe known arms."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.description import DescriptionError, arm_parts, description_file
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.limits import FER, FR3_FULL, WORKSPACE_CELL

SOURCE = share('urdf', 'droid_cell.urdf.xacro')
FILES = {
    'droid_cell.urdf': {},
    'droid_cell_fr3.urdf': {
        'robot_type': 'fr3',
        'workspace': 'true',
        'wrist_camera': 'true',
    },
}


def made(**arguments):
    xacro = pytest.importorskip('xacro')
    return xacro.process_file(str(SOURCE), mappings=arguments).toxml()


def canonical(text):
    return ElementTree.canonicalize(text, strip_text=True, with_comments=False)


def numbers(text):
    return [float(part) for part in text.split()]


@pytest.mark.parametrize('name', FILES)
def test_a_checked_in_file_is_what_its_source_gives(name):
    assert canonical(made(**FILES[name])) == canonical(share('urdf', name).read_text())


@pytest.mark.parametrize(
    ('name', 'limits'), [('droid_cell.urdf', FER), ('droid_cell_fr3.urdf', FR3_FULL)]
)
def test_limits_are_those_of_the_tables(name, limits):
    kinematics = Kinematics(share('urdf', name))
    for field in ('lower', 'upper', 'velocity', 'effort'):
        assert np.array_equal(getattr(kinematics.limits, field), getattr(limits, field)), field


def test_both_arms_have_the_published_kinematics():
    # the pose from which DROID episodes start, by the published DH parameters
    posture = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])
    for name in FILES:
        pose = Kinematics(share('urdf', name)).forward(posture)
        assert np.allclose(pose.position, [0.3069, 0.0, 0.5903], atol=1e-4)


def test_the_workspace_box_is_the_one_of_the_action_publisher():
    root = ElementTree.fromstring(share('urdf', 'droid_cell_fr3.urdf').read_text())
    box = root.find("link[@name='workspace']/visual/geometry/box").get('size')
    at = root.find("joint[@name='workspace_mount']/origin").get('xyz')
    assert np.allclose(numbers(box), WORKSPACE_CELL.upper - WORKSPACE_CELL.lower)
    assert np.allclose(numbers(at), (WORKSPACE_CELL.upper + WORKSPACE_CELL.lower) / 2)


def test_meshes_of_a_vendor_can_be_taken():
    folder = 'package://franka_description/meshes/robots/fr3/visual'
    text = made(robot_type='fr3', meshes=folder)
    for number in range(8):
        assert f'{folder}/link{number}.dae' in text
    assert 'meshes/link0.obj' not in text
    assert all(f'{folder}/' not in share('urdf', name).read_text() for name in FILES)


def test_a_camera_stands_where_it_is_said():
    text = made(camera_xyz='1 2 3', camera_rpy='0 0 1')
    root = ElementTree.fromstring(text)
    origin = root.find("joint[@name='camera_mount']/origin")
    assert (origin.get('xyz'), origin.get('rpy')) == ('1 2 3', '0 0 1')


def test_the_names_of_an_arm_are_found(tmp_path):
    assert arm_parts([f'fr3_joint{n}' for n in range(1, 8)])[1] == 'fr3_link8'
    wrong = tmp_path / 'wrong.urdf'
    wrong.write_text('<robot name="r"><link name="base"/></robot>')
    with pytest.raises(DescriptionError, match='panda_joint1'):
        Kinematics(wrong)


def test_descriptions_of_the_package_go_by_their_names(tmp_path):
    assert description_file('') is None
    assert description_file('droid_cell_fr3.urdf') == share('urdf', 'droid_cell_fr3.urdf')
    assert description_file(str(tmp_path / 'mine.urdf')) == tmp_path / 'mine.urdf'
