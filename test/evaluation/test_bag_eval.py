"""Bags with known actions: what the shipped model plans from them, and what spoils that."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from cell_bags import played, write_cell_bag
from fabricated import picture, write_bag

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.bags.job import find_jobs
from jepa_wm_ros.evaluation.bags.settings import BagEvalError, BagEvalSettings
from jepa_wm_ros.evaluation.bags.store import Store
from jepa_wm_ros.evaluation.bags.summary import summarise
from jepa_wm_ros.evaluation.bags.team import work
from jepa_wm_ros.paths import share

SHIPPED = share('models', 'franka_cell_reach')
SETTINGS = BagEvalSettings(examples=1, slices=5, candidates=64, stride=2)


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    """The cell as it was, and with its pictures in another order than its motion."""
    root = tmp_path_factory.mktemp('bags')
    write_cell_bag(root / 'good')
    order = np.random.default_rng(1).permutation(25)
    write_cell_bag(root / 'shuffled', order=order)
    return root


@pytest.fixture(scope='module')
def untrained(tmp_path_factory):
    """The shipped model with random weights."""
    from jepa_wm_ros.evaluation.bags.controls import randomised
    from jepa_wm_ros.worldmodel.bundle import load_bundle, save_bundle

    folder = tmp_path_factory.mktemp('models') / 'untrained'
    model = randomised(load_bundle(SHIPPED))
    return save_bundle(folder, model, dataclasses.replace(model.contract, name='untrained'))


def evaluated(bag, model=SHIPPED, settings=SETTINGS, workers=1):
    return list(work(find_jobs([bag], [(model, 'model@0')], settings), settings, workers))


@pytest.fixture(scope='module')
def good(bags):
    return evaluated(bags / 'good')[0]


def test_executed_actions_are_those_that_were_played(good):
    moves = played()[2]
    for record in good.windows:
        executed = np.array(record.executed)[:, :3]
        np.testing.assert_allclose(executed, moves[record.frame : record.frame + 3], atol=1e-4)


def test_plans_are_those_of_the_policy_of_the_nodes(bags, good):
    from jepa_wm_ros.data.readers.detection import find_source
    from jepa_wm_ros.data.readers.mapping import read_mapping
    from jepa_wm_ros.evaluation.bags.tracks import Losses, read_tracks
    from jepa_wm_ros.planning.policy import Policy
    from jepa_wm_ros.worldmodel.bundle import load_bundle

    model = load_bundle(SHIPPED)
    source = find_source(bags / 'good', read_mapping(), '', 0.25)
    with source.open('good') as recording:
        (track,) = read_tracks(recording, model, 0.25, Losses())
    planning = dataclasses.replace(model.contract.planning, horizon=3, reduction='last')
    for record in good.windows[:3]:
        policy = Policy(model, planning, seed=0)
        ends = track.latents[record.frame], track.latents[record.frame + 3]
        np.testing.assert_array_equal(policy.plan(*ends, deadline_s=60.0).actions, record.planned)


def test_the_shipped_model_plans_what_was_done(good):
    figures = summarise(good, SETTINGS)
    assert [figures[f'axis_{axis}_m'] < 0.01 for axis in 'xyz'] == [True] * 3
    assert figures['cosine'] > 0.95
    assert figures['rank'] < 0.05
    assert figures['monotonicity'] > 0.9
    assert max(figures['rollout_over_copy']) < 0.3
    assert figures['energy_executed'] < figures['energy_noop']
    assert figures['energy_planned'] < figures['energy_grid']
    assert figures['step_s'] == pytest.approx([0.4] * 5, abs=1e-6)
    assert figures['verdict'].startswith('follows')


def test_pictures_without_relation_to_the_motion_come_out_clearly_worse(bags, good):
    figures = summarise(evaluated(bags / 'shuffled')[0], SETTINGS)
    own = summarise(good, SETTINGS)
    assert figures['position_error_m'] > 3 * own['position_error_m']
    assert figures['verdict'].startswith('NOT USABLE')


def test_the_same_bag_gives_the_same_figures(bags, good):
    again = summarise(evaluated(bags / 'good')[0], SETTINGS)
    figures = summarise(good, SETTINGS)
    assert again.pop('timing')
    assert figures.pop('timing')
    assert again == figures


def test_results_on_the_disk_are_those_of_the_evaluation(good, tmp_path):
    store = Store(tmp_path, SETTINGS, resume=False)
    assert store.load(good.job) is None
    store.save(good)
    loaded = Store(tmp_path, SETTINGS, resume=True).load(good.job)
    assert loaded.windows == good.windows
    assert summarise(loaded, SETTINGS) == summarise(good, SETTINGS)
    assert [e.pictures for e in loaded.examples] == [e.pictures for e in good.examples]
    with pytest.raises(BagEvalError, match='--resume'):
        Store(tmp_path, SETTINGS, resume=False)
    with pytest.raises(BagEvalError, match='other settings'):
        Store(tmp_path, BagEvalSettings(horizon=2), resume=True)


def test_the_command_goes_on_past_broken_bags_and_resumes(bags, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    broken = tmp_path / 'broken'
    broken.mkdir()
    whole = (bags / 'good' / 'good.mcap').read_bytes()
    (broken / 'cut.mcap').write_bytes(whole[: len(whole) // 2])
    write_bag(broken / 'silent', states=lambda _: None, seconds=1.0)
    write_bag(broken / 'ur5', joint_names=[f'ur5_{n}' for n in range(7)], seconds=1.0)
    write_bag(broken / 'empty', pictures=lambda _: None, states=lambda _: None, seconds=1.0)
    write_bag(broken / 'dark', image=lambda _: np.zeros((120, 160, 3), np.uint8))
    out = tmp_path / 'out'
    words = ['bag', 'eval', str(bags / 'good'), str(broken), str(tmp_path / 'none')]
    words += ['--examples', '1', '--out', str(out), '--set', 'iterations=2', '--set', 'samples=32']
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert shown.count('not evaluated: ') == 6
    assert 'ur5_0' in shown
    assert 'the picture shows nothing' in shown
    summary = json.loads((out / 'summary.json').read_text())
    assert [bool(row['windows']) for row in summary['results']] == [True, *[False] * 6]
    page = (out / 'report.html').read_text()
    assert page.count('data:image/png;base64,') >= 4
    strips = page.count('data:image/jpeg;base64,')
    assert strips in (4, 12)  # with a decoder, two strips more
    assert (out / 'figures' / 'errors.png').read_bytes().startswith(b'\x89PNG')
    assert 'http' not in page.replace('http-equiv', '')
    rows = (out / 'windows.csv').read_text().splitlines()
    assert len(rows) == 1 + summary['results'][0]['windows']
    assert main(words) == 1
    assert '--resume' in capsys.readouterr().err
    assert main([*words, '--resume']) == 0
    assert json.loads((out / 'summary.json').read_text())['results'] == summary['results']


def test_each_kind_of_bad_bag_is_one_clear_line_and_odd_ones_are_evaluated(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv('COLUMNS', '200')
    seen = {'image': lambda n: picture(n, (120, 160))}

    def write(name, **changes):
        write_bag(tmp_path / 'bags' / name, **{**seen, **changes})

    write('a-whole')
    # every other picture and state is stamped a little before the one that came before it
    late = lambda t: t - 0.1 if round(t * 15) % 2 else t  # noqa: E731
    write('b-out-of-order', pictures=late, states=lambda t: t - 0.05 if round(t * 50) % 2 else t)
    slower = lambda t: None if t > 2 and round(t * 15) % 3 else t  # noqa: E731
    rarer = lambda t: None if t > 2 and round(t * 100) % 5 else t  # noqa: E731
    write('c-mixed-rates', pictures=slower, states=rarer)
    write('d-no-such-topic', topics=('/cam', '/joint_states'))
    write('e-clock-set-back', pictures=lambda t: t if t < 2 else t - 100)
    write('f-no-states', states=lambda _: None)
    write('g-other-robot', joint_names=[f'ur5_{n}' for n in range(7)])
    write('h-nothing', pictures=lambda _: None, states=lambda _: None)
    write('i-encoding', encoding='bayer_rggb8')
    write('j-cut')
    cut = tmp_path / 'bags' / 'j-cut' / 'j-cut.mcap'
    cut.write_bytes(cut.read_bytes()[:100_000])
    write('k-short', seconds=0.5)
    out = tmp_path / 'out'
    words = ['bag', 'eval', str(tmp_path / 'bags'), '--set', 'iterations=1', '--examples', '0']
    assert main([*words, '--out', str(out)]) == 0
    lines = [
        line.removeprefix('not evaluated: bags/')
        for line in capsys.readouterr().out.splitlines()
        if line.startswith('not evaluated: ')
    ]
    reasons = {
        'd': 'the bag has: /cam, /joint_states',
        'e': 'the clock jumps by -100',
        'f': 'no robot states on /joint_states',
        'g': 'name those of the arm in the --mapping',
        'h': 'the bag holds no messages',
        'i': "encoding 'bayer_rggb8' is not supported",
        'j': 'jepa-wm bag recover',
        'k': 'choose a smaller --horizon',
    }
    assert [line[0] for line in lines] == list(reasons)
    for line in lines:
        assert reasons[line[0]] in line
    results = json.loads((out / 'summary.json').read_text())['results']
    assert [bool(row['windows']) for row in results] == [True] * 3 + [False] * 8


def test_nothing_but_broken_bags_is_an_error(tmp_path):
    (tmp_path / 'bad.mcap').write_text('junk')
    assert main(['bag', 'eval', str(tmp_path), '--out', str(tmp_path / 'out')]) == 1


def test_a_bag_that_has_changed_is_evaluated_again(good, tmp_path):
    copy = tmp_path / 'good'
    shutil.copytree(good.job.source, copy)
    moved = dataclasses.replace(good, job=dataclasses.replace(good.job, source=copy))
    store = Store(tmp_path / 'out', SETTINGS, resume=False)
    store.save(moved)
    assert store.load(moved.job) is not None
    with (copy / 'good.mcap').open('ab') as stream:
        stream.write(b'0')
    assert store.load(moved.job) is None


def test_models_and_planners_stand_side_by_side(bags, untrained, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    out = tmp_path / 'out'
    words = ['bag', 'eval', str(bags / 'good'), '--model', str(SHIPPED), str(untrained)]
    words += ['--planner', 'cem', 'mppi', '--set', 'iterations=2', '--set', 'samples=32']
    assert main([*words, '--out', str(out), '--examples', '0', '--workers', '2']) == 0
    rows = json.loads((out / 'summary.json').read_text())['results']
    named = [(row['model'].partition('@')[0], row['model'].split(', ')[1]) for row in rows]
    models = ('franka_cell_reach', 'untrained')
    assert named == [(model, planner) for model in models for planner in ('cem', 'mppi')]
    assert len({row['position_error_m'] for row in rows}) == 4
    assert main([*words[:-4], '--planner', 'ouija', '--out', str(tmp_path / 'no')]) == 1
    assert 'ouija' in capsys.readouterr().err


def test_the_horizon_belongs_to_the_windows():
    with pytest.raises(BagEvalError, match='--horizon'):
        BagEvalSettings(planning={'horizon': 4})
    with pytest.raises(BagEvalError, match='horizon must be at least 1'):
        BagEvalSettings(horizon=0)
