"""Studies run, go on, and survive what breaks a job."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from small_studies import write_study

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.studies.crew import Crew, News, work
from jepa_wm_ros.evaluation.studies.grid import Job
from jepa_wm_ros.evaluation.studies.settings import EpisodePlan
from jepa_wm_ros.evaluation.studies.store import Store, claim

RATES = [0.001, 1e30]


def lanes(count: int) -> list[list[Job]]:
    return [
        [
            Job(
                labels=(('lane', str(k)),), seed=None, recipe=None, data=None,
                model=Path('nowhere'), planning={}, key=f'{k}',
            )
        ]
        for k in range(count)
    ]  # fmt: skip


def play_dead(lane: Sequence[Job], crew: Crew, pipe: Connection) -> None:
    """Do a job; that of lane 1 is killed in the middle."""
    pipe.send(News(job=lane[0].key, what='playing', done=1, total=2))
    if lane[0].key == '1':
        os.kill(os.getpid(), signal.SIGKILL)
    pipe.send(News(job=lane[0].key, what='done'))


def test_a_process_that_is_killed_costs_its_own_job(tmp_path: Path) -> None:
    crew = Crew(plan=EpisodePlan(), folder=tmp_path, processes=2)
    ends = {
        news.job: (news.what, news.words)
        for news in work(lanes(3), crew, play_dead)
        if news.what != 'playing'
    }
    assert {key: what for key, (what, _) in ends.items()} == {
        '0': 'done',
        '1': 'failed',
        '2': 'done',
    }
    assert ends['1'][1] == 'its process died with exit code -9'


def test_a_claim_is_for_one(tmp_path: Path) -> None:
    with claim(tmp_path / 'x.lock') as first, claim(tmp_path / 'x.lock') as second:
        assert (first, second) == (True, False)
    with claim(tmp_path / 'x.lock') as again:
        assert again


def test_half_a_result_is_none(tmp_path: Path) -> None:
    store, ((job,),) = Store(tmp_path), lanes(1)
    store.save(job, {'key': '0', 'x': 1})
    assert store.load(job) == {'key': '0', 'x': 1}
    (path,) = (tmp_path / 'jobs').iterdir()
    path.write_text(path.read_text()[:8])
    assert store.load(job) is None


def test_a_job_that_fails_costs_itself_and_the_next_call_does_what_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [{'name': 'rate', 'key': 'training.learning_rate', 'values': RATES}]
    path = write_study(folder, axes=axes)
    assert main(['study', str(path), '--jobs', '2']) == 1
    said = ' '.join(capsys.readouterr().out.split())
    assert 'rate=1e+30, seed 0: failed: the loss is' in said
    out = folder / 'runs' / 'study-tiny'
    content = json.loads((out / 'study.json').read_text())
    assert (content['done'], content['jobs']) == (1, 2)
    assert content['rows'][0]['episodes'] == 2
    for name in ('study.csv', 'episodes.csv', 'study.md', 'success.png', 'rollout_error.png'):
        assert (out / name).stat().st_size > 100
    (good,) = (out / 'jobs').glob('rate=0.001*.json')
    written = good.stat().st_mtime_ns

    axes[0]['values'] = [0.001, 0.003]
    assert main(['study', str(write_study(folder, axes=axes))]) == 0
    assert good.stat().st_mtime_ns == written, 'what is done is not done again'
    content = json.loads((out / 'study.json').read_text())
    assert [row['labels']['rate'] for row in content['rows']] == ['0.001', '0.003']
    assert content['rows'][0]['training_cpu_s'] is not None


def test_ranks_share_the_jobs_and_the_last_one_reports_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = {'bundle': 'franka_cell_reach', 'planning': {'samples': 16, 'iterations': 1}}
    axes = [{'name': 'distance', 'key': 'planning.distance', 'values': ['l2', 'l1']}]
    path = write_study(folder, base=shipped, axes=axes)
    monkeypatch.setenv('WORLD_SIZE', '2')
    done = []
    for rank in (0, 1):
        monkeypatch.setenv('RANK', str(rank))
        assert main(['study', str(path)]) == 0
        content = json.loads((folder / 'runs' / 'study-tiny' / 'study.json').read_text())
        done.append([row['labels']['distance'] for row in content['rows']])
    assert done == [['l2'], ['l2', 'l1']]
