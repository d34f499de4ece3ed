"""The bundle in models/ does what the README says, as far as a test may take time."""

import dataclasses

import pytest
from contracts import SMALL

from jepa_wm_ros.evaluation.episodes import EpisodeSettings
from jepa_wm_ros.evaluation.players import Player
from jepa_wm_ros.paths import share
from jepa_wm_ros.training.recipe import read_recipe
from jepa_wm_ros.worldmodel.bundle import load_contract, save_bundle
from jepa_wm_ros.worldmodel.families import build

MODEL = share('models', 'franka_cell_reach')
EPISODES = EpisodeSettings(episodes=8, seed=77, steps=16)


def near(records, distance_m):
    return sum(record.final_distance_m <= distance_m for record in records)


def test_it_reaches_goal_pictures():
    records = list(Player(name='planner', model=MODEL, planning={}, threads=1).play(EPISODES))
    assert near(records, 0.05) == 8
    assert near(records, 0.03) >= 7


def test_a_model_that_was_never_trained_does_not(tmp_path):
    contract = dataclasses.replace(
        load_contract(MODEL), planning=SMALL.planning, fingerprint='', results={}
    )
    bundle = save_bundle(tmp_path / 'random', build(contract), contract)
    player = Player(name='planner', model=bundle, planning={}, threads=1)
    records = list(player.play(EPISODES))
    assert near(records, 0.05) <= 2


def test_it_is_what_the_recipe_makes():
    recipe = read_recipe(share('config', 'recipes', 'franka_cell_reach.yaml'))
    shipped = load_contract(MODEL)
    measured = {'results': {}, 'fingerprint': ''}
    planning = dataclasses.replace(shipped.planning, reached_cost=0.0)
    assert dataclasses.replace(shipped, planning=planning, **measured) == recipe.model
    assert shipped.results['training_steps'] == recipe.training.steps
    assert shipped.results['training_seed'] == recipe.training.seed


def test_it_is_small_enough_to_ship():
    size = sum(path.stat().st_size for path in MODEL.iterdir())
    assert size == pytest.approx(3.06e6, rel=0.05)
