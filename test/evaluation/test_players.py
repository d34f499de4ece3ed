import json
import multiprocessing
from contextlib import closing

import pytest

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.evaluation.episodes import EpisodeSettings
from jepa_wm_ros.evaluation.players import Player, PlayerError, override_planning, play_parallel
from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings


@pytest.fixture
def bundle():
    return share('models', 'franka_cell_reach')


def test_the_real_cell_gives_the_same_episodes_in_one_process_and_in_two(bundle):
    settings = EpisodeSettings(episodes=3, steps=3)
    player = Player(name='random', model=bundle)
    alone = list(play_parallel(player, settings, workers=1))
    shared = sorted(play_parallel(player, settings, workers=2), key=lambda record: record.index)
    assert shared == alone
    assert all(record.start_distance_m >= 0.15 for record in alone)


def test_stopping_early_leaves_no_process(bundle):
    settings = EpisodeSettings(episodes=1_000, steps=2)
    player = Player(name='nothing', model=bundle)
    with closing(play_parallel(player, settings, workers=2)) as records:
        next(records)
    assert multiprocessing.active_children() == []


def test_an_error_in_a_worker_arrives_as_one_clear_line(tmp_path):
    player = Player(name='random', model=tmp_path / 'nowhere')
    with pytest.raises(PlayerError, match=r'nowhere.*is missing'):
        list(play_parallel(player, EpisodeSettings(episodes=2), workers=2))


def test_an_unknown_player_or_setting_names_those_that_exist(bundle):
    with pytest.raises(PlayerError, match='planner, random, nothing'):
        Player(name='clever', model=bundle)
    with pytest.raises(
        PlayerError, match=r'unknown planning setting smaples; known are .*samples'
    ):
        override_planning(PlanningSettings(), {'smaples': 3})
    with pytest.raises(PlayerError, match='samples must be at least 1'):
        override_planning(PlanningSettings(), {'samples': -1})


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C comes when one episode of the third player has ended."""

    def play(player, settings, workers):
        for record in player.play(settings, range(2)):
            yield record
            if player.name == 'nothing':
                raise KeyboardInterrupt

    monkeypatch.setattr('jepa_wm_ros.evaluation.players.play_parallel', play)


@pytest.mark.usefixtures('interrupted')
def test_an_interrupted_evaluation_keeps_what_was_played(tmp_path, capsys):
    out = tmp_path / 'out'
    options = ['--episodes', '2', '--steps', '2', '--out', str(out)]
    assert main(['eval', 'closed-loop', *options]) == 130
    figures = json.loads((out / 'summary.json').read_text())
    assert figures['complete'] is False
    assert figures['episodes'] == 2
    assert figures['baselines']['random']['episodes'] == 2
    assert figures['baselines']['nothing']['episodes'] == 1
    assert (out / 'episodes.csv').is_file()
    assert 'stopped early; what was played is kept' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--set', 'samples'], 'KEY=VALUE'),
        (['--set', 'smaples=3'], 'unknown planning setting smaples'),
        (['--planner', 'magic'], 'solver must be one of'),
        (['--episodes', '0'], 'episodes must be at least 1'),
        (['--workers', '0'], '--workers and --threads must be at least 1'),
        (['--through-ros', '--variation', 'seen'], 'lockstep only'),
        (['--model', '/nowhere'], '/nowhere/model.yaml is missing'),
    ],
)
def test_wrong_options_are_one_clear_line_before_anything_is_played(
    capsys, tmp_path, options, words
):
    out = tmp_path / 'out'
    assert main(['eval', 'closed-loop', '--out', str(out), *options]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count('\n') == 1
    assert not (out / 'summary.json').exists()
