"""Checkpoints of frozen encoders: DINOv2, DINOv3 and V-JEPA 2."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.published.layouts.layout import (
    Spec,
    Specs,
    convolution,
    norm,
    vit_block,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dinov2Layout:
    """DINOv2 (arXiv 2304.07193), a flat state dict.

    Attributes:
        dim: Width.
        depth: Blocks.
        registers: Register tokens.
        grid: Rows of the square table of positions.
    """

    dim: int
    depth: int
    registers: int = 0
    grid: int = 37
    nested: bool = False

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        specs = {
            'cls_token': Spec((1, 1, self.dim)),
            'pos_embed': Spec((1, 1 + self.grid**2, self.dim)),
            'mask_token': Spec((1, self.dim)),
            **convolution('patch_embed.proj', self.dim, 3, 14, 14),
        }
        if self.registers:
            specs['register_tokens'] = Spec((1, self.registers, self.dim))
        for i in range(self.depth):
            specs |= _scaled_block(f'blocks.{i}', self.dim)
        return specs | norm('norm', self.dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dinov3Layout:
    """DINOv3 (arXiv 2508.10104), a flat state dict.

    Attributes:
        dim: Width.
        depth: Blocks.
        heads: Heads, which decide how many periods the rotation has.
    """

    dim: int
    depth: int
    heads: int
    nested: bool = False

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        specs = {
            'cls_token': Spec((1, 1, self.dim)),
            'storage_tokens': Spec((1, 4, self.dim)),
            'mask_token': Spec((1, self.dim)),
            'rope_embed.periods': Spec((self.dim // self.heads // 4,), 'periods'),
            **convolution('patch_embed.proj', self.dim, 3, 16, 16),
        }
        for i in range(self.depth):
            specs |= _scaled_block(f'blocks.{i}', self.dim)
            specs[f'blocks.{i}.attn.qkv.bias_mask'] = Spec((3 * self.dim,), 'key_mask')
        return specs | norm('norm', self.dim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vjepa2Layout:
    """V-JEPA 2 (arXiv 2506.09985): the state dict `encoder` of a larger file.

    Attributes:
        dim: Width.
        depth: Blocks.
        mlp: Width of the hidden layer.
        positions: Rows of a table of positions that the rotary model does not use; 0 without.
    """

    dim: int
    depth: int
    mlp: int
    positions: int = 2048
    nested: bool = True

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        name = 'encoder.module.backbone'
        specs = convolution(f'{name}.patch_embed.proj', self.dim, 3, 2, 16, 16)
        if self.positions:
            specs[f'{name}.pos_embed'] = Spec((1, self.positions, self.dim))
        for i in range(self.depth):
            specs |= vit_block(f'{name}.blocks.{i}', self.dim, self.mlp)
        return specs | norm(f'{name}.norm', self.dim)


def _scaled_block(name: str, dim: int) -> Specs:
    return {
        **vit_block(name, dim, 4 * dim),
        f'{name}.ls1.gamma': Spec((dim,), 'ones'),
        f'{name}.ls2.gamma': Spec((dim,), 'ones'),
    }
