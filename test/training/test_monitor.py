"""Validation tells a model that has understood something from one that has collapsed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from toy_training import dots, recipe_of, silent

from jepa_wm_ros.training.optimisation import rate
from jepa_wm_ros.training.pipeline import train
from jepa_wm_ros.training.spread import effective_rank, guess_rmse, probe_rmse
from jepa_wm_ros.worldmodel.bundle import load_contract

EPISODE = np.repeat(np.arange(10), 20)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def test_a_collapse_is_noticed(table, tmp_path: Path) -> None:
    """Without SIGReg the easiest prediction is that all pictures look alike."""
    said: dict[float, list[str]] = {}
    for weight in (0.0, 0.2):
        said[weight] = []
        recipe = recipe_of('jepa_wm', steps=150, sigreg_weight=weight, learning_rate=3e-3)
        figures = train(recipe, table, tmp_path / str(weight), silent, said[weight].append)
        assert figures.collapsed is (weight == 0.0), figures
    assert any('have collapsed' in line for line in said[0.0])
    assert not any('have collapsed' in line for line in said[0.2])
    assert any(line.startswith('data feeds') for line in said[0.2])


@pytest.mark.parametrize('blind', [False, True])
def test_numbers_that_vary_without_the_robot_are_noticed(tmp_path: Path, blind: bool) -> None:
    """Behind a BatchNorm rank and spread stay what they are, whatever the pictures are about."""
    table = dots(60)
    if blind:
        elsewhere = np.random.default_rng(0).permutation(table.proprio)
        table = dataclasses.replace(table, proprio=elsewhere)
    said: list[str] = []
    recipe = recipe_of('pldm', steps=2, validation=0.6)
    figures = train(recipe, table, tmp_path, silent, said.append)
    assert figures.blind is blind, figures
    assert not figures.collapsed, figures
    assert any('cannot be told' in line for line in said) is blind
    assert load_contract(tmp_path).results.get('blind', False) is blind
    few = dataclasses.replace(figures, episodes=19)
    assert not few.blind, 'a probe that has seen little may err'


def test_guessing_the_mean_is_what_a_probe_of_noise_comes_to() -> None:
    position = random(200, 3)
    noise = np.random.default_rng(1).normal(size=(200, 4))
    guess = guess_rmse(position, EPISODE)
    assert guess == pytest.approx(3**0.5, rel=0.1)
    assert probe_rmse(noise, position, EPISODE) == pytest.approx(guess, rel=0.1)
    assert np.isnan(guess_rmse(position, np.zeros(200, dtype=int)))


def test_the_effective_rank_counts_what_varies_between_pictures() -> None:
    assert effective_rank(random(500, 1, 6)) == pytest.approx(6, rel=0.02)
    line = random(500, 1, 1) * np.ones(6)
    assert effective_rank(line) == pytest.approx(1, abs=1e-6)
    places = random(1, 4, 6) * 100 + line  # patches that differ, but always in the same way
    assert effective_rank(places) == pytest.approx(1, abs=1e-6)


def test_a_position_that_is_there_is_found_whatever_the_number_of_features() -> None:
    position = random(200, 3)
    for width in (6, 400):
        embedding = np.hstack([position, 1e-3 * random(200, width)]) @ np.eye(3 + width)
        assert probe_rmse(embedding, position, EPISODE) < 0.01
        assert probe_rmse(random(200, width), position[::-1], EPISODE) > 1.0


def test_both_forms_of_the_probe_agree() -> None:
    """With fewer pictures than features the smaller system is solved: the same weights."""
    position, features = random(200, 3), random(200, 99)
    wide = np.hstack([features, np.zeros((200, 60))])
    assert probe_rmse(wide, position, EPISODE) == pytest.approx(
        probe_rmse(features, position, EPISODE), rel=1e-9
    )


@pytest.mark.parametrize(
    ('settings', 'rates'),
    [
        ({'schedule': 'constant'}, {0: 1.0, 99: 1.0}),
        ({'warmup_steps': 10}, {0: 0.1, 9: 1.0, 55: 0.5, 99: 0.0003}),
        (
            {'schedule': 'wsd', 'warmup_steps': 10, 'warmup_start': 0.2, 'decay_steps': 20},
            {0: 0.28, 9: 1.0, 79: 1.0, 90: 0.5, 99: 0.05},
        ),
    ],
)
def test_learning_rates_rise_stay_and_fall(settings, rates) -> None:
    training = recipe_of('lewm', **{'steps': 100, 'warmup_steps': 0, **settings}).training
    for step, expected in rates.items():
        assert rate(step, training) == pytest.approx(expected, abs=1e-3)
