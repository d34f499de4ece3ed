"""The measurement of the cell's speed."""

import json

import pytest

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.sim.speed import CellSpeedError, measure_cell


def test_shares_add_up_to_the_whole_time():
    speed = measure_cell(steps=3, seed=1)
    assert speed.steps == 3
    assert sum(speed.shares.values()) == pytest.approx(1.0)
    assert set(speed.shares) == {'render', 'physics', 'kinematics', 'rest'}
    assert all(0.0 < share < 1.0 for share in speed.shares.values())


def test_time_ends_the_measurement_early():
    speed = measure_cell(steps=10_000, seconds=1e-3)
    assert speed.steps == 1
    assert speed.steps_per_s == pytest.approx(1 / speed.seconds)


@pytest.mark.parametrize('wrong', [{'steps': 0}, {'seconds': 0.0}])
def test_nothing_to_measure_is_refused(wrong):
    with pytest.raises(CellSpeedError, match='above 0'):
        measure_cell(**wrong)


def test_the_command_writes_its_figures(tmp_path, capsys):
    file = tmp_path / 'cell.json'
    assert main(['bench', 'cell', '--steps', '2', '--variation', 'seen', '--json', str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures['steps'] == 2
    assert figures['variation'] == 'seen'
    assert figures['steps_per_s'] > 0
    assert 'steps per second' in capsys.readouterr().out
