"""What the page on models shows works as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.nodes.models import ModelShelf
from jepa_wm_ros.worldmodel.published.files import CONVERSION
from jepa_wm_ros.worldmodel.published.presets import load_preset, preset_names

PAGE = (Path(__file__).parents[2] / 'docs/models.md').read_text()


def block(language: str) -> str:
    return re.search(rf'```{language}\n(.*?)```', PAGE, re.DOTALL)[1]


def test_the_preset_of_one_s_own_is_imported_and_taken_by_the_nodes(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path('my_arm.yaml').write_text(block('yaml'))
    assert main(['fabricate', 'my_arm.yaml', '--out', 'weights.pt']) == 0
    assert main(['import', 'weights.pt', '--as', 'my_arm.yaml']) == 0
    model = ModelShelf().load('models/my_arm', 'cpu', 1)
    count = sum(p.numel() for p in model.parameters())
    assert count == sum(yaml.safe_load(block('yaml'))['checkpoint']['parameters'].values())


def test_every_preset_is_in_the_table() -> None:
    table = PAGE[PAGE.index('## What is known') : PAGE.index('What to know before')]
    names = set()
    for row in re.findall(r'^\| (`.*?) \|', table, re.MULTILINE):
        first, *others = re.findall(r'`(\w+)`', row)
        stem = first.rpartition('_')[0]
        names |= {first, *(other if other[0] != '_' else stem + other for other in others)}
    assert names == set(preset_names())


def test_the_figures_of_the_table_are_those_of_the_presets() -> None:
    for name in ('jepa_wm_droid', 'vjepa2_ac_droid', 'vjepa2_ac_oss'):
        parameters = load_preset(name).parameters
        assert f'{parameters["predictor"]:,} + {parameters["encoder"]:,}' in PAGE
    assert f'{sum(load_preset("lewm_cube").parameters.values()):,}' in PAGE


def test_the_way_to_convert_a_pickled_module_is_the_one_of_the_message() -> None:
    assert CONVERSION.format(name='model_object.ckpt') in PAGE
