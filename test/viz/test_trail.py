import numpy as np
import pytest

from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.viz.trail import Trail


def at(x):
    return Pose(np.array([x, 0.0, 0.0]))


def positions(trail):
    return [pose.position[0] for _, pose in trail.path()]


def test_an_arm_at_rest_adds_nothing_to_the_path_but_its_pose_is_known():
    trail = Trail()
    for second in range(10):
        trail.add(second, at(0.5))
    assert positions(trail) == [0.5]
    assert trail.pose_at(9.05) is not None


def test_the_pose_at_a_time_is_the_nearest_one_and_none_when_too_far():
    trail = Trail(max_gap_s=0.3)
    for step in range(5):
        trail.add(step * 0.2, at(0.1 * step))
    assert trail.pose_at(0.39).position[0] == pytest.approx(0.2)
    assert trail.pose_at(1.0).position[0] == pytest.approx(0.4)
    assert trail.pose_at(1.2) is None
    assert Trail().pose_at(0.0) is None


def test_an_arm_that_was_put_elsewhere_begins_a_new_path():
    trail = Trail()
    for step, x in enumerate((0.0, 0.02, 0.6, 0.62)):
        trail.add(step * 0.2, at(x))
    assert positions(trail) == [0.6, 0.62]


def test_a_clock_that_was_set_back_begins_a_new_path():
    trail = Trail()
    trail.add(100.0, at(0.1))
    trail.add(99.9, at(0.2))  # only late: dropped
    assert positions(trail) == [0.1]
    trail.add(5.0, at(0.12))
    assert positions(trail) == [0.12]


def test_old_parts_of_a_long_path_go():
    trail = Trail(capacity=10)
    for step in range(30):
        trail.add(step * 0.1, at(0.01 * step))
    assert len(positions(trail)) == 10
    assert positions(trail)[-1] == pytest.approx(0.29)
    assert trail.count == 30
