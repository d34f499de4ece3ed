"""Predicts the next frame's latents: conditioning, the transformer core, and projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from jepa_wm_ros.worldmodel.predictors.conditioning import Conditioning
from jepa_wm_ros.worldmodel.predictors.settings import transformer_settings, widens_late
from jepa_wm_ros.worldmodel.predictors.transformer import Transformer, begin_linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of latents on their way through a predictor.

    Attributes:
        latent: `(B, T, patches, E)`.
        proprio: With the setting `feature`, features `(B, T, patches, width)`; with `token`,
            states `(B, T, P)` in the model's normalisation; else None.
    """

    latent: Tensor
    proprio: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> Frames:
        """Return the frames with `function` (tensor -> tensor) applied to each part."""
        proprio = None if self.proprio is None else function(self.proprio)
        return Frames(function(self.latent), proprio)


class FramePredictor(nn.Module):
    """From the frames of a window and the actions that leave them to the frames that follow."""

    def __init__(
        self,
        settings: PredictorSettings,
        shape: FrameShape,
        *,
        action: nn.Module | None = None,
        outward: nn.Module | None = None,
    ) -> None:
        """Build with random weights.

        Args:
            settings: Depth, widths, conditioning.
            shape: Sizes of latents, actions and states.
            action: Embeds actions; None for a linear layer.
            outward: Maps the core's output to latents; None for a linear layer where the settings
                have a width of their own, and for nothing where they have not.
        """
        super().__init__()
        core = transformer_settings(settings, shape)
        self.settings, self.shape = settings, shape
        self.width = settings.width or shape.latent_dim
        self.inward: nn.Module = (
            nn.Identity()
            if widens_late(settings)
            else _projection(shape.latent_dim, settings.width)
        )
        self.conditioning = Conditioning(settings, shape, core, action)
        self.core = Transformer(core)
        self.outward = outward or _projection(settings.width, shape.latent_dim)

    def compose(
        self, embedded: Tensor, proprio: Tensor | None, actions: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the core's tokens `(B, T, N, D)` and condition of frames and their actions.

        Args:
            embedded: `(B, T, patches, width)`: the frames' latents after `inward`.
            proprio: As in `Frames`.
            actions: `(B, T, A)`, normalised.
        """
        composed: tuple[Tensor, Tensor | None] = self.conditioning(embedded, proprio, actions)
        return composed

    def read(self, result: Tensor) -> Frames:
        """Return the predicted frames in the core's result `(B, T, N, D)`."""
        patches = result[:, :, self.core.settings.extra_tokens :]
        end = self.width + self.settings.proprio_dim
        proprio = patches[..., self.width : end] if self.settings.proprio == 'feature' else None
        return Frames(self.outward(patches[..., : self.width]), proprio)

    def forward(self, frames: Frames, actions: Tensor) -> Frames:
        """Predict frame t + 1 from the frames up to t, for every t.

        Args:
            frames: Of T frames.
            actions: `(B, T, A)`, normalised: the action that leaves each frame.

        Returns:
            T frames. With `token`, the proprio is None: states are not predicted.
        """
        embedded = self.inward(frames.latent)
        return self.read(self.core(*self.compose(embedded, frames.proprio, actions)))


def _projection(size: int | None, width: int | None) -> nn.Module:
    if size is None or width is None:
        return nn.Identity()
    layer = nn.Linear(size, width)
    begin_linear(layer)
    return layer
