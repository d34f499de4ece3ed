"""Recordings that became bags give the same pictures, actions and states as before."""

import json

import numpy as np
import pytest
import yaml
from fabricated import number_of, write_bag, write_droid, write_lerobot

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.data.export import ExportError, ExportSettings, export
from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping

SOURCES = {
    'DROID': write_droid,
    'LeRobot': write_lerobot,
    'LeRobot with joints': lambda path: write_lerobot(path, by_joints=True),
    'sqlite3': lambda path: write_bag(path, storage='sqlite3', state_hz=37.0),
}


def exported(path, out, **settings):
    source = find_source(path, read_mapping(), '', 0.25)
    return list(export(source, out, ExportSettings(**settings), str(path)))


@pytest.mark.parametrize('kind', SOURCES)
def test_a_round_trip_gives_the_same_dataset(build, tmp_path, kind):
    SOURCES[kind](tmp_path / 'source')
    results = exported(tmp_path / 'source', tmp_path / 'bags')
    assert all(result.folder is not None and result.messages > 0 for result in results)
    before, _ = build(tmp_path / 'source')
    after, audit = build(tmp_path / 'bags', out='after.h5')
    assert audit.sources.dropped == 0
    np.testing.assert_array_equal(after.pixels, before.pixels)
    np.testing.assert_array_equal(after.length, before.length)
    # joints that become poses are interpolated as such
    atol = 5e-6 if kind == 'sqlite3' else 1e-7
    np.testing.assert_allclose(after.action, before.action, atol=atol)
    np.testing.assert_allclose(after.proprio, before.proprio, atol=atol)
    assert (tmp_path / 'bags' / '.partial').exists() is False


@pytest.mark.parametrize(('form', 'lossless'), [('png', True), ('jpeg', False)])
def test_pictures_may_be_compressed(build, tmp_path, form, lossless):
    write_droid(tmp_path / 'source')
    exported(tmp_path / 'source', tmp_path / 'bags', pictures=form)
    before, _ = build(tmp_path / 'source')
    after, _ = build(tmp_path / 'bags', out='after.h5')
    assert np.array_equal(after.pixels, before.pixels) == lossless
    assert [number_of(p) for p in after.pixels] == [number_of(p) for p in before.pixels]


def write_steps(path, fields, *, step_s=0.4, rows=6):
    """An HDF5 dataset of one episode with steps in it already."""
    import h5py

    rng = np.random.default_rng(0)
    provenance = {'proprio': list(fields)}
    if step_s is not None:
        provenance['step_duration_s'] = step_s
    with h5py.File(path, 'w') as file:
        file['pixels'] = rng.integers(0, 255, (rows, 48, 64, 3), dtype=np.uint8)
        file['action'] = np.zeros((rows, 7), np.float32)
        file['proprio'] = 0.4 + 0.01 * rng.normal(size=(rows, len(fields))).cumsum(0)
        file['ep_len'], file['ep_offset'] = np.array([rows]), np.array([0])
        file.attrs['provenance'] = json.dumps(provenance)
    return path


def test_steps_become_states_at_each_frame(build, tmp_path):
    import h5py

    path = write_steps(tmp_path / 'steps.h5', ['x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper'])
    (result,) = exported(path, tmp_path / 'bags')
    assert (result.messages, result.reason) == (18, '')
    # states are as far apart as frames
    mapping = read_mapping()
    source = find_source(tmp_path / 'bags', mapping, '', 1.0)
    with source.open(source.names()[0]) as recording, h5py.File(path) as file:
        samples = recording.states.at(recording.stamps)
        fields = ('x', 'y', 'z', 'roll', 'pitch', 'yaw', 'gripper')
        rows = [sample.proprio(fields) for sample in samples]
        np.testing.assert_allclose(rows, file['proprio'], atol=1e-9)
        np.testing.assert_array_equal(list(recording.pictures(range(6))), file['pixels'])


def test_what_a_source_lacks_is_said(tmp_path):
    (result,) = exported(write_steps(tmp_path / 'a.h5', 'xyz'), tmp_path / 'a')
    assert result.reason == (
        'no orientation: the flange points down throughout; no gripper: it counts as open'
    )
    (result,) = exported(write_steps(tmp_path / 'b.h5', 'uv'), tmp_path / 'b')
    assert result.folder is None
    assert 'no position of the flange' in result.reason
    path = write_steps(tmp_path / 'c.h5', 'xyz', step_s=None)
    assert '--step-duration' in exported(path, tmp_path / 'c')[0].reason
    assert exported(path, tmp_path / 'c', step_duration_s=0.2)[0].messages == 18
    with pytest.raises(ExportError, match='raw, png, jpeg'):
        ExportSettings(pictures='gif')


def test_the_command_goes_on_past_broken_episodes_and_where_it_was(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    droid, out = tmp_path / 'droid', tmp_path / 'bags'
    write_droid(droid / 'lab' / 'a')
    write_droid(droid / 'lab' / 'b', cartesian=np.full((60, 6), np.nan))
    words = ['dataset', 'export', str(droid), '--to', 'mcap', '--out', str(out)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert 'dropped lab/b: the robot state of row 0 is NaN' in shown
    assert '1 of 2 recordings' in shown
    assert [path.name for path in sorted(out.iterdir())] == ['lab_a']
    text = (out / 'lab_a' / 'metadata.yaml').read_text()
    custom = yaml.safe_load(text)['rosbag2_bagfile_information']['custom_data']
    assert custom['exported_from'] == f'DROID raw: {droid}'
    assert main(words) == 0
    assert 'lab/a: is there already' in capsys.readouterr().out


def test_stamps_that_no_message_can_hold_are_refused(tmp_path):
    path = write_steps(tmp_path / 'a.h5', 'xyz', step_s=1e9)
    (result,) = exported(path, tmp_path / 'out')
    assert 'cannot be said in a ROS message' in result.reason
    assert not (tmp_path / 'out').exists() or not list((tmp_path / 'out').iterdir())
