"""`jepa-wm collect --through-ros`: from the graph to bags, and to a dataset that is true."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from jepa_wm_ros.cli import collect_ros
from jepa_wm_ros.cli.main import main
from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.faults import ResultCode

RECIPE = share('config', 'recipes', 'cell_from_bags.yaml')
STEPS = 6


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe with one short episode; the working folder is empty."""
    mapping = yaml.safe_load(RECIPE.read_text())
    mapping['base'] = str(share('config', 'recipes', 'franka_cell_reach.yaml'))
    mapping['collection'] |= {'episodes': 1, 'steps': STEPS}
    path = tmp_path / 'short.yaml'
    path.write_text(yaml.safe_dump(mapping))
    monkeypatch.chdir(tmp_path)
    return path


def truth(bag: Path) -> tuple[np.ndarray, np.ndarray]:
    """Stamps `(n,)` [s] and flange positions `(n, 3)` [m] of the simulator."""
    from rosbags.highlevel import AnyReader

    stamps, places = [], []
    with AnyReader([bag]) as reader:
        wanted = [c for c in reader.connections if c.topic == '/ground_truth']
        for connection, _, raw in reader.messages(wanted):
            message: Any = reader.deserialize(raw, connection.msgtype)
            stamp, at = message.header.stamp, message.pose.position
            stamps.append(stamp.sec + stamp.nanosec * 1e-9)
            places.append((at.x, at.y, at.z))
    return np.array(stamps), np.array(places)


@pytest.mark.timeout(300)  # the whole graph starts
def test_the_dataset_of_a_recorded_episode_is_what_happened(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # At half speed, a busy machine keeps pace, too.
    command = ['collect', str(recipe), '--through-ros', '--out', 'bags', '--rate', '0.5']
    assert main(command) == 0
    assert '1 episodes recorded' in capsys.readouterr().out
    assert main(command) == 0, 'what is there is not recorded again'
    assert '0 episodes recorded' in capsys.readouterr().out
    bag = Path('bags/episode_0000')
    assert main(['dataset', 'build', str(bag), '--out', 'cell.h5', '--for', str(recipe)]) == 0
    stamps, places = truth(bag)
    with h5py.File('cell.h5') as file:
        seen, action = file['stamp'][()], file['action'][()]
        position = file['proprio'][:, :3]
    expected = np.stack([np.interp(seen, stamps, axis) for axis in places.T], axis=1)
    np.testing.assert_allclose(position, expected, atol=1e-3)
    np.testing.assert_allclose(action[:-1, :3], np.diff(expected, axis=0), atol=1e-3)
    assert np.diff(seen) == pytest.approx(0.4, abs=0.05)
    told = np.abs(action[:-1, :3]).sum(axis=0)
    assert told.max() > 0.05, 'the arm moved'


def test_episodes_of_other_settings_are_not_mixed(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path('bags').mkdir()
    Path('bags/collection.json').write_text(json.dumps({'rate': 7}))
    assert main(['collect', str(recipe), '--through-ros', '--out', 'bags']) == 1
    assert 'holds episodes of other settings' in ' '.join(capsys.readouterr().err.split())


def test_a_rate_that_the_arm_cannot_follow_is_refused(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['collect', str(recipe), '--through-ros', '--rate', '5']) == 1
    assert '--rate must be within 0.1 .. 2, got 5.0' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('code', 'executed', 'gap_s', 'words'),
    [
        (ResultCode.SUCCEEDED, STEPS, 0.1, ''),
        (ResultCode.FAULT, 2, 0.1, 'FAULT: held'),
        (ResultCode.SUCCEEDED, STEPS - 1, 0.1, '5 of 6 actions'),
        (ResultCode.SUCCEEDED, STEPS, 0.4, 'no picture for 0.40 s'),
    ],
)
def test_an_episode_is_sound_or_recorded_again(
    code: ResultCode, executed: int, gap_s: float, words: str
) -> None:
    result = SimpleNamespace(code=int(code), message='held', executed_steps=executed)
    audit = [{'topic': '/image', 'longest_gap_s': gap_s}, {'topic': '/clock'}]
    assert collect_ros.trouble_with(result, audit, STEPS).startswith(words)
    assert bool(collect_ros.trouble_with(result, audit, STEPS)) is bool(words)
