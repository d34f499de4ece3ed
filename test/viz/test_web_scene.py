"""What is put into the browser's scene; a stand-in for viser's scene notes it."""

import numpy as np
import pytest

from jepa_wm_ros.robot.description import ARM_JOINTS, READY_POSTURE, robot_description
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.viz.shapes import Shape
from jepa_wm_ros.viz.web.robot_scene import MeshError, RobotScene
from jepa_wm_ros.viz.web.shape_scene import ShapeScene

RED = np.array([1.0, 0.0, 0.0, 1.0])


class Node:
    """A thing in the scene."""

    def __init__(self, scene, name, kind, args, kwargs):
        self.scene, self.name, self.kind, self.args = scene, name, kind, args
        self.wxyz, self.position = kwargs.get('wxyz'), kwargs.get('position')
        self.kwargs = kwargs

    def remove(self):
        if self.scene.nodes.get(self.name) is self:
            del self.scene.nodes[self.name]


class Scene:
    """Notes what is added, as viser does: a name that was there is replaced."""

    def __init__(self):
        self.nodes = {}

    def __getattr__(self, name):
        kind = name.removeprefix('add_')

        def add(at, *args, **kwargs):
            self.nodes[at] = Node(self, at, kind, args, kwargs)
            return self.nodes[at]

        return add


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture(scope='module')
def tree():
    return parse_link_tree(robot_description())


def test_every_visible_part_of_the_robot_is_there(scene, tree):
    RobotScene(scene, tree)
    parts = [node for node in scene.nodes.values() if node.kind != 'frame']
    assert len(parts) == sum(map(len, tree.visuals.values()))
    meshes = [node for node in parts if node.kind == 'mesh_simple']
    assert len(meshes) == 9
    for node in meshes:
        vertices, faces = node.kwargs['vertices'], node.kwargs['faces']
        assert vertices.shape[1] == faces.shape[1] == 3
        assert faces.max() < len(vertices)
        assert np.abs(vertices).max() < 0.5  # metres


def test_only_what_has_moved_is_sent(scene, tree):
    robot = RobotScene(scene, tree)
    joints = dict(zip(ARM_JOINTS, READY_POSTURE, strict=True))
    poses = tree.poses(joints)
    assert robot.move(poses) == len(tree.visuals)
    assert robot.move(poses) == 0
    moved = tree.poses(joints | {'panda_joint7': 0.3})
    assert 0 < robot.move(moved) < len(tree.visuals)
    hand = scene.nodes['/robot/panda_link7']
    np.testing.assert_allclose(hand.position, moved['panda_link7'].position)


def test_a_mesh_that_is_missing_is_an_error_with_its_name(scene):
    text = (
        '<robot name="r"><link name="a"><visual><geometry><mesh filename="/no/such.stl"/>'
        '</geometry></visual></link></robot>'
    )
    with pytest.raises(MeshError, match=r'/no/such\.stl'):
        RobotScene(scene, parse_link_tree(text))


def line(number, **changes):
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])
    return Shape(
        **({'layer': 'plan', 'number': number, 'kind': 'line', 'points': points} | changes)
    )


def test_a_drawing_replaces_what_has_changed_and_removes_what_is_gone(scene):
    shapes = ShapeScene(scene)
    shapes.draw([line(0), line(1), line(2)])
    before = dict(scene.nodes)
    shapes.draw([line(0), line(1, colours=RED)])
    assert set(scene.nodes) == {'/layers/plan/0', '/layers/plan/1'}
    assert scene.nodes['/layers/plan/0'] is before['/layers/plan/0']
    assert scene.nodes['/layers/plan/1'] is not before['/layers/plan/1']


def test_a_line_is_drawn_in_segments_and_fades_into_the_white_ground(scene):
    colours = np.array([[1.0, 0, 0, 1.0], [1, 0, 0, 0.5], [1, 0, 0, 0.0]])
    ShapeScene(scene).draw([line(0, colours=colours)])
    points, painted = scene.nodes['/layers/plan/0'].args
    np.testing.assert_allclose(points, [[[0, 0, 0], [1, 0, 0]], [[1, 0, 0], [1, 1, 0]]])
    assert painted[:, 1].tolist() == [[255, 128, 128], [255, 255, 255]]


@pytest.mark.parametrize(
    ('kind', 'added'),
    [
        ('points', 'point_cloud'),
        ('segments', 'line_segments'),
        ('box', 'box'),
        ('text', 'label'),
        ('axes', 'frame'),
    ],
)
def test_each_kind_of_shape_is_drawn_where_it_is(scene, kind, added):
    pose = Pose(np.array([1.0, 2.0, 3.0]))
    points = np.zeros((2, 3)) if kind in ('points', 'segments') else np.zeros((0, 3))
    shape = Shape(layer='l', number=3, kind=kind, points=points, pose=pose, colours=RED, text='t')
    ShapeScene(scene).draw([shape])
    if kind not in ('box', 'text', 'axes'):
        assert scene.nodes['/layers/l/3'].kind == added
        return
    assert scene.nodes['/layers/l/3/shape'].kind == added
    frame = scene.nodes['/layers/l/3']
    np.testing.assert_allclose(frame.position, [1, 2, 3])
    np.testing.assert_allclose(frame.wxyz, [1, 0, 0, 0])


def test_a_box_that_changes_its_colour_keeps_its_place(scene):
    shapes = ShapeScene(scene)
    pose = Pose(np.array([1.0, 2.0, 3.0]))
    for colour in (RED, RED[::-1]):
        shapes.draw([Shape(layer='b', number=0, kind='box', pose=pose, colours=colour)])
    # viser forgets the pose of what is added again: only the frame around it may have one
    assert scene.nodes['/layers/b/0/shape'].position is None
    np.testing.assert_allclose(scene.nodes['/layers/b/0'].position, [1, 2, 3])
    shapes.draw([])
    assert '/layers/b/0/shape' not in scene.nodes


def test_a_layer_that_is_switched_off_goes_and_comes_back(scene):
    shapes = ShapeScene(scene)
    shapes.show('plan', visible=False)
    shapes.draw([line(0), line(0, layer='goal')])
    assert set(scene.nodes) == {'/layers/goal/0'}
    shapes.show('plan', visible=True)
    shapes.draw([line(0)])
    assert set(scene.nodes) == {'/layers/plan/0'}
