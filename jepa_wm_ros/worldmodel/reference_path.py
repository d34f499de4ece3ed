"""A model run the way its published code runs, over the same weights."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.predictors.reference_rollout import ReferenceRollout

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.protocol import WorldModel


ENCODING_AGAIN = ('lewm', 'pldm')
"""Families whose published planner encodes observation and goal in every iteration."""


class ReferencePathError(JepaWmError):
    """A model of which there is no published code."""


def reference_path(model: WorldModel) -> WorldModel:
    """Return a model with the same weights that repeats whatever published code repeats.

    See `ReferenceTransformer` and `ReferenceRollout` for what that is. It gives the same numbers
    up to rounding, and is there to be measured and tested against.

    Raises:
        ReferencePathError: The model's family has no such path.
    """
    if not hasattr(model, 'rollouts'):
        raise ReferencePathError(
            f'{model.contract.name}: there is no reference path for the family '
            f'{model.contract.family} with this architecture; leave out --reference-path'
        )
    twin = copy.copy(model)  # shallow: the weights are shared
    twin.rollouts = ReferenceRollout
    if hasattr(twin, 'candidates_at_once'):
        twin.candidates_at_once = sys.maxsize
    return twin
