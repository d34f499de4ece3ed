"""Bags of the cell hold the truth that they claim."""

import json

import numpy as np
import pytest
from mcap.reader import make_reader

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.data.resampling import SteppingSettings, cut
from jepa_wm_ros.evaluation.bags.planted import LOWER, UPPER, PlantSettings
from jepa_wm_ros.evaluation.bags.settings import BagEvalError


def plant(folder, *words):
    assert main(['bag', 'plant', '--out', str(folder), '--steps', '5', *words]) == 0
    source = find_source(folder, read_mapping(), '', 0.25)
    with source.open(folder.name) as recording:
        pictures = list(recording.pictures(range(len(recording.stamps))))
        (run,) = cut(recording, SteppingSettings(step_duration_s=0.4)).runs
    return run, np.stack(pictures)


def test_what_is_read_is_what_was_played(tmp_path):
    run, pictures = plant(tmp_path / 'bag', '--size', '160', '90')
    assert pictures.shape == (6, 90, 160, 3)
    with next((tmp_path / 'bag').glob('*.mcap')).open('rb') as stream:
        kept = {r.name: r.metadata for r in make_reader(stream).iter_metadata()}
    moves = np.array(json.loads(kept['jepa_wm/planted_moves_m']['json']))
    np.testing.assert_allclose(run.actions()[:-1, :3], moves, atol=1e-4)
    assert 0.01 < np.linalg.norm(moves, axis=1).max() < 0.06
    positions = np.array([sample.pose.position for sample in run.samples])
    assert (positions > np.array(LOWER) - 0.01).all()
    assert (positions < np.array(UPPER) + 0.01).all()


def test_shuffled_pictures_are_the_same_ones_in_another_order(tmp_path):
    run, pictures = plant(tmp_path / 'a', '--size', '64', '36')
    other, shuffled = plant(tmp_path / 'b', '--size', '64', '36', '--shuffle')
    np.testing.assert_array_equal(run.actions()[:-1], other.actions()[:-1])
    assert not np.array_equal(pictures, shuffled)
    assert {p.tobytes() for p in pictures} == {p.tobytes() for p in shuffled}


def test_impossible_numbers_are_refused():
    with pytest.raises(BagEvalError, match='steps must be at least 1'):
        PlantSettings(steps=0)
    with pytest.raises(BagEvalError, match='step_m must be above 0'):
        PlantSettings(step_m=0.0)
