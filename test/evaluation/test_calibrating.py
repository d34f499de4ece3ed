"""From pictures to the rotation: the shipped model in the simulated cell."""

import json
import math

import numpy as np
import pytest
import yaml

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.moves import targets
from jepa_wm_ros.evaluation.policies import CalibratedPolicy, Decision
from jepa_wm_ros.robot.poses import rotation_from_vector
from jepa_wm_ros.ros.calibration_file import read_calibration


@pytest.mark.parametrize('planted', [20.0, -35.0])
def test_a_planted_yaw_is_found_in_the_cell(tmp_path, planted):
    file = tmp_path / 'calibration.yaml'
    words = ['calibrate', '--cell', '--base-yaw', str(planted), '--out', str(file)]
    assert main(words) == 0
    found = read_calibration(file)
    yaw = math.degrees(found.fit.vector[2])
    assert abs(yaw - planted) < 5.0
    assert found.fit.residual_m < 0.5 * found.fit.uncorrected_m
    assert found.provenance.source == 'cell'


def test_too_few_or_too_large_moves_are_refused(capsys, tmp_path):
    file = tmp_path / 'calibration.yaml'
    for words in (['--moves', '3'], ['--reach', '0'], ['--speed', '1.0']):
        assert main(['calibrate', '--cell', '--out', str(file), *words]) == 1
        assert '--moves must be 4 or more' in capsys.readouterr().err
    assert not file.exists()


def test_targets_stay_in_the_cube_and_moves_within_bounds():
    places = targets([0.4, 0.1, 0.5], 0.05, 0.06, 200)
    assert np.abs(places - [0.4, 0.1, 0.5]).max() <= 0.05
    moves = np.diff(np.vstack([[0.4, 0.1, 0.5], places]), axis=0)
    assert np.linalg.norm(moves, axis=1).max() <= 0.06
    assert np.linalg.norm(moves[:, :2], axis=1).min() >= 0.025
    assert np.linalg.cond(moves) < 2.0


def test_a_calibrated_policy_turns_what_the_other_decides():
    class Forward:
        looks = True

        def begin(self, picture, rng):
            self.begun = True

        def act(self, observation):
            return Decision(action=np.array([0.05, 0.0, 0.01, 0.0, 0.0, 0.0, 1.0]), cost=2.0)

    policy = CalibratedPolicy(Forward(), rotation_from_vector([0.0, 0.0, math.pi / 2]))
    assert policy.looks
    decision = policy.act(None)
    assert np.allclose(decision.action, [0.0, 0.05, 0.01, 0.0, 0.0, 0.0, 1.0])
    assert decision.cost == 2.0


def test_evaluation_takes_a_calibration_of_its_bundle_only(tmp_path, capsys):
    file = tmp_path / 'calibration.yaml'
    assert main(['calibrate', '--cell', '--moves', '6', '--out', str(file)]) == 0
    once = ['eval', 'closed-loop', '--episodes', '1', '--steps', '1', '--no-baselines']
    assert main([*once, '--calibration', str(file), '--out', str(tmp_path / 'own')]) == 0
    summary = json.loads((tmp_path / 'own' / 'summary.json').read_text())
    assert str(file) in json.dumps(summary)
    values = yaml.safe_load(file.read_text())
    values['belongs_to']['bundle'] = 'ffffffffffff'
    file.write_text(yaml.safe_dump(values))
    assert main([*once, '--calibration', str(file), '--out', str(tmp_path / 'other')]) == 1
    assert 'belongs to the bundle' in capsys.readouterr().err
