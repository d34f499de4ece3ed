"""Goals that are kept under names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jepa_wm_ros.data.goals.goal import (
    GoalError,
    GoalPicture,
    GoalSequence,
    Placement,
    SequenceStep,
)
from jepa_wm_ros.data.goals.pictures import PictureFileError
from jepa_wm_ros.data.goals.sources import goal_from_bag, goal_from_file, picture_files
from jepa_wm_ros.data.goals.store import GoalStore, GoalStoreError, goal_folder
from jepa_wm_ros.data.recordings import RecordingError
from jepa_wm_ros.worldmodel.schema import SchemaError

PICTURE = np.random.default_rng(0).integers(0, 256, (18, 32, 3), dtype=np.uint8)
FULL = GoalPicture(
    width=32,
    height=18,
    origin='camera',
    source='/image',
    camera_frame='camera_optical',
    stamp_s=12.5,
    pose=Placement(position=(0.4, 0.0, 0.5), quaternion_xyzw=(1.0, 0.0, 0.0, 0.0)),
    joints=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    gripper=0.25,
    model='cell',
    fingerprint='0123456789ab',
    max_steps=7,
    reached_cost=0.2,
)


def about(**changes):
    return GoalPicture(**({'width': 32, 'height': 18, 'origin': 'file'} | changes))


@pytest.fixture
def store(tmp_path):
    return GoalStore(tmp_path / 'goals')


def test_what_is_kept_comes_back(store):
    store.save('cup', FULL, PICTURE)
    assert store.names() == ['cup']
    assert store.about('cup') == FULL
    (leg,) = store.legs('cup')
    np.testing.assert_array_equal(leg.picture, PICTURE)
    assert (leg.name, leg.max_steps, leg.reached_cost) == ('cup', 7, 0.2)


def test_an_empty_store_has_no_goals_and_needs_no_folder(store):
    assert store.names() == []
    with pytest.raises(GoalStoreError, match='none yet'):
        store.legs('cup')


def test_a_wrong_name_lists_what_there_is_and_guesses(store):
    for name in ('cup', 'plate'):
        store.save(name, FULL, PICTURE)
    with pytest.raises(GoalStoreError, match=r"there are: cup, plate.*Did you mean 'plate'") as e:
        store.legs('plait')
    assert str(store.folder) in str(e.value)


@pytest.mark.parametrize('name', ['', '..', '../cup', 'a/b', '.hidden', 'a b', 'x' * 65, 'ü'])
def test_a_name_that_would_leave_the_folder_is_refused(store, name):
    with pytest.raises(GoalError):
        store.save(name, FULL, PICTURE)
    with pytest.raises(GoalStoreError):
        store.about(name)


def test_a_newer_picture_takes_the_place_of_the_older_one(store):
    store.save('cup', FULL, PICTURE)
    store.save('cup', about(), PICTURE[::-1])
    assert store.about('cup') == about()
    np.testing.assert_array_equal(store.legs('cup')[0].picture, PICTURE[::-1])
    assert sorted(path.name for path in store.folder.iterdir()) == ['cup']


def test_a_sequence_visits_its_goals_with_its_own_budgets(store):
    for name in ('above', 'grasp'):
        store.save(name, FULL, PICTURE)
    steps = (
        SequenceStep(goal='above', max_steps=4, reached_cost=0.5),
        SequenceStep(goal='grasp'),
        SequenceStep(goal='above', max_steps=3),
    )
    store.save_sequence('pick', GoalSequence(steps=steps))
    legs = store.legs('pick')
    assert [(leg.name, leg.max_steps, leg.reached_cost) for leg in legs] == [
        ('above', 4, 0.5),
        ('grasp', 7, 0.2),
        ('above', 3, 0.2),
    ]


def test_a_sequence_of_what_is_not_there_is_refused(store):
    store.save('above', FULL, PICTURE)
    steps = (SequenceStep(goal='above'), SequenceStep(goal='grasp'))
    with pytest.raises(GoalStoreError, match="no goal 'grasp'"):
        store.save_sequence('pick', GoalSequence(steps=steps))
    assert store.names() == ['above']


def test_pictures_and_sequences_do_not_take_each_others_names(store):
    store.save('above', FULL, PICTURE)
    sequence = GoalSequence(steps=(SequenceStep(goal='above'),))
    with pytest.raises(GoalStoreError, match='is a picture already'):
        store.save_sequence('above', sequence)
    store.save_sequence('pick', sequence)
    with pytest.raises(GoalStoreError, match='is a sequence already'):
        store.save('pick', FULL, PICTURE)
    with pytest.raises(GoalStoreError, match='is a sequence itself'):
        store.save_sequence('twice', GoalSequence(steps=(SequenceStep(goal='pick'),)))


def test_what_a_sequence_needs_stays(store):
    store.save('above', FULL, PICTURE)
    store.save_sequence('pick', GoalSequence(steps=(SequenceStep(goal='above'),)))
    with pytest.raises(GoalStoreError, match='part of pick'):
        store.delete('above')
    store.delete('pick')
    store.delete('above')
    assert store.names() == []


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('width: 32', 'missing key height'),
        ('{width: 32, height: 18, origin: file, colour: red}', 'unknown key colour'),
        ('{width: 32, height: 18, origin: dream}', 'camera, file, bag'),
        ('{width: 32, height: 18, origin: file, format: 9}', 'another version'),
        ('{width: 32, height: 18, origin: file, max_steps: 0}', 'at least 1'),
        ('[', 'cannot be read'),
    ],
)
def test_a_damaged_goal_names_its_file_and_leaves_the_others_alone(store, text, words):
    store.save('cup', FULL, PICTURE)
    store.save('plate', FULL, PICTURE)
    (store.folder / 'cup' / 'goal.yaml').write_text(text)
    with pytest.raises((SchemaError, GoalStoreError), match='goal.yaml.*' + words):
        store.about('cup')
    assert store.legs('plate')
    store.delete('cup')
    assert store.names() == ['plate']


def test_a_damaged_picture_is_an_error_for_people(store):
    store.save('cup', FULL, PICTURE)
    (store.folder / 'cup' / 'picture.png').write_bytes(b'no picture')
    with pytest.raises(PictureFileError, match='is not a picture'):
        store.legs('cup')


def test_a_folder_that_cannot_be_written_is_an_error_for_people(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(GoalStoreError, match='cannot write'):
        GoalStore(tmp_path / 'file').save('cup', FULL, PICTURE)


def test_the_folder_is_the_given_one_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path))
    monkeypatch.delenv('JEPA_WM_GOALS', raising=False)
    assert goal_folder() == tmp_path / 'jepa_wm' / 'goals'
    monkeypatch.setenv('JEPA_WM_GOALS', '~/mine')
    assert goal_folder() == Path.home() / 'mine'
    assert goal_folder('/there') == Path('/there')


def test_a_file_becomes_a_goal(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / 'a.png')
    known, picture = goal_from_file(tmp_path / 'a.png')
    np.testing.assert_array_equal(picture, PICTURE)
    assert (known.width, known.height, known.origin, known.pose) == (32, 18, 'file', None)


def test_a_folder_gives_its_pictures_in_order(tmp_path):
    for name in ('b.jpg', 'a.png', 'notes.txt'):
        (tmp_path / name).write_bytes(b'')
    assert [path.name for path in picture_files(tmp_path)] == ['a.png', 'b.jpg']
    (tmp_path / 'empty').mkdir()
    with pytest.raises(PictureFileError, match='has no pictures'):
        picture_files(tmp_path / 'empty')


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    from cell_bags import write_cell_bag

    path = tmp_path_factory.mktemp('bag') / 'run'
    write_cell_bag(path)
    return path


def test_a_moment_of_a_bag_becomes_a_goal_with_the_arm(bag):
    from cell_bags import STEP_S, played

    pictures, joints, _ = played()
    known, picture = goal_from_bag(bag, 5.2 * STEP_S)
    np.testing.assert_array_equal(picture, pictures[5])
    assert known.origin == 'bag'
    assert known.stamp_s == pytest.approx(1000.0 + 5 * STEP_S)
    np.testing.assert_allclose(known.joints, joints[5], atol=1e-6)
    assert known.pose is not None


@pytest.mark.parametrize('at_s', [-0.1, 1e6, float('nan')])
def test_a_moment_that_is_not_in_the_bag_is_refused(bag, at_s):
    with pytest.raises(RecordingError, match='has pictures from 0 to'):
        goal_from_bag(bag, at_s)


def test_what_is_no_bag_is_refused(tmp_path):
    with pytest.raises(RecordingError, match='must be one bag'):
        goal_from_bag(tmp_path, 0.0)
