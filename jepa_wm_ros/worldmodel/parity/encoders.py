"""Recompute the recorded reference cases of encoders; see `parity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import layer_norm

from jepa_wm_ros.worldmodel.camera import prepare
from jepa_wm_ros.worldmodel.encoders.frames import FrameEncoder
from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
from jepa_wm_ros.worldmodel.parity.preprocessing import imagenet
from jepa_wm_ros.worldmodel.published.encoders import convert_encoder

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case

INTERPOLATION = {(False, True): 'offset', (True, False): 'antialias', (False, False): 'bicubic'}
"""What antialias and a positive offset are called here."""


def run_dinov2(case: Case) -> dict[str, Tensor]:
    """Recompute the class and patch tokens of every picture."""
    c = case.config
    patch = c.get('patch', 14)
    side = c['img_size'] // patch
    mlp = c['ffn'] == 'mlp'
    settings = EncoderSettings(
        dim=c['dim'],
        depth=c['depth'],
        heads=c['heads'],
        patch=patch,
        mlp=4 * c['dim'] if mlp else (4 * c['dim'] * 2 // 3 + 7) // 8 * 8,
        feed_forward='mlp' if mlp else 'swiglu',
        registers=c['registers'],
        grid=(1, side, side),
        interpolation=INTERPOLATION[bool(c['antialias']), c['offset'] > 0],
        layer_scale=True,
    )
    return _pictures(case, settings)


def run_dinov3(case: Case) -> dict[str, Tensor]:
    """Recompute the class, storage and patch tokens of every picture."""
    c = case.config
    settings = EncoderSettings(
        dim=c['dim'],
        depth=c['depth'],
        heads=c['heads'],
        patch=c['patch'],
        mlp=4 * c['dim'],
        registers=c['storage'],
        positions='axial_rope',
        layer_scale=True,
        norm_eps=1e-5,
    )
    return _pictures(case, settings)


@torch.no_grad()
def _pictures(case: Case, settings: EncoderSettings) -> dict[str, Tensor]:
    encoder = FrameEncoder(settings).eval()
    encoder.load_state_dict(convert_encoder(case.weights, settings, case.name))
    first = settings.extra_tokens
    outputs = {}
    for name in case.outputs:
        kind, size = name.rsplit('_', 1)
        tokens = encoder.vit(case.inputs[f'image_{size}'])
        parts = {'clstoken': tokens[:, 0], 'patchtokens': tokens[:, first:]}
        outputs[name] = parts.get(kind, tokens[:, 1:first])
    return outputs


@torch.no_grad()
def run_vjepa2(case: Case) -> dict[str, Tensor]:
    """Recompute pixels, tokens of a still picture and of clips, and what predictors take."""
    c = case.config
    settings = EncoderSettings(
        dim=c['embed_dim'],
        depth=c['depth'],
        heads=c['heads'],
        patch=c['patch'],
        tubelet=2,
        mlp=c['mlp_hidden'] or int(c['embed_dim'] * c['mlp_ratio']),
        class_token=False,
        positions='tiled_rope',
    )
    weights = {
        key.removeprefix('encoder/'): value
        for key, value in case.weights.items()
        if key.startswith('encoder/')
    }
    encoder = FrameEncoder(settings).eval()
    encoder.load_state_dict(convert_encoder(weights, settings, case.name))
    pictures = case.inputs['image_uint8']
    camera = imagenet(pictures.shape[2], height=pictures.shape[1], white=255.0)
    pixels = torch.stack([prepare(picture.numpy(), camera) for picture in pictures])
    tokens = encoder(pixels[:, None])[:, 0]
    return {
        'pixels': pixels,
        'tokens': tokens,
        'encoded': layer_norm(tokens, tokens.shape[-1:]),
        'tokens_clip': encoder.vit(case.inputs['clip']),
        'tokens_rect': encoder.vit(case.inputs['rect']),
    }
