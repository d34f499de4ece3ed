"""A build survives being killed, and ends with an audit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fabricated import write_bag
from wanted import quiet, settings

from jepa_wm_ros.data.audit import audit_path
from jepa_wm_ros.data.build import Builder
from jepa_wm_ros.data.episodes import DatasetError, read_episodes

BOUNDS = ((-1.0,) * 7, (1.0,) * 7)
KILLED = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from wanted import settings
from jepa_wm_ros.data.build import Builder
from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping

def report(done, total, note=''):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

bags = Path({bags!r})
source = find_source(bags, read_mapping(), '', 0.25)
Builder([(str(bags), source)], Path({out!r}), settings(), ((-1.0,) * 7, (1.0,) * 7)).run(report)
"""


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bags')
    for number in range(4):
        write_bag(folder / f'{number}', start_s=1000.0 * number, seconds=1.0 + number)
    return folder


def test_a_build_that_was_killed_goes_on_where_it_was(bags, tmp_path, source):
    out = tmp_path / 'data.h5'
    script = KILLED.format(folder=str(Path(__file__).parent), bags=str(bags), out=str(out))
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, timeout=120)
    assert done.returncode == -9, done.stderr
    assert not out.exists()
    journal = sorted(p.name for p in tmp_path.glob('data.h5.parts/*.json'))
    assert journal == ['000000.json', '000001.json', 'build.json']
    reader, opened = source(bags), []
    read = reader.open
    reader.open = lambda name: opened.append(name) or read(name)
    Builder([(str(bags), reader)], out, settings(), BOUNDS).run(quiet)
    assert opened == ['2', '3']
    whole = tmp_path / 'whole.h5'
    Builder([(str(bags), source(bags))], whole, settings(), BOUNDS).run(quiet)
    resumed, straight = read_episodes(out), read_episodes(whole)
    assert straight.length.tolist() == [3, 6, 8, 11]
    np.testing.assert_array_equal(resumed.pixels, straight.pixels)
    np.testing.assert_array_equal(resumed.action, straight.action)
    assert [p.name for p in tmp_path.iterdir() if 'part' in p.name] == []


def test_parts_of_another_build_are_not_mixed_in(bags, tmp_path, source):
    out = tmp_path / 'data.h5'
    Builder([(str(bags), source(bags))], out, settings(), BOUNDS)
    with pytest.raises(DatasetError, match='other sources or settings; delete it'):
        Builder([(str(bags), source(bags))], out, settings(step_s=0.8), BOUNDS)


def test_a_dataset_is_not_overwritten(bags, tmp_path, source):
    out = tmp_path / 'data.h5'
    out.write_text('precious')
    with pytest.raises(DatasetError, match='exists already'):
        Builder([(str(bags), source(bags))], out, settings(), BOUNDS)


def test_the_audit_says_what_is_in_it(bags, tmp_path, build):
    write_bag(tmp_path / 'broken', states=lambda _: None)
    _, audit = build(bags, tmp_path / 'broken')
    written = json.loads(audit_path(tmp_path / 'out.h5').read_text())
    assert written == json.loads(json.dumps(audit.as_json()))
    steps, sources = written['steps'], written['sources']
    assert (steps['episodes'], steps['frames'], steps['steps']) == (4, 28, 24)
    assert steps['lengths'] == [3, 7, 11]
    assert (sources['recordings'], sources['dropped']) == (5, 1)
    assert sources['picture_rate_hz'][1] == pytest.approx(15, rel=0.01)
    assert sources['state_rate_hz'][1] == pytest.approx(100, rel=0.01)
    assert written['recordings'][4]['dropped'].startswith('no robot states')
    column = steps['actions'][6]
    assert column['name'] == 'dgripper'
    assert column['quantiles'][2] == pytest.approx(0.1, abs=1e-6)
    assert sum(column['counts']) == 24


def test_actions_outside_of_the_bounds_are_counted(bags, tmp_path, build, source):
    whole = read_values(build(bags)[0])
    tight = ((-0.02,) * 7, (0.02,) * 7)
    audit = Builder([(str(bags), source(bags))], tmp_path / 'tight.h5', settings(), tight).run(
        quiet
    )
    outside = np.mean(np.abs(whole) > 0.02, axis=0)
    np.testing.assert_allclose([c.outside for c in audit.steps.actions], outside, atol=1e-6)
    assert outside[6] == 1.0


def read_values(table):
    return table.action[np.isfinite(table.action[:, 0])]


def test_an_unexpected_error_of_a_reader_costs_the_recording(bags, tmp_path, source):
    reader = source(bags)

    class Moody:
        kind = 'moody'
        names = reader.names

        def open(self, name):
            if name == '1':
                raise KeyError('what is this')
            return reader.open(name)

    audit = Builder([('x', Moody())], tmp_path / 'out.h5', settings(), BOUNDS).run(quiet)
    assert [fact.dropped for fact in audit.facts if fact.dropped] == ["KeyError: 'what is this'"]


def test_a_full_disk_ends_the_run(bags, tmp_path, source, monkeypatch):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('jepa_wm_ros.data.build.write_part', full)
    with pytest.raises(OSError, match='No space left'):
        Builder([('x', source(bags))], tmp_path / 'out.h5', settings(), BOUNDS).run(quiet)


def test_the_layout_is_that_of_stable_worldmodel(bags, tmp_path, build):
    import h5py

    build(bags)
    # its reader opens files in SWMR mode and takes every key but two for a column of N rows
    with h5py.File(tmp_path / 'out.h5', 'r', swmr=True) as file:
        columns = [name for name in file if name not in ('ep_len', 'ep_offset')]
        assert {'pixels', 'action', 'proprio', 'ep_idx', 'step_idx'} <= set(columns)
        assert {len(file[name]) for name in columns} == {28}
        assert file['ep_len'][()].tolist() == [3, 6, 8, 11]
        assert file['ep_offset'][()].tolist() == [0, 3, 9, 17]
        assert file['pixels'].shape[1:] == (32, 32, 3)
        assert file['ep_idx'][8:10].tolist() == [1, 2]
        assert file['step_idx'][8:10].tolist() == [5, 0]
        assert np.isnan(file['action'][8]).all()
