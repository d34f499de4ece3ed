"""Checkpoints of LeWorldModel (arXiv 2603.19312): one flat state dict with everything."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.published.layouts.layout import (
    Spec,
    Specs,
    batch_norm,
    convolution,
    linear,
    norm,
)

MODULES_4 = {
    'layer': 'encoder.encoder.layer',
    'query': 'attention.attention.query',
    'key': 'attention.attention.key',
    'value': 'attention.attention.value',
    'out': 'attention.output.dense',
    'fc1': 'intermediate.dense',
    'fc2': 'output.dense',
}
MODULES_5 = {
    'layer': 'encoder.layers',
    'query': 'attention.q_proj',
    'key': 'attention.k_proj',
    'value': 'attention.v_proj',
    'out': 'attention.o_proj',
    'fc1': 'mlp.fc1',
    'fc2': 'mlp.fc2',
}
"""Modules of Hugging Face's ViT in transformers 4 (as published) and 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LewmLayout:
    """The official layout: a ViT of Hugging Face, projectors, and a predictor of one token.

    Attributes:
        action: Numbers in an action of the model.
        dim: Width of the encoder and of the embedding.
        depth: Blocks of the encoder.
        mlp: Width of its hidden layer.
        patches: Patches of a picture.
        smoothed: Numbers after the action's convolution.
        frames: Positions of the predictor.
        layers: Its layers.
        inner: Width of its queries, keys and values.
        predictor_mlp: Width of its hidden layer.
        hidden: Width of the projectors' hidden layer.
        transformers: Major version of the library whose spelling the keys have.
    """

    action: int
    dim: int = 192
    depth: int = 12
    mlp: int = 768
    patches: int = 256
    smoothed: int = 10
    frames: int = 3
    layers: int = 6
    inner: int = 1024
    predictor_mlp: int = 2048
    hidden: int = 2048
    transformers: int = 4
    nested: bool = False

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        specs = self._encoder()
        specs['predictor.pos_embedding'] = Spec((1, self.frames, self.dim))
        for i in range(self.layers):
            layer = f'predictor.transformer.layers.{i}'
            specs |= norm(f'{layer}.attn.norm', self.dim)
            specs |= linear(f'{layer}.attn.to_qkv', 3 * self.inner, self.dim, bias=False)
            specs |= linear(f'{layer}.attn.to_out.0', self.dim, self.inner)
            specs |= norm(f'{layer}.mlp.net.0', self.dim)
            specs |= linear(f'{layer}.mlp.net.1', self.predictor_mlp, self.dim)
            specs |= linear(f'{layer}.mlp.net.4', self.dim, self.predictor_mlp)
            specs |= linear(f'{layer}.adaLN_modulation.1', 6 * self.dim, self.dim)
        specs |= norm('predictor.transformer.norm', self.dim)
        specs |= convolution('action_encoder.patch_embed', self.smoothed, self.action, 1)
        specs |= linear('action_encoder.embed.0', 4 * self.dim, self.smoothed)
        specs |= linear('action_encoder.embed.2', self.dim, 4 * self.dim)
        for name in ('projector', 'pred_proj'):
            specs |= linear(f'{name}.net.0', self.hidden, self.dim)
            specs |= batch_norm(f'{name}.net.1', self.hidden)
            specs |= linear(f'{name}.net.3', self.dim, self.hidden)
        return specs

    def _encoder(self) -> Specs:
        modules = MODULES_4 if self.transformers < 5 else MODULES_5
        specs = {
            'encoder.embeddings.cls_token': Spec((1, 1, self.dim)),
            'encoder.embeddings.position_embeddings': Spec((1, 1 + self.patches, self.dim)),
            **convolution('encoder.embeddings.patch_embeddings.projection', self.dim, 3, 14, 14),
        }
        for i in range(self.depth):
            layer = f'{modules["layer"]}.{i}'
            for name in ('query', 'key', 'value', 'out'):
                specs |= linear(f'{layer}.{modules[name]}', self.dim, self.dim)
            specs |= linear(f'{layer}.{modules["fc1"]}', self.mlp, self.dim)
            specs |= linear(f'{layer}.{modules["fc2"]}', self.dim, self.mlp)
            specs |= norm(f'{layer}.layernorm_before', self.dim)
            specs |= norm(f'{layer}.layernorm_after', self.dim)
        return specs | norm('encoder.layernorm', self.dim)
