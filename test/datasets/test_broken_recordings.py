"""What is broken costs its own episode, never the run, and is reported in one line."""

import numpy as np
import pytest
from fabricated import (
    cartesian_at,
    joints_at,
    number_of,
    picture,
    write_bag,
    write_droid,
    write_lerobot,
)


def truncated(path, size=60_000):
    (file,) = [p for p in path.iterdir() if p.suffix in ('.mcap', '.db3')]
    file.write_bytes(file.read_bytes()[:size])


BROKEN = {
    'truncated mcap': (lambda p: truncated(write_bag(p)), 'bag recover` may save it'),
    'truncated sqlite3': (lambda p: truncated(write_bag(p, storage='sqlite3')), 'malformed)'),
    'empty mcap': (lambda p: truncated(write_bag(p), 0), 'cannot be read'),
    'no messages': (
        lambda p: write_bag(p, pictures=lambda _: None, states=lambda _: None),
        'holds no messages',
    ),
    'no pictures': (lambda p: write_bag(p, pictures=lambda _: None), 'no pictures on /image'),
    'no joint states': (lambda p: write_bag(p, states=lambda _: None), 'no robot states'),
    'other topics': (
        lambda p: write_bag(p, topics=('/cam', '/joint_states')),
        'the bag has: /cam',
    ),
    'other joints': (
        lambda p: write_bag(p, joint_names=[f'ur5_joint{n}' for n in range(7)]),
        'ur5_joint0',
    ),
    'NaN joints': (
        lambda p: write_bag(p, joints=lambda _: np.full(7, np.nan)),
        'not finite',
    ),
    'clock back': (
        lambda p: write_bag(p, pictures=lambda t: t if t < 2 else t - 100),
        'clock jumps',
    ),
    'clock forward': (
        lambda p: write_bag(p, states=lambda t: t if t < 2 else t + 50),
        'clock jumps',
    ),
    'other clock': (
        lambda p: write_bag(p, states=lambda t: t + 500),
        'no picture has a robot state',
    ),
    'one picture': (
        lambda p: write_bag(p, pictures=lambda t: t if t == 0 else None),
        '1 pictures',
    ),
    'too slow': (lambda p: write_bag(p, camera_hz=1.0), 'gives 1.00 Hz'),
    'too small': (lambda p: write_bag(p, image=lambda n: picture(n, (16, 16))), '16x16'),
    'lens covered': (
        lambda p: write_bag(p, image=lambda n: np.zeros((48, 64, 3), np.uint8)),
        'shows nothing',
    ),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_a_broken_bag_costs_itself_alone(build, tmp_path, kind):
    make, reason = BROKEN[kind]
    make(tmp_path / 'bags' / 'b')
    write_bag(tmp_path / 'bags' / 'a')
    write_bag(tmp_path / 'bags' / 'c')
    table, audit = build(tmp_path / 'bags')
    assert table.length.tolist() == [11, 11]
    (dropped,) = [fact for fact in audit.facts if fact.dropped]
    assert dropped.name == 'b'
    assert reason in dropped.dropped
    assert '\n' not in dropped.dropped
    assert ('bag recover' in dropped.dropped) == (kind == 'truncated mcap')


def glitch(stamp_s, change):
    """Change one joint state in ten of one second."""
    joints = joints_at(stamp_s)
    hit = 1.0 <= stamp_s < 2.0 and round(100 * stamp_s) % 10 == 0
    return change(joints) if hit else joints


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda q: np.full(7, np.nan), 'not finite'),
        (lambda q: np.degrees(q), 'degrees'),
        (lambda q: q + np.eye(7)[0], 'jumped by'),
    ],
    ids=['NaN', 'degrees', 'ghost'],
)
def test_joint_states_that_cannot_be_true_are_left_out_and_counted(
    build, tmp_path, change, words
):
    sound, _ = build(write_bag(tmp_path / 'sound'), out='sound.h5')
    table, audit = build(
        write_bag(tmp_path / 'bag', joints=lambda t: glitch(t, change))
    )
    (fact,) = audit.facts
    assert '10 of 401 joint states are left out: joint states' in fact.note
    assert words in fact.note
    assert sum(table.length) <= sum(sound.length)
    # nothing of them is in what is left
    assert np.abs(table.proprio).max() <= np.abs(sound.proprio).max() + 0.01


def test_pictures_of_another_camera_are_left_out_and_counted(build, tmp_path):
    sound, _ = build(write_bag(tmp_path / 'sound'), out='sound.h5')
    frames = ['wrist' if 30 <= number < 33 else 'eye' for number in range(100)]
    table, audit = build(write_bag(tmp_path / 'bag', frame=lambda number: frames[number]))
    (fact,) = audit.facts
    # the last of them leaves two seconds of doubt
    assert '31 of 61 pictures are left out: the images were in the frame' in fact.note
    assert "now one is in 'wrist'" in fact.note
    assert 0 < sum(table.length) < sum(sound.length)


def without(folder, name):
    for path in folder.rglob(name):
        path.unlink()


def cut_file(folder, name, part):
    (path,) = folder.rglob(name)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])


def nan_at(row):
    rows = np.array([cartesian_at(t) for t in np.arange(60) / 15])
    rows[row] = np.nan
    return rows


BROKEN_DROID = {
    'truncated video': (lambda p: cut_file(write_droid(p), '*.mp4', 0.6), 'truncated'),
    'short video': (lambda p: write_droid(p, frames=20), 'has only 20 frames'),
    'no video': (lambda p: without(write_droid(p), '*.mp4'), 'is missing'),
    'no metadata': (lambda p: without(write_droid(p), 'metadata*'), 'serial number'),
    'truncated trajectory': (lambda p: cut_file(write_droid(p), 'trajectory.h5', 0.5), 'damaged'),
    'no rows': (lambda p: write_droid(p, rows=0, frames=3), '0 pictures'),
    'NaN poses': (lambda p: write_droid(p, cartesian=nan_at(7)), 'row 7 is NaN'),
    'other length': (lambda p: write_droid(p, cartesian=nan_at(7)[:50]), '50 robot states'),
}


@pytest.mark.parametrize('kind', BROKEN_DROID)
def test_a_broken_droid_episode_costs_itself_alone(build, tmp_path, kind):
    make, reason = BROKEN_DROID[kind]
    make(tmp_path / 'droid' / 'a')
    write_droid(tmp_path / 'droid' / 'b')
    table, audit = build(tmp_path / 'droid')
    assert table.length.tolist() == [10]
    assert [fact.name for fact in audit.facts if fact.dropped] == ['a']
    assert reason in audit.facts[0].dropped


def test_a_truncated_lerobot_video_costs_the_episodes_in_its_lost_part(build, tmp_path):
    from fabricated import write_video

    root = write_lerobot(tmp_path / 'lerobot', (30, 40))
    (video,) = root.rglob('*.mp4')
    write_video(video, 35, 15.0)
    table, audit = build(root)
    assert table.length.tolist() == [5]
    assert 'has only 35 frames' in audit.facts[1].dropped


@pytest.mark.parametrize(
    ('damage', 'reason'),
    [
        (lambda root: (root / 'meta/info.json').write_text('{'), 'info.json is damaged'),
        (lambda root: without(root / 'meta', '*.parquet'), 'has no episodes'),
        (lambda root: cut_file(root / 'meta', '*.parquet', 0.5), 'damaged or lacks columns'),
        (lambda root: cut_file(root / 'data', '*.parquet', 0.5), 'damaged or lacks columns'),
    ],
)
def test_a_damaged_lerobot_dataset_does_not_end_the_run(build, tmp_path, damage, reason):
    root = write_lerobot(tmp_path / 'lerobot')
    damage(root)
    write_droid(tmp_path / 'droid')
    table, audit = build(root, tmp_path / 'droid')
    assert table.length.tolist() == [10]
    assert reason in audit.facts[0].dropped


def test_an_old_lerobot_dataset_is_named(build, tmp_path):
    _, audit = build(write_lerobot(tmp_path / 'lerobot', version='v2.1'))
    assert 'says version v2.1, and v3.x is read' in audit.facts[0].dropped


def test_when_nothing_is_left_there_is_an_audit_and_no_dataset(build, tmp_path):
    write_bag(tmp_path / 'bag', states=lambda _: None)
    table, audit = build(tmp_path / 'bag')
    assert table is None
    assert audit.sources.dropped == 1
    assert (tmp_path / 'out.h5.audit.json').exists()
    assert not (tmp_path / 'out.h5').exists()
    assert not (tmp_path / 'out.h5.parts').exists()


def test_a_frozen_camera_cuts_the_episode(build, tmp_path):
    write_bag(tmp_path / 'bag', image=lambda n: picture(min(n, 30)))
    table, audit = build(tmp_path / 'bag')
    # pictures 36 and later are picture 30 again; where the arm has hardly moved, that is no proof
    assert number_of(table.pixels[5]) == 30
    assert audit.sources.bad_pictures >= 3
    assert table.length[0] == 6
    assert len(table.pixels) + audit.sources.bad_pictures + audit.sources.short == 11


def test_a_broken_picture_cuts_the_episode_and_no_more(build, tmp_path):
    covered = lambda n: np.zeros((48, 64, 3), np.uint8) if n == 24 else picture(n)  # noqa: E731
    write_bag(tmp_path / 'bag', image=covered)
    table, audit = build(tmp_path / 'bag')
    assert table.length.tolist() == [4, 6]
    assert audit.sources.bad_pictures == 1
    assert np.isnan(table.action[3]).all()
    assert np.isfinite(table.action[2]).all()
