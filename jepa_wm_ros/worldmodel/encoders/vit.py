"""One vision transformer that its settings make DINOv2, DINOv3, V-JEPA (2) or a plain ViT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.encoders.blocks import Block
from jepa_wm_ros.worldmodel.encoders.positions import LearnedPositions
from jepa_wm_ros.worldmodel.encoders.rotary import AxialRotary, TiledRotary

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.encoders.rotary import Grid, Rotation
    from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

INITIAL_STD = 0.02


class EncoderError(JepaWmError):
    """Pictures that an encoder cannot take."""


class VisionTransformer(nn.Module):
    """Patches -> tokens `[class, registers, patches]` after the last LayerNorm.

    There are no hidden buffers: everything that the weights do not say is computed from the
    settings when it is needed, so that a model built on the meta device is complete once its
    weights are assigned.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        dim, patch = settings.dim, settings.patch
        self.patch_embed: nn.Conv2d | nn.Conv3d
        if settings.tubelet == 1:
            self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        else:
            kernel = (settings.tubelet, patch, patch)
            self.patch_embed = nn.Conv3d(3, dim, kernel, kernel)
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim)) if settings.class_token else None
        self.registers = (
            nn.Parameter(torch.empty(1, settings.registers, dim)) if settings.registers else None
        )
        self.positions = LearnedPositions(settings) if settings.positions == 'learned' else None
        self.rope: AxialRotary | TiledRotary | None = None
        if settings.positions == 'axial_rope':
            self.rope = AxialRotary(settings.head_dim)
        elif settings.positions == 'tiled_rope':
            self.rope = TiledRotary(settings.head_dim)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(dim, settings.norm_eps)
        self.apply(_initialise)
        for token in (self.cls_token, self.registers):
            if token is not None:
                nn.init.trunc_normal_(token, std=INITIAL_STD)

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode pictures or clips.

        Args:
            pixels: `(B, 3, h, w)`, or `(B, 3, T, h, w)` where a token spans several frames.

        Returns:
            `(B, extra_tokens + N, D)`: patches in the order time, rows, columns.

        Raises:
            EncoderError: A side is no multiple of the patch, or T none of the tubelet.
        """
        grid = self.grid(*pixels.shape[2:])
        x = self.patch_embed(pixels).flatten(2).transpose(1, 2)
        x = self._with_extra_tokens(x, grid)
        rotation = self._rotation(grid, x.device)
        for block in self.blocks:
            x = block(x, rotation)
        normalised: Tensor = self.norm(x)
        return normalised

    def grid(self, *size: int) -> Grid:
        """Return frames (in tubelets), rows and columns of tokens for `([T,] h, w)` pixels."""
        *frames, height, width = size
        patch, tubelet = self.settings.patch, self.settings.tubelet
        time = frames[0] if frames else 1
        if height % patch or width % patch or time % tubelet:
            raise EncoderError(
                f'pictures of {width}x{height} px in clips of {time} do not divide into patches '
                f'of {patch}x{patch} px over {tubelet} frames'
            )
        return time // tubelet, height // patch, width // patch

    def _with_extra_tokens(self, x: Tensor, grid: Grid) -> Tensor:
        """Put the class token before the patches, add positions, then insert the registers."""
        batch = x.shape[0]
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(batch, -1, -1), x], 1)
        if self.positions is not None:
            x = x + self.positions(grid)
        if self.registers is not None:
            lead = int(self.settings.class_token)
            registers = self.registers.expand(batch, -1, -1)
            x = torch.cat([x[:, :lead], registers, x[:, lead:]], 1)
        return x

    def _rotation(self, grid: Grid, device: torch.device) -> Rotation | None:
        return None if self.rope is None else self.rope(grid, device)


def _initialise(module: nn.Module) -> None:
    """Draw truncated normal weights, as ViTs are trained from."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.Conv3d)):
        nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
