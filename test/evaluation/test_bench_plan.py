"""`jepa-wm bench plan`: both paths over the same weights, figures and files."""

import dataclasses
import json

import pytest
import torch
from contracts import small_contract

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.bench import machine
from jepa_wm_ros.evaluation.bench.models import BenchError, load_model, random_model
from jepa_wm_ros.evaluation.bench.plan import PlanBenchSettings, bench_plan
from jepa_wm_ros.evaluation.bench.search import make_search
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.contract import CameraContract
from jepa_wm_ros.worldmodel.execution import run_as
from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings
from jepa_wm_ros.worldmodel.reference_path import ReferencePathError, reference_path

CPU = torch.device('cpu')
ENCODER = {'name': 'dinov2_vits14', 'dim': 16, 'depth': 1, 'heads': 2, 'mlp': 16}
PREDICTOR = {'width': 24, 'depth': 2, 'heads': 2}
KEYS = (
    'median_s',
    'p95_s',
    'reference_median_s',
    'ratio',
    'peak_memory_bytes',
    'flops',
    'max_abs_difference',
)
TINY = small_contract(
    planning={'distance': 'l2', 'reduction': 'last', 'std_floor': 0.0},
    family='jepa_wm',
    architecture={'encoder': ENCODER, 'predictor': PREDICTOR},
    camera=CameraContract(width=28, height=28),
)


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch):
    monkeypatch.setattr(machine, 'SIDE', 64)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bundles') / 'tiny'
    return save_bundle(folder, random_model(TINY, CPU), TINY)


def bench(**changes):
    numbers = {'candidates': 8, 'horizon': 3, 'iterations': 2, 'repeats': 2, **changes}
    return bench_plan(random_model(TINY, CPU), PlanBenchSettings(**numbers), CPU)


def test_both_paths_find_the_same(bundle):
    result = bench(reference=True)
    assert result.max_abs_difference < 1e-4
    assert result.max_abs_reference > 0.1
    assert result.elites_in_common == 1.0
    assert result.mean_difference_sigma < 1e-3
    assert result.ratio == pytest.approx(result.reference_median_s / result.median_s)


def test_the_reference_path_does_more_work():
    result = bench(reference=True, horizon=5)
    assert result.reference_flops > 1.2 * result.flops
    assert len(result.seconds) == len(result.reference_seconds) == 2


def test_operations_grow_with_candidates_and_iterations():
    # The mean is judged once more at the end: 8 + 1, 16 + 1 and 8 + 8 + 1 candidates.
    one, two, four = (
        bench(candidates=c, iterations=i, repeats=1).flops for c, i in ((8, 1), (16, 1), (8, 2))
    )
    assert two == pytest.approx(one * 17 / 9, rel=1e-3)
    assert four == pytest.approx(two, rel=1e-3)


def test_bfloat16_is_compared_with_the_exact_reference():
    result = bench(reference=True, execution=ExecutionSettings(dtype='bf16'))
    assert 1e-4 < result.max_abs_difference < 0.2 * result.max_abs_reference


def test_the_reference_path_leaves_the_model_as_it_is():
    model = random_model(TINY, CPU)
    search = make_search(model, candidates=4, horizon=2, iterations=1, seed=0, device=CPU)
    actions = torch.rand(1, 4, 2, 7)
    before = search.predict(model, actions).tokens
    slow = reference_path(model)
    assert slow.rollouts is not model.rollouts
    torch.testing.assert_close(search.predict(slow, actions).tokens, before, rtol=1e-4, atol=1e-4)
    assert torch.equal(search.predict(model, actions).tokens, before)


def test_candidates_are_predicted_in_groups_that_fit_into_memory():
    model = random_model(TINY, CPU)
    little = run_as(model, ExecutionSettings(memory_bytes=1))
    assert little.candidates_at_once == 1
    assert run_as(model, ExecutionSettings(memory_bytes=2**30)).candidates_at_once > 100
    search = make_search(model, candidates=4, horizon=2, iterations=1, seed=0, device=CPU)
    actions = torch.rand(1, 4, 2, 7)
    together, apart = (search.predict(each, actions).tokens for each in (model, little))
    torch.testing.assert_close(apart, together, rtol=1e-4, atol=1e-4)


def test_random_weights_are_without_effect_nowhere():
    model = random_model(TINY, CPU)
    assert all(float(parameter.abs().max()) > 0 for parameter in model.parameters())
    again = random_model(TINY, CPU)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)
    )


def test_the_command_writes_all_figures(bundle, tmp_path, capsys):
    path = tmp_path / 'figures.json'
    words = ['--candidates', '6', '--horizon', '2', '--iterations', '1', '--repeats', '1']
    assert (
        main(
            [
                'bench',
                'plan',
                '--model',
                str(bundle),
                *words,
                '--reference-path',
                '--json',
                str(path),
            ]
        )
        == 0
    )
    figures = json.loads(path.read_text())
    assert all(figures[key] > 0 for key in KEYS)
    assert figures['model'] == 'tiny'
    assert figures['candidates'] == 6
    printed = capsys.readouterr().out
    for words in ('median, s', 'times faster', 'GFLOP', 'share of the matmul rate'):
        assert words in printed


def test_without_the_reference_path_its_figures_are_null(bundle, tmp_path):
    path = tmp_path / 'figures.json'
    words = ['--candidates', '4', '--horizon', '1', '--iterations', '1', '--repeats', '1']
    assert main(['bench', 'plan', '--model', str(bundle), *words, '--json', str(path)]) == 0
    figures = json.loads(path.read_text())
    assert figures['ratio'] is None
    assert figures['max_abs_difference'] is None


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--model', 'nothing'], 'presets are'),
        (['--candidates', '1'], 'at least 2'),
        pytest.param(
            ['--graphs', '--candidates', '4', '--horizon', '1', '--iterations', '1'],
            'CUDA graphs need a CUDA device',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='there is one'),
        ),
        (['--repeats', '0'], 'repeats must be at least 1'),
        (['--device', 'abacus'], '--device takes'),
        pytest.param(
            ['--device', 'cuda'],
            'no CUDA device',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='there is one'),
        ),
    ],
)
def test_wrong_options_are_explained(bundle, capsys, words, message):
    assert main(['bench', 'plan', '--model', str(bundle), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_model_that_nobody_published_has_no_reference_path():
    model = random_model(small_contract(), CPU)
    with pytest.raises(ReferencePathError, match='no reference path'):
        reference_path(model)


def test_every_preset_is_accepted_by_name():
    with pytest.raises(BenchError, match='jepa_wm_droid'):
        load_model('jepa_wm_droit', CPU)


def test_settings_of_nothing_are_refused():
    with pytest.raises(ValueError, match='horizon'):
        PlanBenchSettings(candidates=2, horizon=0, iterations=1)
    with pytest.raises(ValueError, match='dtype'):
        dataclasses.replace(ExecutionSettings(), dtype='fp8')
