"""The models of a process: loaded once, and only such as can move an arm."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from contracts import SMALL

from jepa_wm_ros.nodes.models import DeviceError, ModelShelf
from jepa_wm_ros.worldmodel.bundle import BundleError, save_bundle
from jepa_wm_ros.worldmodel.families import build


def saved(folder: Path, contract) -> str:
    return str(save_bundle(folder, build(contract), contract))


@pytest.fixture
def shelf():
    threads = torch.get_num_threads()
    yield ModelShelf()
    torch.set_num_threads(threads)


def test_a_model_is_loaded_once(shelf: ModelShelf, tmp_path: Path) -> None:
    folder = saved(tmp_path, SMALL)
    assert shelf.load(folder, 'cpu', 1) is shelf.load(folder, 'cpu', 1)


@pytest.mark.parametrize(
    'change',
    [{'fields': ('a', 'b', 'c', 'd', 'e', 'f', 'g')}, {'frame_skip': 5}, {'units': ('cm',) * 7}],
)
def test_a_model_of_another_world_is_refused(
    shelf: ModelShelf, tmp_path: Path, change: dict
) -> None:
    action = dataclasses.replace(SMALL.action, **change)
    folder = saved(tmp_path, dataclasses.replace(SMALL, action=action))
    with pytest.raises(BundleError, match='cannot move this arm') as caught:
        shelf.load(folder, 'cpu', 1)
    assert folder in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_device_that_is_not_there_is_named(shelf: ModelShelf, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match='cuda'):
        shelf.load(saved(tmp_path, SMALL), 'cuda', 1)
