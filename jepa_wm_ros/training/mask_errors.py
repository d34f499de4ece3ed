"""Slots learn which patches show their object from the masks of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.worldmodel.encoders.mask_pooling import MaskPoolEncoder
from jepa_wm_ros.worldmodel.slot_providers import mask_shares

if TYPE_CHECKING:
    from torch import Tensor, nn

    from jepa_wm_ros.training.clip import Clip


def slots_and_mask_error(encoder: nn.Module, clip: Clip) -> tuple[Tensor, Tensor]:
    """Return slots `(B, T, N, D)` of a clip's pictures, and the error of the masks found there.

    Raises:
        TrainingError: The encoder finds no masks, or the clip has none.
    """
    if not isinstance(encoder, MaskPoolEncoder) or clip.masks is None:
        raise TrainingError(
            'slots.mask_weight needs an encoder of kind mask_pooling and a dataset with masks '
            '(`collection: {masks: true}`, or a column masks)'
        )
    slots, odds = encoder.found(clip.frames)
    return slots, mask_error(odds, clip.masks, encoder.slots)


def mask_error(odds: Tensor, masks: Tensor, slots: int) -> Tensor:
    """Return the cross-entropy of patches `(B, T, M, N)` and masks `(B, T, h, w)`.

    A patch that shows several objects is to be each of them in part.

    Raises:
        TrainingError: There are more objects than slots.
    """
    most = int(masks.max())
    if most >= slots:
        raise TrainingError(f'masks have object {most}, the model {slots} slots: 0 to {slots - 1}')
    apart = torch.stack([masks == number for number in range(slots)], 2)
    shares = mask_shares(apart, odds.shape[2]).mT
    with torch.autocast(odds.device.type, enabled=False):
        return cross_entropy(odds.float().flatten(0, 2), shares.flatten(0, 2))
