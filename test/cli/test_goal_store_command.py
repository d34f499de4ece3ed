"""`jepa-wm goal capture|list|show|sequence|delete` on a folder."""

import numpy as np
import pytest

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.data.goals.pictures import write_picture
from jepa_wm_ros.data.goals.store import GoalStore

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv('JEPA_WM_GOALS', str(tmp_path / 'goals'))
    return GoalStore(tmp_path / 'goals')


@pytest.fixture
def files(tmp_path):
    for name in ('1_above', '2_grasp', '3_lift'):
        write_picture(tmp_path / 'pictures' / f'{name}.png', PICTURE)
    return tmp_path / 'pictures'


def test_a_file_is_kept_listed_shown_and_deleted(store, files, capsys):
    assert main(['goal', 'capture', 'cup', '--file', str(files / '1_above.png')]) == 0
    assert store.names() == ['cup']
    assert main(['goal', 'list']) == 0
    assert '64x48' in capsys.readouterr().out
    assert main(['goal', 'show', 'cup']) == 0
    shown = capsys.readouterr().out
    assert 'origin: file' in shown
    assert '▀' in shown
    assert main(['goal', 'delete', 'cup']) == 0
    assert store.names() == []


def test_a_folder_becomes_goals_and_their_sequence(store, files):
    assert main(['goal', 'capture', 'pick', '--directory', str(files)]) == 0
    assert store.names() == ['1_above', '2_grasp', '3_lift', 'pick']
    assert [leg.name for leg in store.legs('pick')] == ['1_above', '2_grasp', '3_lift']


def test_a_sequence_has_its_own_budgets(store, files):
    main(['goal', 'capture', '--directory', str(files)])
    steps = ['1_above:4', '2_grasp:10:0.2', '3_lift']
    assert main(['goal', 'sequence', 'pick', *steps]) == 0
    legs = store.legs('pick')
    assert [leg.max_steps for leg in legs] == [4, 10, None]
    assert [leg.reached_cost for leg in legs] == [None, 0.2, None]


def test_a_moment_of_a_bag_is_kept(store, tmp_path):
    from cell_bags import write_cell_bag

    write_cell_bag(tmp_path / 'run')
    assert main(['goal', 'capture', 'seen', '--bag', str(tmp_path / 'run'), '--at', '1.3']) == 0
    assert store.about('seen').joints is not None


@pytest.mark.usefixtures('store')
@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['capture', 'x', '--bag', 'run'], '--bag and --at belong together'),
        (['capture', '--file', 'a.png'], 'give the NAME'),
        (['capture', 'x', '--file', 'a.png'], 'does not exist'),
        (['capture', 'x', '--directory', 'nowhere'], 'is not a folder'),
        (['capture', 'x', '--store', 'here'], 'leave out --store'),
        (['sequence', 'x', 'a:b'], 'is no GOAL[:STEPS[:COST]]'),
        (['sequence', 'x', 'a:0'], 'at least 1'),
        (['show', 'cup'], "no goal 'cup'"),
        (['delete', 'cup'], 'there are none yet'),
        (['send', 'cup', 'nowhere.png'], 'not both'),
        (['send', 'cup', '--reached-cost', '0'], '--reached-cost must be above 0'),
    ],
)
def test_a_mistake_is_one_clear_line(capsys, words, said):
    assert main(['goal', *words]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1


def test_a_damaged_goal_does_not_hide_the_others(store, files, capsys):
    main(['goal', 'capture', 'a', '--file', str(files / '1_above.png')])
    main(['goal', 'capture', 'b', '--file', str(files / '2_grasp.png')])
    (store.folder / 'a' / 'goal.yaml').write_text('nonsense')
    capsys.readouterr()
    assert main(['goal', 'list']) == 0
    listed = capsys.readouterr().out
    assert 'damaged' in listed
    assert '64x48' in listed


def test_without_a_graph_it_says_so_after_a_while(capsys, monkeypatch, domain):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
    assert main(['goal', 'pause', '--wait', '0.2']) == 1
    error = capsys.readouterr().err
    assert f'no service pause within 0.2 s on DDS domain {domain}' in error
