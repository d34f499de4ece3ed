"""Episodes survive the disk, and clips never leave their episode."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from jepa_wm_ros.data.clips import ClipSampler, split_episodes
from jepa_wm_ros.data.episodes import (
    DatasetError,
    Episode,
    EpisodeTable,
    join_parts,
    read_episodes,
    write_part,
)


def episode(length: int, mark: int) -> Episode:
    action = np.full((length, 7), mark, np.float32)
    action[-1] = np.nan
    return Episode(
        pixels=np.full((length, 4, 4, 3), mark, np.uint8),
        action=action,
        proprio=np.full((length, 3), mark, np.float32),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_part(tmp_path / '0.npz', [episode(5, 1), episode(7, 2)])
    write_part(tmp_path / '1.npz', [episode(3, 3)])
    return join_parts([tmp_path / '0.npz', tmp_path / '1.npz'], tmp_path / 'a.h5', {'source': 'x'})


def test_what_was_written_is_read(path: Path) -> None:
    table = read_episodes(path)
    assert table.length.tolist() == [5, 7, 3]
    assert table.offset.tolist() == [0, 5, 12]
    assert table.pixels[4:6, 0, 0, 0].tolist() == [1, 2]
    assert np.isnan(table.action[4]).all()
    assert table.provenance == {'source': 'x'}


def test_no_partial_file_is_left(path: Path) -> None:
    assert not list(path.parent.glob('*.partial'))


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DatasetError, match='damaged'):
        read_episodes(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='jepa-wm collect'):
        read_episodes(tmp_path / 'none.h5')


def test_a_missing_column_is_named(path: Path) -> None:
    with h5py.File(path, 'a') as file:
        del file['action']
    with pytest.raises(DatasetError, match='missing columns action'):
        read_episodes(path)


def test_the_first_episodes_can_be_read_alone(path: Path) -> None:
    table = read_episodes(path, most=2)
    assert table.length.tolist() == [5, 7]
    assert len(table.pixels) == len(table.action) == len(table.proprio) == 12
    assert read_episodes(path, most=9).episodes == 3


def test_labels_and_masks_pass_through_and_missing_labels_are_unknown(tmp_path: Path) -> None:
    done = np.array([0, 0, 0, 1, 1], np.float32)
    masks = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)
    labelled = dataclasses.replace(episode(5, 1), success=done, masks=masks)
    write_part(tmp_path / '0.npz', [labelled])
    write_part(tmp_path / '1.npz', [dataclasses.replace(labelled, success=None)])
    table = read_episodes(
        join_parts([tmp_path / '0.npz', tmp_path / '1.npz'], tmp_path / 'b.h5', {})
    )
    assert table.success is not None
    assert table.success[:5].tolist() == done.tolist()
    assert np.isnan(table.success[5:]).all()
    assert np.array_equal(table.masks, np.concatenate([masks, masks]))


def test_a_label_of_an_episode_is_one_of_its_last_frame(path: Path) -> None:
    with h5py.File(path, 'a') as file:
        file['success'] = np.array([True, False, True])
    assert np.flatnonzero(read_episodes(path).success).tolist() == [4, 14]
    assert np.flatnonzero(read_episodes(path, most=2).success).tolist() == [4]


def test_an_episode_whose_end_nobody_judged_has_no_labels(path: Path) -> None:
    with h5py.File(path, 'a') as file:
        file['success'] = np.array([1, np.nan, 0], np.float32)
    labels = read_episodes(path).success
    assert np.isnan(labels[5:12]).all()
    assert np.isfinite(labels[:5]).all()


@pytest.mark.parametrize(
    ('column', 'rows', 'message'),
    [
        ('success', np.zeros(4), 'success has 4 rows; it needs one for each of 15 frames'),
        ('masks', np.zeros((15, 2, 2), np.uint8), r'masks are \(15, 2, 2\), the pictures'),
    ],
)
def test_labels_of_another_size_are_refused(path: Path, column, rows, message) -> None:
    with h5py.File(path, 'a') as file:
        file[column] = rows
    with pytest.raises(DatasetError, match=message):
        read_episodes(path)


@pytest.fixture
def table(path: Path) -> EpisodeTable:
    return read_episodes(path)


def test_a_clip_stays_within_its_episode(table: EpisodeTable) -> None:
    sampler = ClipSampler(table, np.array([0, 1]), frames=4, seed=0)
    assert len(sampler) == 2 + 4
    batch = sampler.batch(0, 200)
    marks = batch.pixels[..., 0, 0, 0]
    assert (marks == marks[:, :1]).all()
    assert np.isfinite(batch.action).all()
    assert batch.action.shape == (200, 3, 7)
    assert set(marks[:, 0]) == {1, 2}


def test_a_batch_depends_on_seed_and_number_alone(table: EpisodeTable) -> None:
    first = ClipSampler(table, np.array([0, 1]), frames=2, seed=0)
    other = ClipSampler(table, np.array([0, 1]), frames=2, seed=0)
    first.batch(0, 50)
    assert np.array_equal(first.batch(7, 50).pixels, other.batch(7, 50).pixels)
    assert not np.array_equal(first.batch(7, 50).pixels, first.batch(8, 50).pixels)


def test_too_short_episodes_are_refused(table: EpisodeTable) -> None:
    with pytest.raises(DatasetError, match='longest of 3 has 7'):
        ClipSampler(table, np.array([0, 1, 2]), frames=9, seed=0)


def test_training_and_validation_share_no_episode() -> None:
    train, held_out = split_episodes(40, 0.1, seed=0)
    assert len(held_out) == 4
    assert sorted([*train, *held_out]) == list(range(40))
