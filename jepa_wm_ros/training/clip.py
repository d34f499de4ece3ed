"""A batch of clips as a loss takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
    from jepa_wm_ros.worldmodel.families.frame_model import FrameWorldModel
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel


@dataclass(frozen=True, slots=True)
class Clip:
    """Clips of T frames.

    Attributes:
        frames: `(B, T, 3, h, w)` normalised pictures, or `(B, T, N, D)`: what a frozen encoder
            made of them.
        actions: `(B, T-1, A)` physical units, the actions between the frames.
        proprio: `(B, T, P)` physical units, all that the dataset has.
        generator: For what the loss draws; the same in all processes.
        masks: `(B, T, h, w)` uint8, the number of the object in each pixel, where they are known.
    """

    frames: Tensor
    actions: Tensor
    proprio: Tensor
    generator: torch.Generator
    masks: Tensor | None = None

    def to(self, device: torch.device) -> Clip:
        """Return the clip on a device."""
        return Clip(
            self.frames.to(device),
            self.actions.to(device),
            self.proprio.to(device),
            self.generator,
            None if self.masks is None else self.masks.to(device),
        )


def encoded(model: WorldModel, frames: Tensor, proprio: Tensor) -> Latent:
    """Return the latent of frames, which are pictures or what an encoder made of them.

    Args:
        model: The model.
        frames: As in `Clip`.
        proprio: `(B, T, P)`, whose first fields are those of the contract.
    """
    fields = len(model.contract.proprio.fields)
    state = proprio[..., :fields] if fields else None
    if frames.ndim == 4:
        return cast('FrameWorldModel | SlotWorldModel', model).encode_given(frames, state)
    return model.encode(frames, state)
