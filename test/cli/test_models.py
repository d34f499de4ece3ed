"""The commands around published models, as people type them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / 'published'))
from small import small_preset, write_files, write_small_preset

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.cli.models import describe
from jepa_wm_ros.worldmodel.bundle import load_bundle


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('COLUMNS', '200')
    return tmp_path


@pytest.fixture
def bundle(here: Path, capsys) -> Path:
    """A bundle of fabricated files, imported by the command."""
    path = write_small_preset('jepa_wm_wall', here / 'presets')
    files = write_files(small_preset('jepa_wm_wall', here / 'presets'), here / 'files')
    words = [str(files['checkpoint']), '--as', str(path), '--encoder', str(files['encoder'])]
    assert main(['import', *words]) == 0
    shown = capsys.readouterr().out
    assert 'predictor: ' in shown
    assert 'left out: 1 x state of the optimiser' in shown
    return here / 'models/jepa_wm_wall'


def test_an_imported_model_loads(bundle: Path) -> None:
    assert load_bundle(bundle).contract.name == 'jepa_wm_wall'


def test_models_lists_presets_and_bundles(bundle: Path, capsys) -> None:
    (bundle.parent / 'broken').mkdir()
    assert main(['models', '--json']) == 0
    rows = {row['name']: row for row in json.loads(capsys.readouterr().out)}
    assert rows['jepa_wm_wall']['here'] == 'models/jepa_wm_wall'
    assert rows['jepa_wm_droid']['here'] == ''
    assert rows['jepa_wm_droid']['licence'] == 'CC-BY-NC-4.0 + DINOv3-License'
    assert rows['jepa_wm_droid']['parameters'] == 531_988_480
    assert rows['franka_cell_reach']['step_duration_s'] == 0.4
    assert rows['broken']['here'] == 'models/broken is damaged'


def test_names_are_whole_on_a_narrow_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '80')
    assert main(['models']) == 0
    shown = capsys.readouterr().out
    for row in describe(Path('models')):
        assert f' {row["name"]} ' in shown


def test_models_prints_a_table(capsys, monkeypatch) -> None:
    monkeypatch.setenv('COLUMNS', '120')
    assert main(['models']) == 0
    shown = capsys.readouterr().out
    for words in ('lewm_pusht', '18.03 M', 'dinov3_vitl16', '0.5 s', 'CC-BY-NC-4.0'):
        assert words in shown


def test_inspect_says_what_a_bundle_takes_and_whether_it_predicts(bundle: Path, capsys) -> None:
    assert main(['inspect', str(bundle)]) == 0
    shown = capsys.readouterr().out
    for words in (
        'largest centred square, then resized to 28 x 28 px (bilinear, not antialiased)',
        '5 controls make one action of 10 numbers; not for the robot nodes',
        'cem, 8 candidates x 1 iterations',
        'encoder: 9,132 parameters',
        'a frame is 4 x 12 numbers, state of ',
    ):
        assert words in shown


def test_inspect_can_leave_the_weights_alone(bundle: Path, capsys) -> None:
    assert main(['inspect', str(bundle), '--no-load']) == 0
    assert 'loads in' not in capsys.readouterr().out


def test_a_wrong_file_is_one_line(here: Path, capsys) -> None:
    (here / 'page.pt').write_text('<html>')
    assert main(['import', 'page.pt', '--as', 'lewm_pusht']) == 1
    assert capsys.readouterr().err == (
        'jepa-wm: page.pt is not a checkpoint: it is a web page; was the download refused?\n'
    )


def test_fabricate_writes_files_that_import_takes(here: Path, capsys) -> None:
    path = write_small_preset('jepa_wm_droid', here / 'presets')
    assert main(['fabricate', str(path), '--out', 'files/jepa.pth.tar']) == 0
    said = capsys.readouterr().out.replace('\n', ' ')
    command = said[said.index('jepa-wm import') :].split()
    assert main(command[1:]) == 0
    load_bundle(here / 'models/jepa_wm_droid')


def test_fabricate_checks_and_leaves_a_summary(here: Path, capsys) -> None:
    path = write_small_preset('lewm_pusht', here / 'presets')
    wrong = here / 'presets/wrong.yaml'
    wrong.write_text('a: 1\n')
    words = ['fabricate', str(path), str(wrong), '--check', '--out', 'results']
    assert main(words) == 1
    rows = json.loads((here / 'results/summary.json').read_text())
    assert rows[0]['tokens'] == [1, 12]
    assert rows[0]['import_s'] > 0
    assert not rows[0]['passed'], 'a small model has not the published number of parameters'
    assert 'unknown key a' in rows[1]['error']
    assert 'unknown key a' in capsys.readouterr().out


def test_fabricate_needs_to_know_where(capsys) -> None:
    assert main(['fabricate', 'all']) == 1
    assert 'several need --check' in capsys.readouterr().err


def test_download_states_the_licence_and_waits_for_consent(capsys, monkeypatch) -> None:
    monkeypatch.setattr('sys.stdin', io.StringIO())
    assert main(['download', 'lewm_pusht']) == 1
    captured = capsys.readouterr()
    assert 'weights.pt, licence MIT (https://huggingface.co/quentinll/lewm-pusht)' in captured.out
    assert '--accept-licence' in captured.err


def test_download_imports_what_is_there(here: Path, capsys) -> None:
    path = write_small_preset('jepa_wm_wall', here / 'presets')
    write_files(small_preset('jepa_wm_wall', here / 'presets'), here / 'downloads/jepa_wm_wall')
    assert main(['download', str(path), '--accept-licence']) == 0
    load_bundle(here / 'models/jepa_wm_wall')


def test_download_says_at_once_what_it_cannot_fetch(here: Path, capsys) -> None:
    assert main(['download', 'jepa_wm_droid', '--accept-licence']) == 1
    assert 'name it with --encoder' in capsys.readouterr().err
    assert not (here / 'downloads').exists()


def test_an_arm_is_not_moved_by_a_model_of_another_world(bundle: Path, capsys) -> None:
    assert main(['eval', 'closed-loop', '--model', str(bundle), '--episodes', '1']) == 1
    assert 'cannot move this arm' in capsys.readouterr().err
