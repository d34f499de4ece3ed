"""Frames in, tokens out: what families of world models take as their encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.functional import layer_norm

from jepa_wm_ros.worldmodel.encoders.vit import VisionTransformer

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings


class FrameEncoder(nn.Module):
    """A vision transformer applied to each frame by itself.

    A video encoder sees every frame as a clip of `tubelet` copies of it, which gives one plane of
    tokens (V-JEPA-2-AC, arXiv 2506.09985).
    """

    def __init__(self, settings: EncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        self.vit = VisionTransformer(settings)

    @property
    def dim(self) -> int:
        """Numbers of a token."""
        return self.settings.dim

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the tokens of a frame [px]; (1, 1) for a class token.

        Raises:
            EncoderError: A side is no multiple of the patch.
        """
        patches = self.vit.grid(self.settings.tubelet, height, width)[1:]
        return (1, 1) if self.settings.tokens == 'cls' else patches

    def forward(self, images: Tensor) -> Tensor:
        """Encode `(B, T, 3, h, w)`, normalised pixels, to `(B, T, N, D)`.

        Pixels are brought to the device and the type of the weights.

        Raises:
            EncoderError: A side is no multiple of the patch.
        """
        frames = images.flatten(0, 1).to(self.vit.norm.weight)
        if self.settings.tubelet > 1:
            frames = frames[:, :, None].repeat(1, 1, self.settings.tubelet, 1, 1)
        tokens = self.vit(frames)
        if self.settings.tokens == 'cls':
            tokens = tokens[:, :1]
        else:
            tokens = tokens[:, self.settings.extra_tokens :]
        if self.settings.layer_norm:
            tokens = layer_norm(tokens, (self.dim,))
        unfolded: Tensor = tokens.unflatten(0, images.shape[:2])
        return unfolded
