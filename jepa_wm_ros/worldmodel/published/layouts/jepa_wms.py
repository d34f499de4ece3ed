"""Checkpoints of facebookresearch/jepa-wms: predictors, and what embeds actions and states.

A file is a dictionary of state dicts, beside the training's own state. The names inside carry
DistributedDataParallel's `module.`.
"""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.published.layouts.layout import (
    Spec,
    Specs,
    convolution,
    linear,
    norm,
    vit_block,
)

PREDICTOR = 'predictor.module'


@dataclass(frozen=True, slots=True, kw_only=True)
class JepaWmLayout:
    """AdaLN predictor (arXiv 2512.24497).

    Attributes:
        encoder_dim: Width of the encoder's tokens.
        width: Width of the projected tokens.
        action: Numbers in an action of the model.
        depth: Blocks.
        proprio: Numbers in the robot's state; 0 without.
        proprio_dim: Numbers in the embedded state.
    """

    encoder_dim: int
    width: int
    action: int
    depth: int = 6
    proprio: int = 0
    proprio_dim: int = 0
    nested: bool = True

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        dim = self.width + self.proprio_dim
        specs = {
            **linear(f'{PREDICTOR}.predictor_embed', self.width, self.encoder_dim),
            **linear(f'{PREDICTOR}.action_encoder', dim, self.action),
        }
        for i in range(self.depth):
            block = f'{PREDICTOR}.predictor_blocks.{i}'
            specs |= vit_block(block, dim, 4 * dim)
            specs |= linear(f'{block}.adaLN_modulation.1', 6 * dim, dim)
        specs |= norm(f'{PREDICTOR}.predictor_norm', dim)
        specs |= linear(f'{PREDICTOR}.predictor_proj', self.encoder_dim, self.width)
        return specs | _embedding('proprio', self.proprio_dim, self.proprio)


@dataclass(frozen=True, slots=True, kw_only=True)
class DinoWmLayout:
    """Predictor of DINO-WM (arXiv 2411.04983) as jepa-wms stores it.

    Attributes:
        encoder_dim: Width of the encoder's tokens.
        action: Numbers in an action of the model.
        action_dim: Numbers in the embedded action.
        proprio: Numbers in the robot's state; 0 without.
        proprio_dim: Numbers in the embedded state.
        depth: Layers.
        inner: Width of queries, keys and values: heads times head size.
        mlp: Width of the hidden layer.
        tokens: Positions: frames times patches.
    """

    encoder_dim: int
    action: int
    action_dim: int
    proprio: int = 0
    proprio_dim: int = 0
    depth: int = 6
    inner: int = 1024
    mlp: int = 2048
    tokens: int = 1024
    nested: bool = True

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        dim = self.encoder_dim + self.action_dim + self.proprio_dim
        specs = {f'{PREDICTOR}.pos_embedding': Spec((1, self.tokens, dim))}
        for i in range(self.depth):
            layer = f'{PREDICTOR}.transformer.layers.{i}'
            specs |= norm(f'{layer}.0.norm', dim)
            specs |= linear(f'{layer}.0.to_qkv', 3 * self.inner, dim, bias=False)
            specs |= linear(f'{layer}.0.to_out.0', dim, self.inner)
            specs[f'{layer}.0.bias'] = Spec((1, 1, self.tokens, self.tokens), 'ones')
            specs |= norm(f'{layer}.1.net.0', dim)
            specs |= linear(f'{layer}.1.net.1', self.mlp, dim)
            specs |= linear(f'{layer}.1.net.4', dim, self.mlp)
        specs |= norm(f'{PREDICTOR}.transformer.norm', dim)
        specs |= _embedding('action', self.action_dim, self.action)
        return specs | _embedding('proprio', self.proprio_dim, self.proprio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vjepa2AcLayout:
    """Predictor of V-JEPA 2-AC (arXiv 2506.09985), with or without its encoder.

    Attributes:
        encoder_dim: Width of the encoder's tokens.
        width: Width of the predictor.
        depth: Blocks.
        action: Numbers in an action.
        state: Key of the embedding of the arm's state; empty without one.
        extrinsics: Whether the unused embedding of camera poses is there.
        encoder_depth: Blocks of the encoder in the same file; 0 without one.
        encoder_mlp: Width of its hidden layer.
        encoder_positions: Rows of its unused table of positions.
    """

    encoder_dim: int
    width: int = 1024
    depth: int = 24
    action: int = 7
    state: str = ''
    extrinsics: bool = False
    encoder_depth: int = 0
    encoder_mlp: int = 6144
    encoder_positions: int = 2048
    nested: bool = True

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        specs = {
            **linear(f'{PREDICTOR}.predictor_embed', self.width, self.encoder_dim),
            **linear(f'{PREDICTOR}.action_encoder', self.width, self.action),
        }
        if self.state:
            specs |= linear(f'{PREDICTOR}.{self.state}', self.width, self.action)
        if self.extrinsics:
            specs |= linear(f'{PREDICTOR}.extrinsics_encoder', self.width, 6)
        for i in range(self.depth):
            specs |= vit_block(f'{PREDICTOR}.predictor_blocks.{i}', self.width, 4 * self.width)
        specs |= norm(f'{PREDICTOR}.predictor_norm', self.width)
        specs |= linear(f'{PREDICTOR}.predictor_proj', self.encoder_dim, self.width)
        if self.encoder_depth:
            from jepa_wm_ros.worldmodel.published.layouts.encoders import Vjepa2Layout

            specs |= Vjepa2Layout(
                dim=self.encoder_dim,
                depth=self.encoder_depth,
                mlp=self.encoder_mlp,
                positions=self.encoder_positions,
            ).specs()
        return specs


def _embedding(kind: str, outputs: int, inputs: int) -> Specs:
    """Return an embedding that is stored beside the predictor: a convolution of one tap."""
    return convolution(f'{kind}_encoder.module.patch_embed', outputs, inputs, 1) if inputs else {}
