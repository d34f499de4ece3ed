"""Controls: what must spoil an evaluation. Where it does not, its figures say nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import nn

    from jepa_wm_ros.evaluation.bags.tracks import Track
    from jepa_wm_ros.worldmodel.protocol import WorldModel

SHUFFLED = 'shuffled actions'
RANDOM = 'random weights'
CONTROLS = ('', SHUFFLED, RANDOM)
"""Nothing spoilt; actions in another order than the pictures; a model that has learnt nothing."""

_M = TypeVar('_M', bound='WorldModel')


def randomised(model: _M, seed: int = 0) -> _M:
    """Give a model random weights: Xavier for all matrices, while norms and biases stay."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for parameter in cast('nn.Module', model).parameters():
            if parameter.dim() > 1:
                torch.nn.init.xavier_normal_(parameter)
    return model


def shuffled(track: Track, seed: int = 0) -> Track:
    """Return a track whose actions are in another order than its pictures."""
    order = np.random.default_rng(seed).permutation(len(track.actions))
    return dataclasses.replace(track, actions=track.actions[order])
