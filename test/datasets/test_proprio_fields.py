"""Which numbers of the robot's state a dataset keeps."""

import numpy as np
import pytest
from fabricated import write_bag

from jepa_wm_ros.data.assembly import EpisodeSettings
from jepa_wm_ros.data.episodes import Episode, join_parts, write_part


@pytest.fixture
def bag(tmp_path):
    return write_bag(tmp_path / 'bag', seconds=3.0)


def write_positions(path):
    """A dataset whose states are positions only, as those of the simulated cell are."""
    rng = np.random.default_rng(0)
    episode = Episode(
        pixels=rng.integers(0, 255, (4, 32, 32, 3), dtype=np.uint8),
        action=rng.normal(size=(4, 7)).astype(np.float32) * 0.01,
        proprio=rng.normal(size=(4, 3)).astype(np.float32),
    )
    part = path.with_suffix('.npz')
    write_part(part, [episode])
    return join_parts([part], path, {'proprio': ['x', 'y', 'z'], 'step_duration_s': 0.4})


def test_a_part_of_the_state_is_that_part(bag, build):
    whole, _ = build(bag, out='whole.h5')
    part, _ = build(bag, out='part.h5', proprio_fields=('x', 'y', 'z', 'gripper'))
    np.testing.assert_array_equal(part.proprio, whole.proprio[:, [0, 1, 2, 6]])
    assert part.provenance['proprio'] == ['x', 'y', 'z', 'gripper']


def test_bags_and_datasets_with_less_state_go_into_one_file(bag, build, tmp_path):
    other = write_positions(tmp_path / 'cell.h5')
    _, mixed = build(bag, other, out='mixed.h5')
    assert mixed.steps.episodes == 1, 'states of two sizes do not mix'
    table, audit = build(bag, other, out='both.h5', proprio_fields=('x', 'y', 'z'))
    assert audit.steps.episodes == 2
    assert table.proprio.shape[1] == 3


@pytest.mark.parametrize('fields', [('z', 'x'), ('x', 'speed'), ('x', 'x')])
def test_fields_that_do_not_exist_or_are_out_of_order_are_refused(fields, build):
    with pytest.raises(ValueError, match='some of x, y, z, roll, pitch, yaw, gripper'):
        build(proprio_fields=fields)


def test_all_of_it_is_kept_by_default():
    assert EpisodeSettings.__dataclass_fields__['proprio_fields'].default[:3] == ('x', 'y', 'z')
