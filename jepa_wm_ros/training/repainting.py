"""Slots learn to be objects by painting the picture together, and by masks where there are some.

Each slot paints a whole picture and says where it counts (spatial broadcast decoder); what they
make together is compared with the frame (Slot Attention, arXiv 2006.15055; SAVi, 2111.12594).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, mse_loss, one_hot

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.worldmodel.camera import denormalised
from jepa_wm_ros.worldmodel.encoders.mask_pooling import MaskPoolEncoder
from jepa_wm_ros.worldmodel.heads.decoder import Decoder, DecoderSettings
from jepa_wm_ros.worldmodel.heads.head import LatentShape
from jepa_wm_ros.worldmodel.slot_providers import mask_shares

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.clip import Clip
    from jepa_wm_ros.training.loss_settings import ReconstructionSettings
    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel


class Repainting(nn.Module):
    """A decoder beside a slot encoder, and what both are trained by."""

    def __init__(self, model: SlotWorldModel, settings: ReconstructionSettings) -> None:
        """Build the decoder with random weights."""
        super().__init__()
        self.settings, self.camera = settings, model.contract.camera
        architecture = model.architecture
        self.decoder = Decoder(
            LatentShape(tokens=architecture.slots, dim=architecture.slot_dim),
            DecoderSettings(
                layout='slots',
                height=settings.height,
                width=settings.width,
                channels=settings.channels,
            ),
        )

    def forward(self, encoder: nn.Module, clip: Clip) -> tuple[Tensor, dict[str, Tensor]]:
        """Return slots `(B, T, N, D)` of a clip, and the errors of picture and masks.

        Raises:
            TrainingError: The clip has no pictures, or no masks where they are wanted.
        """
        if clip.frames.ndim != 5:
            raise TrainingError('slots.reconstruction needs pictures: leave --cache-features out')
        slots, errors = self._slots(encoder, clip)
        size = (self.settings.height, self.settings.width)
        pictures = denormalised(clip.frames, self.camera).flatten(0, 1)
        wanted = interpolate(pictures, size=size, mode='area')
        errors['reconstruction'] = mse_loss(self.decoder(slots.flatten(0, 1)), wanted)
        return slots, errors

    def _slots(self, encoder: nn.Module, clip: Clip) -> tuple[Tensor, dict[str, Tensor]]:
        if not self.settings.mask_weight:
            return encoder(clip.frames), {}
        if not isinstance(encoder, MaskPoolEncoder) or clip.masks is None:
            raise TrainingError(
                'slots.reconstruction.mask_weight needs an encoder of kind mask_pooling and a '
                'dataset with masks (`collection: {masks: true}`, or a column masks)'
            )
        slots, odds = encoder.found(clip.frames)
        return slots, {'masks': _mask_error(odds, clip.masks, encoder.slots)}


def _mask_error(odds: Tensor, masks: Tensor, slots: int) -> Tensor:
    """Return the cross-entropy of patches `(B, T, M, N)` and masks `(B, T, h, w)`.

    A patch that shows several objects is to be each of them in part.
    """
    most = int(masks.max())
    if most >= slots:
        raise TrainingError(f'masks have object {most}, the model {slots} slots: 0 to {slots - 1}')
    apart = one_hot(masks.long(), slots).movedim(-1, 2)
    shares = mask_shares(apart, odds.shape[2]).mT
    with torch.autocast(odds.device.type, enabled=False):
        return cross_entropy(odds.float().flatten(0, 2), shares.flatten(0, 2))
