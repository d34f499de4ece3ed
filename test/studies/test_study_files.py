"""What a study file may say, and what is said about one that is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from small_studies import write_study

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.studies.grid import Job, jobs_of, lanes_of
from jepa_wm_ros.evaluation.studies.settings import read_study
from jepa_wm_ros.paths import share

STUDIES = sorted(share('config', 'studies').glob('*.yaml'))


def jobs(path: Path) -> list[Job]:
    return jobs_of(read_study(path), path, Path('models'))


def test_the_grid_is_every_combination_in_order(folder: Path) -> None:
    found = jobs(write_study(folder, seeds=[3, 4]))
    assert [job.title for job in found] == [
        f'rate={rate}, distance={distance}, seed {seed}'
        for rate in ('0.001', '0.002')
        for distance in ('l2', 'l1')
        for seed in (3, 4)
    ]
    assert len({job.key for job in found}) == 8


def test_jobs_that_only_plan_differently_share_a_training(folder: Path) -> None:
    lanes = lanes_of(jobs(write_study(folder)))
    assert [[job.planning['distance'] for job in lane] for lane in lanes] == [['l2', 'l1']] * 2
    assert lanes[0][0].model == lanes[0][1].model != lanes[1][0].model


def test_choices_change_single_keys_at_any_depth(folder: Path) -> None:
    wide = {'model': {'architecture': {'predictor': {'width': 24}}}}
    (job, _) = jobs(write_study(folder, axes=[{'name': 'w', 'choices': {'24': wide, '16': {}}}]))
    assert job.recipe is not None
    assert job.recipe.model.architecture['predictor'] == {'width': 24, 'depth': 1, 'expansion': 2}
    assert job.labels == (('w', '24'),)


def test_a_result_belongs_to_data_training_planning_and_episodes(folder: Path) -> None:
    before = jobs(write_study(folder))[0].key
    assert jobs(write_study(folder))[0].key == before
    for changes in (
        {'evaluation': {'episodes': 3, 'steps': 2}},
        {'base': {'recipe': 'tiny_recipe.yaml', 'training': {'steps': 4}}},
        {'base': {'recipe': 'tiny_recipe.yaml', 'planning': {'samples': 9}}},
    ):
        assert jobs(write_study(folder, **changes))[0].key != before
    path = write_study(folder)
    data = folder / 'datasets' / 'tiny.h5'
    data.write_bytes(data.read_bytes() + b'more')
    assert jobs(path)[0].key != before


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'axis': []}, 'unknown key axis; accepted: axes, base'),
        ({'axes': []}, 'axes must name at least one thing'),
        ({'name': 'a b'}, "letters, digits, _ and -, got 'a b'"),
        ({'axes': [{'name': 'x', 'key': 'data', 'values': [1]}]}, 'must begin with one of model'),
        ({'axes': [{'name': 'x', 'key': 'planning', 'values': [1]}]}, 'a key below planning'),
        ({'axes': [{'name': 'x'}]}, 'either key and values, or choices'),
        ({'axes': [{'name': 'x', 'choices': {True: {}}}]}, "write 'on', with quotes"),
        ({'axes': [{'name': 'x', 'choices': {'a': {'trainig': {}}}}]}, 'choices.a.trainig'),
        ({'axes': [{'name': 'x', 'key': 'training.steps', 'values': [1, 1]}]}, 'must differ'),
        (
            {'axes': [{'name': 'x', 'key': 'training.step', 'values': [1]}]},
            'x=1: .*training.step;',
        ),
        (
            {'axes': [{'name': 's', 'key': 'planning.solver', 'values': ['cme']}]},
            's=cme: .*solver',
        ),
        ({'base': {}}, 'say which recipe or bundle'),
        ({'base': {'recipe': 'none.yaml'}}, 'none.yaml is missing'),
        ({'base': {'recipe': 'a', 'bundle': 'b'}}, 'either a recipe or a bundle'),
        ({'base': {'bundle': 'franka_cell_reach'}}, 'a bundle is played with as it is'),
        ({'data': 'none'}, r'datasets/none.h5 is missing'),
        ({'evaluation': {'episodes': 0}}, 'episodes must be at least 1'),
        ({'base': {'recipe': 'tiny_recipe.yaml', 'training': {'frames': {}}}}, 'is not for a'),
    ],
)
def test_a_wrong_study_is_one_clear_line(
    folder: Path, changes: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_study(folder, **changes)
    assert main(['study', str(path)]) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert re.search(words, said)
    assert 'study.yaml' in said
    assert 'Traceback' not in said


def test_a_dry_run_lists_the_jobs_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_study(folder)
    assert main(['study', str(path), '--dry-run']) == 0
    said = capsys.readouterr().out
    assert 'rate=0.001, distance=l2, seed 0: train tiny for 3 steps, and play' in said
    assert '4 jobs, 0 done' in said
    assert not Path('runs').exists()


@pytest.mark.parametrize('path', STUDIES, ids=lambda path: path.stem)
def test_every_study_of_the_house_can_be_made(path: Path, folder: Path) -> None:
    write_study(folder)
    found = jobs_of(read_study(path), path, Path('models'), folder / 'datasets' / 'tiny.h5')
    assert len(found) >= 2
