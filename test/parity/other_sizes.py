"""Cases of other sizes than the recorded ones, with random weights under the published keys."""

from __future__ import annotations

import torch

from jepa_wm_ros.worldmodel.parity import Case


class Weights:
    """Collects random tensors by key."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._generator = torch.Generator().manual_seed(11)

    def random(self, *shape: int, scale: float = 0.3) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=self._generator)

    def linear(self, name: str, out: int, inward: int, *rest: int, bias: bool = True) -> None:
        self.tensors[f'{name}.weight'] = self.random(out, inward, *rest)
        if bias:
            self.tensors[f'{name}.bias'] = self.random(out)

    def norm(self, name: str, dim: int) -> None:
        self.tensors[f'{name}.weight'] = 1 + self.random(dim)
        self.tensors[f'{name}.bias'] = self.random(dim)


LEWM = {
    'vit_dim': 20,
    'vit_depth': 3,
    'vit_heads': 2,
    'img': 15,
    'patch': 5,
    'embed_dim': 24,
    'pred_hidden': 36,
    'pred_depth': 3,
    'pred_heads': 5,
    'dim_head': 6,
    'pred_mlp': 50,
    'num_frames': 2,
    'act_in': 6,
    'smoothed': 4,
    'proj_hidden': 30,
    'num_proj': 16,
}


def lewm_case(context: int = 2, **changes: int) -> Case:
    """Return a case whose encoder, embedding and predictor have widths of their own."""
    c = {**LEWM, **changes}
    w, dim, width, vit = Weights(), c['embed_dim'], c['pred_hidden'], c['vit_dim']
    patches = (c['img'] // c['patch']) ** 2
    w.tensors['encoder.embeddings.cls_token'] = w.random(1, 1, vit)
    w.tensors['encoder.embeddings.position_embeddings'] = w.random(1, 1 + patches, vit)
    w.linear('encoder.embeddings.patch_embeddings.projection', vit, 3, c['patch'], c['patch'])
    for i in range(c['vit_depth']):
        layer = f'encoder.layers.{i}'
        for name in 'qkvo':
            w.linear(f'{layer}.attention.{name}_proj', vit, vit)
        w.linear(f'{layer}.mlp.fc1', 44, vit)
        w.linear(f'{layer}.mlp.fc2', vit, 44)
        w.norm(f'{layer}.layernorm_before', vit)
        w.norm(f'{layer}.layernorm_after', vit)
    w.norm('encoder.layernorm', vit)
    _lewm_predictor(w, c)
    w.linear('action_encoder.patch_embed', c['smoothed'], c['act_in'], 1)
    w.linear('action_encoder.embed.0', 4 * dim, c['smoothed'])
    w.linear('action_encoder.embed.2', dim, 4 * dim)
    if width != dim:
        w.linear('predictor.transformer.input_proj', width, dim)
        w.linear('predictor.transformer.cond_proj', width, dim)
        w.linear('predictor.transformer.output_proj', dim, width)
    for name, inward in (('projector', vit), ('pred_proj', dim)):
        w.linear(f'{name}.net.0', c['proj_hidden'], inward)
        w.norm(f'{name}.net.1', c['proj_hidden'])
        w.tensors[f'{name}.net.1.running_mean'] = w.random(c['proj_hidden'])
        w.tensors[f'{name}.net.1.running_var'] = 1 + w.random(c['proj_hidden']).abs()
        w.tensors[f'{name}.net.1.num_batches_tracked'] = torch.tensor(3)
        w.linear(f'{name}.net.3', dim, c['proj_hidden'])
    frames, side, action = c['num_frames'] + 1, c['img'], c['act_in']
    inputs = {
        'pixels': w.random(3, frames, 3, side, side, scale=1.0),
        'action': w.random(3, frames, action, scale=1.0),
        'goal': w.random(1, 1, 3, side, side, scale=1.0),
        'ctx_pixels': w.random(1, context, 3, side, side, scale=1.0),
        'candidates': w.random(1, 4, 5, action, scale=1.0),
        'action_history': w.random(1, context - 1, action, scale=1.0),
        'sigreg_A': w.random(dim, c['num_proj'], scale=1.0),
        'sigreg_emb': w.random(frames, 8, dim, scale=1.0),
    }
    parameters = [k for k in w.tensors if 'running' not in k and 'num_batches' not in k]
    counted = range(1, c['num_frames'] + 1)
    outputs = ['vit_last_hidden', 'emb', 'act_emb']
    outputs += [f'{kind}_T{t}' for kind in ('predictor', 'predict') for t in counted]
    outputs += [f'train_grad/{key}' for key in parameters]
    config = {**c, 'grad_norm_order': sorted(parameters)}
    return _case('LeWorldModel', config, w, inputs, outputs)


def _lewm_predictor(w: Weights, c: dict[str, int]) -> None:
    width, inner = c['pred_hidden'], c['pred_heads'] * c['dim_head']
    w.tensors['predictor.pos_embedding'] = w.random(1, c['num_frames'], c['embed_dim'])
    for i in range(c['pred_depth']):
        layer = f'predictor.transformer.layers.{i}'
        w.norm(f'{layer}.attn.norm', width)
        w.linear(f'{layer}.attn.to_qkv', 3 * inner, width, bias=False)
        w.linear(f'{layer}.attn.to_out.0', width, inner)
        w.norm(f'{layer}.mlp.net.0', width)
        w.linear(f'{layer}.mlp.net.1', c['pred_mlp'], width)
        w.linear(f'{layer}.mlp.net.4', width, c['pred_mlp'])
        w.linear(f'{layer}.adaLN_modulation.1', 6 * width, width)
    w.norm('predictor.transformer.norm', width)


def cjepa_case(**changes: int) -> Case:
    """Return a case with other numbers of slots, frames and heads."""
    c = {'seed': 5, 'slots': 5, 'D': 24, 'hist': 2, 'pred': 2, 'masked': 2, 'mask_seed': 3}
    c |= {'depth': 3, 'heads': 4, 'mlp': 30, 'A': 3, 'P': 2, 'n_obs': 2, **changes}
    w, dim, frames = Weights(), c['D'], c['hist'] + c['pred']
    w.tensors['model.predictor.mask_token'] = w.random(1, 1, dim)
    w.tensors['model.predictor.time_pos_embed'] = w.random(1, frames, 1, dim)
    w.linear('model.predictor.id_projector', dim, dim)
    for i in range(c['depth']):
        layer = f'model.predictor.transformer.layers.{i}'
        w.tensors[f'{layer}.0.in_proj_weight'] = w.random(3 * dim, dim)
        w.tensors[f'{layer}.0.in_proj_bias'] = w.random(3 * dim)
        w.linear(f'{layer}.0.out_proj', dim, dim)
        w.norm(f'{layer}.1.0', dim)
        w.linear(f'{layer}.1.1', c['mlp'], dim)
        w.linear(f'{layer}.1.4', dim, c['mlp'])
    w.norm('model.predictor.transformer.norm', dim)
    w.linear('model.predictor.to_out', dim, dim)
    w.linear('model.action_encoder.patch_embed', dim, c['A'], 1)
    w.linear('model.proprio_encoder.patch_embed', dim, c['P'], 1)
    slots, observed = c['slots'], c['n_obs']
    inputs = {
        'slots': w.random(2, frames, slots, dim, scale=1.0),
        'action': w.random(2, frames, c['A'], scale=1.0),
        'proprio': w.random(2, frames, c['P'], scale=1.0),
        'entity_history': w.random(2, c['hist'], slots + 2, dim, scale=1.0),
        'plan_slots': w.random(1, observed, slots, dim, scale=1.0),
        'plan_proprio': w.random(1, observed, c['P'], scale=1.0),
        'goal_slots': w.random(1, 1, slots, dim, scale=1.0),
        'goal_proprio': w.random(1, 1, c['P'], scale=1.0),
        'candidates': w.random(1, 3, 4, c['A'], scale=1.0),
    }
    full = [key.removeprefix('model.') for key in w.tensors]
    return _case('Causal-JEPA', {**c, 'full_grads': full}, w, inputs, [])


def _case(system: str, config: dict, weights: Weights, inputs: dict, outputs: list[str]) -> Case:
    return Case(
        name='other sizes',
        system=system,
        config=config,
        weights=weights.tensors,
        inputs=inputs,
        outputs=tuple(outputs),
    )
