"""Checkpoints of C-JEPA (arXiv 2602.11389), as state dicts of the pickled modules."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.published.layouts.layout import (
    Spec,
    Specs,
    convolution,
    linear,
    norm,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CjepaLayout:
    """The masked predictor of slots, and what embeds actions and states.

    Attributes:
        action: Numbers in an action of the model.
        proprio: Numbers in the robot's state.
        dim: Width of a slot.
        frames: Positions in time.
        depth: Layers.
        mlp: Width of the hidden layer.
    """

    action: int
    proprio: int
    dim: int = 128
    frames: int = 4
    depth: int = 6
    mlp: int = 2048
    nested: bool = False

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        name = 'model.predictor'
        specs = {
            f'{name}.mask_token': Spec((1, 1, self.dim)),
            f'{name}.time_pos_embed': Spec((1, self.frames, 1, self.dim)),
            **linear(f'{name}.id_projector', self.dim, self.dim),
        }
        for i in range(self.depth):
            layer = f'{name}.transformer.layers.{i}'
            specs[f'{layer}.0.in_proj_weight'] = Spec((3 * self.dim, self.dim))
            specs[f'{layer}.0.in_proj_bias'] = Spec((3 * self.dim,))
            specs |= linear(f'{layer}.0.out_proj', self.dim, self.dim)
            specs |= norm(f'{layer}.1.0', self.dim)
            specs |= linear(f'{layer}.1.1', self.mlp, self.dim)
            specs |= linear(f'{layer}.1.4', self.dim, self.mlp)
        specs |= norm(f'{name}.transformer.norm', self.dim)
        specs |= linear(f'{name}.to_out', self.dim, self.dim)
        specs |= convolution('model.action_encoder.patch_embed', self.dim, self.action, 1)
        return specs | convolution('model.proprio_encoder.patch_embed', self.dim, self.proprio, 1)
