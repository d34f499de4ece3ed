"""Figures reach TensorBoard where it is installed; elsewhere the message says how to get it."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest
from toy_training import recipe_of, silent

from jepa_wm_ros.training.board import Board, BoardError
from jepa_wm_ros.training.pipeline import RunOptions, train


def test_losses_and_validations_are_kept(table, tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with closing(Board(tmp_path / 'board')) as board:
        recipe = recipe_of('pldm', steps=20)
        train(recipe, table, tmp_path / 'pldm', silent, silent, RunOptions(board=board))
    events = EventAccumulator(str(tmp_path / 'board')).Reload()
    tags = set(events.Tags()['scalars'])
    assert {'training/loss', 'training/vicreg', 'training/inverse_dynamics'} <= tags
    assert {'validation/effective_rank', 'validation/error_over_copy/3'} <= tags
    assert [event.step for event in events.Scalars('training/loss')] == [10, 20]


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    with pytest.raises(BoardError, match='pip install tensorboard'):
        Board(tmp_path)
