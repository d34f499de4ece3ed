"""Recomputes what LeWorldModel encodes, predicts and plans with in a recorded case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.worldmodel.encoders import build_encoder
from jepa_wm_ros.worldmodel.encoders.settings import EncoderSettings
from jepa_wm_ros.worldmodel.families.token_model import TokenArchitecture, TokenWorldModel
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.parity.frames import plain_contract
from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames
from jepa_wm_ros.worldmodel.predictors.settings import PredictorSettings
from jepa_wm_ros.worldmodel.published.lewm import keys_with

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.parity import Case
    from jepa_wm_ros.worldmodel.published.ledger import KeyMap


def run(case: Case) -> dict[str, Tensor]:
    """Return everything but the training tensors."""
    model, _ = model_of(case)
    with torch.no_grad():
        return {**_forward(case, model.eval()), **_planning(case, model)}


def model_of(case: Case) -> tuple[TokenWorldModel, KeyMap]:
    """Build the model of a case around its weights, and return it with the map of their keys."""
    c = case.config
    rows = c['img'] // c['patch']
    encoder = EncoderSettings(
        dim=c['vit_dim'],
        depth=c['vit_depth'],
        heads=c['vit_heads'],
        patch=c['patch'],
        mlp=_mlp(case),
        grid=(1, rows, rows),
        norm_eps=1e-12,
        tokens='cls',
    )
    predictor = PredictorSettings(
        depth=c['pred_depth'],
        heads=c['pred_heads'],
        head_dim=c['dim_head'],
        width=c['pred_hidden'] if c['pred_hidden'] != c['embed_dim'] else None,
        mlp_dim=c['pred_mlp'],
        conditioning='adaln_zero',
        frames=c['num_frames'],
        positions='learned',
        norm_eps=1e-5,
        qkv_bias=False,
    )
    architecture = TokenArchitecture(
        predictor=predictor,
        embed_dim=c['embed_dim'],
        projector_dim=c['proj_hidden'],
        smoothed=c['smoothed'],
        window=c['num_frames'],
    )
    model = TokenWorldModel(
        plain_contract(c['act_in'], 0), architecture, build_encoder(encoder), encoder.dim
    )
    keys = keys_with(encoder)
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict(keys.convert(case.weights, wanted, case.name))
    return model, keys


def _mlp(case: Case) -> int:
    """Return the width of the ViT's hidden layer, which the configuration does not say."""
    names = ('intermediate.dense.weight', 'mlp.fc1.weight')
    return next(w.shape[0] for key, w in case.weights.items() if key.endswith(names))


def _forward(case: Case, model: TokenWorldModel) -> dict[str, Tensor]:
    pixels, actions = case.inputs['pixels'], case.inputs['action']
    latent = model.encode(pixels).tokens
    predictor = model.predictor
    outputs = {
        'vit_last_hidden': model.encoder.vit(pixels.flatten(0, 1)),  # type: ignore[operator]
        'emb': latent[:, :, 0],
        'act_emb': predictor.conditioning.action.embed(actions),  # type: ignore[operator]
    }
    for count in range(1, case.config['num_frames'] + 1):
        frames = Frames(latent[:, :count])
        stream = predictor.core(*predictor.compose(frames.latent, None, actions[:, :count]))
        outputs[f'predictor_T{count}'] = predictor.outward.narrow(stream)[:, :, 0]  # type: ignore[operator]
        outputs[f'predict_T{count}'] = predictor(frames, actions[:, :count]).latent[:, :, 0]
    return {name: value for name, value in outputs.items() if name in case.outputs}


def _planning(case: Case, model: TokenWorldModel) -> dict[str, Tensor]:
    """Roll out in both published conventions.

    In the older one the first candidate actions are those of the context; in the later one
    candidates are strictly future, as in ours.
    """
    goal = model.encode(case.inputs['goal']).tokens[:, :, 0]
    context = model.encode(case.inputs['ctx_pixels'])
    first = Latent(context.tokens[:, :1])
    candidates = case.inputs['candidates']
    older, single = (_with_leading_actions(model, c, candidates) for c in (context, first))
    return {
        'goal_emb': goal,
        'predicted_emb': older,
        'cost': _cost(older, goal),
        'predicted_emb_single_frame': single,
        'cost_single_frame': _cost(single, goal),
        'head_predicted_emb': _unrolled(
            model, context, case.inputs['action_history'][:, None], candidates
        ),
    }


def _with_leading_actions(model: TokenWorldModel, context: Latent, candidates: Tensor) -> Tensor:
    known = context.tokens.shape[1] - 1
    return _unrolled(model, context, candidates[:, :, :known], candidates[:, :, known:])


def _unrolled(
    model: TokenWorldModel, context: Latent, past_actions: Tensor, actions: Tensor
) -> Tensor:
    """Return context and predictions `(B, S, W + H, D)`; past actions may differ by candidate."""
    candidates = actions.shape[1]
    seen = context.tokens.repeat_interleave(candidates, 0)
    past = past_actions.expand(-1, candidates, -1, -1).flatten(0, 1)
    future = model.rollout(Latent(seen), past, actions.flatten(0, 1)[:, None]).tokens[:, 0]
    return torch.cat([seen, future], 1)[:, :, 0].unflatten(0, (-1, candidates))


def _cost(predicted: Tensor, goal: Tensor) -> Tensor:
    """Return the squared distance of the last step, summed over the embedding."""
    return (predicted[:, :, -1] - goal).square().sum(-1)
