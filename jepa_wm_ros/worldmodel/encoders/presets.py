"""Published encoders by name: their settings, as their makers chose them."""

from __future__ import annotations

import dataclasses

from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings

Size = tuple[int, int, int]
"""Width, depth and heads."""

SIZES: dict[str, Size] = {
    's': (384, 12, 6),
    'b': (768, 12, 12),
    'l': (1024, 24, 16),
    'h': (1280, 32, 16),
    'g': (1408, 40, 22),
}


def _dinov2(size: Size, registers: int) -> EncoderSettings:
    """DINOv2 (arXiv 2304.07193): positions stored for 518 px."""
    dim, depth, heads = size
    return EncoderSettings(
        dim=dim,
        depth=depth,
        heads=heads,
        patch=14,
        mlp=4 * dim,
        registers=registers,
        grid=(1, 37, 37),
        interpolation='antialias' if registers else 'offset',
        layer_scale=True,
    )


def _dinov2_giant(registers: int) -> EncoderSettings:
    """The giant has a gated feed-forward part of 2/3 of 4 x 1536, and its own heads."""
    return dataclasses.replace(_dinov2((1536, 40, 24), registers), feed_forward='swiglu', mlp=4096)


def _dinov3(size: Size) -> EncoderSettings:
    """DINOv3 (arXiv 2508.10104): LayerNorm with epsilon 1e-5, four storage tokens."""
    dim, depth, heads = size
    return EncoderSettings(
        dim=dim,
        depth=depth,
        heads=heads,
        patch=16,
        mlp=4 * dim,
        registers=4,
        positions='axial_rope',
        layer_scale=True,
        norm_eps=1e-5,
    )


def _dinov3_plus(size: Size) -> EncoderSettings:
    """The sizes with a plus have a gated feed-forward part of 2/3 of six times their width."""
    return dataclasses.replace(_dinov3(size), feed_forward='swiglu', mlp=4 * size[0])


def _vjepa2(size: Size, mlp: int) -> EncoderSettings:
    """V-JEPA 2 (arXiv 2506.09985): tokens span two frames, positions are rotations."""
    dim, depth, heads = size
    return EncoderSettings(
        dim=dim,
        depth=depth,
        heads=heads,
        patch=16,
        tubelet=2,
        mlp=mlp,
        class_token=False,
        positions='tiled_rope',
    )


VJEPA_L = dataclasses.replace(
    _vjepa2(SIZES['l'], 4096), positions='learned', grid=(8, 14, 14), interpolation='trilinear'
)
"""V-JEPA (arXiv 2404.08471): a table of sines and cosines for 16 frames of 224 px."""

LEWM_TINY = EncoderSettings(
    dim=192,
    depth=12,
    heads=3,
    patch=14,
    mlp=768,
    norm_eps=1e-12,
    tokens='cls',
)
"""LeWorldModel (arXiv 2603.19312): Hugging Face's ViT at its tiny size, 224 px."""

PRESETS: dict[str, EncoderSettings] = {
    **{f'dinov2_vit{s}14': _dinov2(SIZES[s], 0) for s in 'sbl'},
    **{f'dinov2_vit{s}14_reg': _dinov2(SIZES[s], 4) for s in 'sbl'},
    'dinov2_vitg14': _dinov2_giant(0),
    'dinov2_vitg14_reg': _dinov2_giant(4),
    **{f'dinov3_vit{s}16': _dinov3(SIZES[s]) for s in 'sbl'},
    'dinov3_vits16plus': _dinov3_plus(SIZES['s']),
    'dinov3_vith16plus': _dinov3_plus((1280, 32, 20)),
    'vjepa2_vitl16': _vjepa2(SIZES['l'], 4096),
    'vjepa2_vith16': _vjepa2(SIZES['h'], 5120),
    'vjepa2_vitg16': _vjepa2(SIZES['g'], 6144),
    'vjepa_vitl16': VJEPA_L,
    'lewm_vit_tiny': LEWM_TINY,
}
"""Settings by name. The giant of V-JEPA 2 has a feed-forward ratio of 48/11."""
