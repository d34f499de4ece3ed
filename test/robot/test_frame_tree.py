"""Transforms that come one by one make the pose of the flange."""

import numpy as np

from jepa_wm_ros.robot.frame_tree import FrameTree
from jepa_wm_ros.robot.poses import Pose, distance, from_euler


def test_the_chain_is_multiplied_from_the_base_on():
    tree = FrameTree('link0', 'link8')
    first, second = from_euler((1, 0, 0), (0, 0, np.pi / 2)), from_euler((1, 0, 0), (0, 0, 0))
    tree.set('link8', 'middle', second)
    assert tree.tip() is None
    assert tree.set('middle', '/link0', first)
    np.testing.assert_allclose(tree.tip().position, [1.0, 1.0, 0.0], atol=1e-12)


def test_newer_transforms_replace_older_ones():
    tree = FrameTree('base', 'tip')
    tree.set('tip', 'base', Pose(np.ones(3)))
    tree.set('tip', 'base', Pose(np.zeros(3)))
    assert distance(tree.tip(), Pose.identity()) == (0.0, 0.0)


def test_frames_elsewhere_do_not_matter():
    tree = FrameTree('base', 'tip')
    tree.set('tip', 'base', Pose.identity())
    assert not tree.set('camera', 'world', Pose(np.ones(3)))


def test_a_circle_is_no_chain():
    tree = FrameTree('base', 'tip')
    tree.set('tip', 'a', Pose.identity())
    tree.set('a', 'tip', Pose.identity())
    assert tree.tip() is None
