"""Slots learn to be objects by painting the picture together.

Each slot paints a whole picture and says where it counts (spatial broadcast decoder); what they
make together is compared with the frame (Slot Attention, arXiv 2006.15055; SAVi, 2111.12594).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import interpolate, mse_loss

from jepa_wm_ros.worldmodel.camera import denormalised
from jepa_wm_ros.worldmodel.heads.decoder import Decoder, DecoderSettings
from jepa_wm_ros.worldmodel.heads.head import LatentShape

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

    def forward(self, slots: Tensor, clip: Clip) -> Tensor:
        """Return the squared error of what slots `(B, T, N, D)` of a clip paint together."""
        size = (self.settings.height, self.settings.width)
        pictures = denormalised(clip.frames, self.camera).flatten(0, 1)
        wanted = interpolate(pictures, size=size, mode='area')
        return mse_loss(self.decoder(slots.flatten(0, 1)), wanted)
