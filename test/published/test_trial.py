"""The trial of a preset measures what it says, and survives what it tries."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest
import torch
from small import small_preset

from jepa_wm_ros.worldmodel.building import build_empty, fill
from jepa_wm_ros.worldmodel.families import build
from jepa_wm_ros.worldmodel.memory import peak_bytes, reset_peak, resident_bytes
from jepa_wm_ros.worldmodel.probe import ProbeError, probe
from jepa_wm_ros.worldmodel.published import trial
from jepa_wm_ros.worldmodel.published.fabrication import fabricate
from jepa_wm_ros.worldmodel.published.layouts import read_layout
from jepa_wm_ros.worldmodel.published.trial import TrialError


def kill() -> None:
    os.abort()


def test_a_process_that_is_killed_is_an_error_for_people() -> None:
    with pytest.raises(TrialError, match='kill was killed; is there enough memory'):
        trial._apart(kill)


def test_loading_takes_the_memory_of_the_weights_once(tmp_path: Path) -> None:
    """At a size that rises above the noise: 40 MB of weights, in this process."""
    layout = {'system': 'cjepa', 'action': 10, 'proprio': 4, 'dim': 256, 'mlp': 2048, 'depth': 7}
    path = write_cjepa(tmp_path, layout)
    fabricate(read_layout(layout, '', ''), tmp_path / 'weights.pt')
    figures = trial.import_files(
        str(path), {'checkpoint': tmp_path / 'weights.pt'}, tmp_path / 'b'
    )
    assert figures['weights_bytes'] > 30e6
    assert figures['import_peak'] < trial.LIMIT
    assert trial.load_and_predict(tmp_path / 'b')['load_peak'] < trial.LIMIT


def write_cjepa(folder: Path, layout: dict) -> Path:
    import yaml

    from jepa_wm_ros.paths import share

    mapping = yaml.safe_load(share('config', 'models', 'cjepa_pusht.yaml').read_text())
    mapping['contract']['architecture'] = {
        'slots': 4,
        'slot_dim': layout['dim'],
        'predictor': {'depth': layout['depth'], 'mlp_dim': layout['mlp']},
    }
    mapping['checkpoint']['layout'] = layout
    path = folder / 'cjepa_pusht.yaml'
    path.write_text(yaml.safe_dump(mapping))
    return path


def test_the_peak_of_memory_is_that_of_the_part() -> None:
    reset_peak()
    before = resident_bytes()
    block = mmap.mmap(-1, 40_000_000)  # new memory: a tensor may get what others left behind
    block.write(b'x' * len(block))
    block.close()
    peak = peak_bytes() - before
    assert 35e6 < peak < 120e6


def test_a_model_is_built_without_values_and_filled(tmp_path: Path) -> None:
    contract = small_preset('jepa_wm_wall', tmp_path).contract
    empty = build_empty(contract)
    large = [p for p in empty.parameters() if p.numel() > 200]
    assert large
    assert all(parameter.is_meta for parameter in large)
    whole = build(contract)
    fill(empty, whole.state_dict())
    assert not any(parameter.requires_grad for parameter in empty.parameters())
    assert torch.equal(empty.normalise_action.mean, whole.normalise_action.mean)
    assert probe(empty).tokens == (4, 12)


def test_a_buffer_without_values_is_noticed() -> None:
    model = torch.nn.Linear(1, 1)
    model.register_buffer('table', torch.empty(2, device='meta'), persistent=False)
    with pytest.raises(RuntimeError, match='table'):
        fill(model, {name: torch.ones_like(p) for name, p in model.named_parameters()})


def test_predictions_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    model = build(small_preset('jepa_wm_wall', tmp_path).contract).eval()
    torch.nn.init.constant_(model.predictor.outward.bias, float('nan'))
    with pytest.raises(ProbeError, match='not finite'):
        probe(model)
