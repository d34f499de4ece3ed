"""Heads learn from frozen latents, and a training that was stopped goes on to the same numbers."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_training import dots, recipe_of, silent

from jepa_wm_ros.data.episodes import EpisodeTable
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.heads.judging import area_under_curve, frame_labels, returns
from jepa_wm_ros.training.heads.making import HeadOrder, make_head, material_for
from jepa_wm_ros.training.heads.material import excerpt
from jepa_wm_ros.training.heads.settings import HeadTraining, LabelSettings
from jepa_wm_ros.training.trainer import begin
from jepa_wm_ros.worldmodel.bundle import load_bundle, save_bundle
from jepa_wm_ros.worldmodel.heads import load_head
from jepa_wm_ros.worldmodel.latent import Latent

DATA = Path('dots.h5')
QUICK = HeadTraining(steps=60, batch=32, learning_rate=1e-2, validation=0.2)
LONGER = dataclasses.replace(QUICK, steps=150)


@pytest.fixture
def model(tmp_path: Path):
    """A random encoder of patches: where the dot is can be seen in its tokens."""
    recipe = recipe_of('dino_wm')
    save_bundle(tmp_path, begin(recipe), recipe.model)
    return load_bundle(tmp_path)


def made(model, table: EpisodeTable, kind: str, training: HeadTraining = QUICK, **changes):
    """Return a trained task and its record."""
    order = HeadOrder(kind=kind, name=kind, training=training, **changes)
    return make_head(order, material_for(order, model, table, silent), DATA, silent)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / 'heads').iterdir())


def test_a_decoder_paints_the_dot(model, table, tmp_path: Path) -> None:
    training = dataclasses.replace(QUICK, steps=100, batch=16)
    task, record = made(model, table, 'decoder', training)
    results = record.results
    assert results['psnr_db'] > results['average_picture_psnr_db'] + 0.5
    assert len(results['open_loop_psnr_db']) == 5
    assert files(tmp_path) == ['decoder.safetensors', 'decoder.yaml']
    loaded = load_head(tmp_path, 'decoder', model)
    latent = Latent(excerpt(model, table, np.array([0])).latents(np.arange(8)))
    torch.testing.assert_close(loaded.decode(latent), task.head.decode(latent))


@pytest.mark.parametrize('hidden', [(), (32,)])
def test_a_probe_finds_the_dot_better_than_its_mean(model, table, hidden) -> None:
    _, record = made(model, table, 'probe', hidden=hidden)
    results = record.results
    assert set(results['rmse_m']) == {'x', 'y', 'z'}
    assert results['position_rmse_m'] < 0.5 * results['mean_position_rmse_m']
    assert ('steps' in record.training) is bool(hidden)


def test_a_linear_probe_is_the_least_squares_solution(model, table) -> None:
    task, _ = made(model, table, 'probe')
    material = task.material
    seen = np.array(material.tokens[material.training]).reshape(len(material.training), -1)
    position = table.proprio[material.training, :3]
    design = np.hstack([seen, np.ones((len(seen), 1))])
    best = design @ np.linalg.lstsq(design, position, rcond=None)[0]
    with torch.inference_mode():
        read = task.head.read(Latent(material.latents(material.training))).numpy()
    errors = [np.square(guess - position).sum(1).mean() for guess in (read, best)]
    assert errors[1] <= errors[0] < errors[1] + 1e-3 * position.var(0).sum()


def test_a_reward_is_learned_from_pairs_of_frames(model, table) -> None:
    labels = LabelSettings(reach_m=0.03)
    task, record = made(model, table, 'reward', LONGER, labels=labels)
    assert record.results['auc'] > 0.75
    assert 0.05 < record.results['positive_share'] < 0.95
    assert task.head.settings.goal
    assert record.training['labels']['reach_m'] == 0.03


def test_a_reward_is_learned_from_labels_and_unknown_ones_are_left_out(model, table) -> None:
    success = (table.proprio[:, 0] > 0.08).astype(np.float32)
    success[:16] = np.nan
    task, record = made(model, dataclasses.replace(table, success=success), 'reward')
    assert record.results['auc'] > 0.8
    assert not task.head.settings.goal
    known = success[task.material.testing]
    assert record.results['positive_share'] >= np.nanmean(known) - 0.1


def test_a_region_and_labels_give_known_answers(table) -> None:
    centre = tuple(float(value) for value in table.proprio[3])
    labels = frame_labels(table, LabelSettings(region=(*centre, 1e-4)))
    assert labels[3] == 1
    gap = np.linalg.norm(table.proprio - table.proprio[3], axis=-1)
    assert np.array_equal(labels > 0, gap < 1e-4)


def test_a_discount_looks_ahead_within_the_episode_alone(table) -> None:
    short = dataclasses.replace(table, offset=np.array([0, 3]), length=np.array([3, 2]))
    labels = np.array([0, 0, 1, 0, np.nan], np.float32)
    assert returns(labels, short, 0.5)[:3].tolist() == [0.25, 0.5, 1.0]
    assert returns(labels, short, 0.5)[3] == 0.0


@pytest.mark.parametrize(
    ('success', 'message'),
    [
        (None, 'say what a success is with --reach or --region'),
        (np.ones(160, np.float32), 'are alike'),
        (np.full(160, np.nan, np.float32), 'all of 0 labelled frames'),
        (np.linspace(0, 2, 160, dtype=np.float32), 'labels must be within 0..1'),
    ],
)
def test_labels_that_teach_nothing_are_refused(model, table, success, message) -> None:
    with pytest.raises(TrainingError, match=message):
        made(model, dataclasses.replace(table, success=success), 'reward')


def test_the_area_under_the_curve_counts_pairs_in_order() -> None:
    truth = np.array([True, True, False, False])
    assert area_under_curve(np.array([3.0, 1.0, 2.0, 0.0]), truth) == 0.75
    assert area_under_curve(np.zeros(4), truth) == 0.5
    assert np.isnan(area_under_curve(np.zeros(2), np.array([True, True])))


@pytest.mark.parametrize('kind', ['decoder', 'reward'])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    kind, model, table, tmp_path: Path
) -> None:
    changes = {'labels': LabelSettings(reach_m=0.03)} if kind == 'reward' else {}
    training = dataclasses.replace(QUICK, steps=8)
    whole, _ = made(model, table, kind, training, **changes)
    wanted = {name: value.clone() for name, value in whole.head.state_dict().items()}
    order = HeadOrder(kind=kind, name='again', training=training, **changes)

    def interrupt(step: int, steps: int, note: str = '') -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        make_head(order, material_for(order, model, table, silent), DATA, interrupt)
    assert 'again.checkpoint' in files(tmp_path)
    assert 'again.yaml' not in files(tmp_path)
    encoded: list[int] = []
    material = material_for(order, model, table, lambda done, count: encoded.append(done))
    assert encoded == []
    torch.rand(3)  # what others drew in between does not count
    steps: list[int] = []
    task, _ = make_head(order, material, DATA, lambda step, n, note='': steps.append(step))
    assert steps == [6, 7, 8]
    for name, value in task.head.state_dict().items():
        assert torch.equal(value, wanted[name]), name
    assert not [name for name in files(tmp_path) if 'latents' in name or 'checkpoint' in name]


def test_a_checkpoint_of_another_training_is_refused(model, table, tmp_path: Path) -> None:
    order = HeadOrder(kind='decoder', name='x', training=dataclasses.replace(QUICK, steps=3))

    def stop(step: int, steps: int, note: str = '') -> None:
        raise KeyboardInterrupt

    material = material_for(order, model, table, silent)
    (tmp_path / 'heads' / 'x.checkpoint').write_bytes(b'no checkpoint')
    with pytest.raises(TrainingError, match='delete it to start afresh'):
        make_head(order, material, DATA, stop)


def test_data_that_do_not_suit_are_refused(model, table) -> None:
    other = dataclasses.replace(table, provenance={'proprio': ['angle', 'y', 'z']})
    with pytest.raises(TrainingError, match='proprioception'):
        made(model, other, 'probe')
    one = dataclasses.replace(table, offset=table.offset[:1], length=table.length[:1])
    with pytest.raises(TrainingError, match='at least 2 episodes'):
        made(model, one, 'decoder')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'reach_m': -1.0}, 'reach must be positive'),
        ({'reach_m': 0.1, 'region': (0.0, 0.0, 0.0, 1.0)}, 'exclude each other'),
        ({'reach_m': 0.1, 'discount': 0.5}, 'not for reach'),
        ({'discount': 1.0}, 'discount must be within'),
    ],
)
def test_labels_that_contradict_are_refused(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        LabelSettings(**change)


def test_a_planner_goes_where_the_reward_is(tmp_path: Path) -> None:
    """On a world whose latent is the position, the learned reward alone leads to the goal."""
    from jepa_wm_ros.planning.value import LearnedValue

    recipe = recipe_of('dino_wm')
    save_bundle(tmp_path, begin(recipe), recipe.model)
    model, table = load_bundle(tmp_path), dots()
    task, _ = made(model, table, 'reward', LONGER, labels=LabelSettings(reach_m=0.03))
    material = task.material
    goal = int(material.testing[0])
    others = material.testing
    with torch.inference_mode():
        wanted = Latent(material.latents(np.array([goal])))
        candidates = Latent(material.latents(others)[None, :, None])
        costs = LearnedValue(judge=task.head)(candidates, wanted)[0].numpy()
    gaps = np.linalg.norm(table.proprio[others] - table.proprio[goal], axis=-1)
    near, far = costs[gaps < 0.02], costs[gaps > 0.05]
    assert near.mean() < far.mean() - 1
