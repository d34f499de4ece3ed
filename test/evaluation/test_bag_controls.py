"""Controls, shares of windows, processes and decoded predictions of evaluations on bags."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from cell_bags import write_cell_bag

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.bags.comparison import compare_controls
from jepa_wm_ros.evaluation.bags.job import find_jobs, shared_out
from jepa_wm_ros.evaluation.bags.result import merged
from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
from jepa_wm_ros.evaluation.bags.team import work
from jepa_wm_ros.paths import share

SHIPPED = share('models', 'franka_cell_reach')
QUICK = ['--set', 'iterations=2', '--set', 'samples=32', '--examples', '1']
SETTINGS = BagEvalSettings(
    examples=2, slices=5, candidates=16, planning={'iterations': 2, 'samples': 32}
)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return write_cell_bag(tmp_path_factory.mktemp('bags') / 'cell')


def evaluated(jobs, settings=SETTINGS):
    return list(work(jobs, settings, 1))


def test_controls_come_out_clearly_worse_and_the_report_says_so(
    bag, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv('COLUMNS', '200')
    out = tmp_path / 'out'
    words = ['bag', 'eval', str(bag), '--controls', '--stride', '2', '--examples', '0']
    assert main([*words, '--out', str(out)]) == 0
    shown = capsys.readouterr().out
    assert shown.count(': clearly worse, ') == 2
    page = (out / 'report.html').read_text()
    assert 'shuffled actions: clearly worse, ' in page
    assert 'random weights: clearly worse, ' in page
    summary = json.loads((out / 'summary.json').read_text())
    own, shuffled, random = summary['results']
    assert all(own[f'axis_{axis}_m'] < 0.01 for axis in 'xyz')
    assert own['verdict'].startswith('follows')
    for row in (shuffled, random):
        assert row['verdict'].startswith('NOT USABLE')
        assert row['position_error_m'] > 3 * own['position_error_m']
    assert [row['worse'] for row in summary['controls']] == [True, True]


def test_a_control_that_is_no_worse_is_called_so(bag):
    jobs = find_jobs([bag], [(SHIPPED, 'model@0')], SETTINGS, controls=True)[:1]
    (own,) = evaluated(jobs)
    same = dataclasses.replace(own, job=dataclasses.replace(jobs[0], control='random weights'))
    (row,) = compare_controls([own, same], SETTINGS)
    assert not row['worse']
    assert 'NOT clearly worse' in row['words']


def test_shares_put_together_are_the_whole(bag):
    jobs = find_jobs([bag], [(SHIPPED, 'model@0')], SETTINGS)
    (whole,) = evaluated(jobs)
    shares = shared_out(jobs, 3)
    assert [(job.share, job.shares) for job in shares] == [(0, 3), (1, 3), (2, 3)]
    again = merged(jobs[0], evaluated(shares), SETTINGS.examples)

    def without_times(records):
        return [dataclasses.replace(record, plan_time_s=0.0) for record in records]

    assert without_times(again.windows) == without_times(whole.windows)
    assert again.surprise == whole.surprise
    assert [e.pictures for e in again.examples] == [e.pictures for e in whole.examples]


def test_processes_of_torchrun_find_what_one_finds(bag, tmp_path):
    alone, team = tmp_path / 'alone', tmp_path / 'team'
    words = ['bag', 'eval', str(bag), str(tmp_path / 'none'), *QUICK, '--out']
    assert main([*words, str(alone)]) == 0
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    launcher += ['--nproc-per-node', '2', '-m', 'jepa_wm_ros.cli.main']
    done = subprocess.run(
        [*launcher, *words, str(team)],
        env={**os.environ, 'COLUMNS': '200', 'GLOO_SOCKET_IFNAME': 'lo'},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('not evaluated: ') == 1
    # alone, one goes on with what they left
    assert main([*words, str(team), '--resume']) == 0
    figures = [json.loads((path / 'summary.json').read_text()) for path in (alone, team)]
    for summary in figures:
        summary['results'][0].pop('timing')
    assert figures[0]['results'] == figures[1]['results']
    (whole,) = [path for path in (team / 'parts').glob('*.json') if path.stem != 'settings']
    assert json.loads(whole.read_text())['job']['shares'] == '1'


def test_several_processes_need_a_folder_of_all(bag, monkeypatch, capsys):
    from contextlib import contextmanager

    from jepa_wm_ros.training.team import Team

    @contextmanager
    def of_two(device):
        yield Team(0, 2), device

    monkeypatch.setattr('jepa_wm_ros.training.team.joined', of_two)
    assert main(['bag', 'eval', str(bag)]) == 1
    assert '--out' in capsys.readouterr().err


@pytest.fixture
def painter(tmp_path):
    """A bundle with a decoder that has learnt nothing."""
    from jepa_wm_ros.worldmodel.bundle import load_bundle
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder, DecoderSettings
    from jepa_wm_ros.worldmodel.heads.head import LatentShape
    from jepa_wm_ros.worldmodel.heads.storage import save_head

    folder = tmp_path / 'painter'
    shutil.copytree(SHIPPED, folder)
    model = load_bundle(folder)
    tokens = model.encode(torch.zeros(1, 1, 3, 96, 96)).tokens
    channels = (8, 8, 8, 8)
    settings = DecoderSettings(layout='flat', height=32, width=32, channels=channels)
    decoder = Decoder(LatentShape(tokens=tokens.shape[-2], dim=tokens.shape[-1]), settings)
    save_head(folder, 'decoder', decoder, model.contract, {}, {})
    return folder


def test_what_the_model_expects_is_shown_where_there_is_a_decoder(bag, painter, tmp_path):
    import cv2
    import numpy as np

    out = tmp_path / 'out'
    words = ['bag', 'eval', str(bag), '--model', str(painter), *QUICK, '--out', str(out)]
    assert main(words) == 0
    page = (out / 'report.html').read_text()
    assert page.count('data:image/jpeg;base64,') == 3 * 4
    assert 'decoded, as planned' in page
    jobs = find_jobs([bag], [(painter, 'painter@0')], SETTINGS)
    (result,) = evaluated(jobs)
    example = result.examples[0]
    sizes = {
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape
        for data in example.expected + example.planned
    }
    assert sizes == {(32, 32, 3)}
    assert example.expected[0] == example.planned[0]
    assert example.expected[-1] != example.planned[-1]


def test_a_decoder_of_other_weights_is_named_and_left_out(bag, painter, tmp_path):
    record = painter / 'heads' / 'decoder.yaml'
    text = record.read_text()
    fingerprint = text.partition('fingerprint: ')[2].split()[0]
    record.write_text(text.replace(fingerprint, '0123456789ab'))
    out = tmp_path / 'out'
    words = ['bag', 'eval', str(bag), '--model', str(painter), *QUICK, '--out', str(out)]
    assert main(words) == 0
    page = (out / 'report.html').read_text()
    assert page.count('data:image/jpeg;base64,') == 4
    assert 'no decoded predictions: ' in page
