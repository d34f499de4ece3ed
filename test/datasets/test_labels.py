"""Labels of success come through the readers, and none is lost between two frames."""

import h5py
import numpy as np
from fabricated import write_droid, write_lerobot

from jepa_wm_ros.data.labels import labels_at, outcome


def test_a_success_between_two_chosen_pictures_is_that_of_the_later() -> None:
    labels = np.array([0, 0, 0, 1, 0, 0, 0, 1.0])
    assert labels_at(labels, np.array([0, 2, 4, 6])).tolist() == [0, 0, 1, 1]
    assert labels_at(labels, np.array([0, 2])).tolist() == [0, 1]
    assert labels_at(labels, np.array([4, 5, 6])).tolist() == [0, 0, 0]
    assert labels_at(labels, np.array([3])).tolist() == [1]
    assert labels_at(None, np.array([0, 1])) is None


def test_what_nobody_knows_stays_unknown() -> None:
    labels = np.array([np.nan, 0, 1, 0])
    found = labels_at(labels, np.array([0, 1, 3]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [0, 1]


def test_folders_say_how_an_episode_ended() -> None:
    assert outcome(('AUTOLab', 'success', '2023-07-07')) is True
    assert outcome(('AUTOLab', 'failure', '2023-07-07')) is False
    assert outcome(('AUTOLab', '2023-07-07')) is None


def test_raw_droid_knows_successes_and_failures(build, tmp_path) -> None:
    write_droid(tmp_path / 'droid' / 'failure' / 'one')
    write_droid(tmp_path / 'droid' / 'other' / 'two')  # its metadata speak of a success
    table, _ = build(tmp_path / 'droid')
    ends = table.offset + table.length - 1
    assert table.success[ends].tolist() == [0, 1]
    assert table.success.sum() == 1


def test_an_episode_of_lerobot_is_labelled_at_its_end(build, tmp_path) -> None:
    table, _ = build(write_lerobot(tmp_path / 'robot', success=(True, False)))
    assert np.flatnonzero(table.success).tolist() == [table.length[0] - 1]
    without, _ = build(write_lerobot(tmp_path / 'plain'), out='plain.h5')
    assert without.success is None


def test_labels_of_hdf5_are_carried_into_longer_steps(build, tmp_path) -> None:
    build(write_lerobot(tmp_path / 'robot', success=(True, False)), out='fast.h5')
    with h5py.File(tmp_path / 'fast.h5', 'a') as file:
        labels = np.zeros(len(file['action']), np.float32)
        labels[1] = 1.0
        file['success'][:] = labels
    table, _ = build(tmp_path / 'fast.h5', out='slow.h5', step_s=0.8)
    assert np.flatnonzero(table.success).tolist() == [1]
