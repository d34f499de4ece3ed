import numpy as np
import pytest

from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.viz.shapes import Shape, ShapeError, box_between

LINE = {'layer': 'plan', 'number': 0, 'kind': 'line', 'points': np.zeros((2, 3))}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'kind': 'arrow'}, "kind 'arrow'; accepted: line"),
        ({'size': 0.0}, 'must be > 0'),
        ({'edges': (1.0, 0.0, 1.0)}, 'must be > 0'),
        ({'points': np.full((2, 3), np.nan)}, 'must be finite'),
        ({'pose': Pose(np.array([np.inf, 0, 0]))}, 'must be finite'),
        ({'colours': np.ones((3, 4))}, r'shape \(4,\) or \(2, 4\)'),
    ],
)
def test_shapes_that_displays_reject_silently_are_refused(change, words):
    with pytest.raises(ShapeError, match=words):
        Shape(**(LINE | change))


def test_a_flat_box_keeps_some_thickness():
    assert min(box_between('b', 0, [0, 0, 0], [1, 1, 0], np.ones(4)).edges) > 0
