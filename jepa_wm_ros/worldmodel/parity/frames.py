"""What the recorded cases of patch-token models have in common: layouts, weights, rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.contract import (
    ACTION_FIELDS,
    ACTION_UNITS,
    ActionContract,
    CameraContract,
    Contract,
    ProprioContract,
)
from jepa_wm_ros.worldmodel.families.frame_model import FrameArchitecture, FrameWorldModel
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.parity import Case
    from jepa_wm_ros.worldmodel.predictors.settings import PredictorSettings
    from jepa_wm_ros.worldmodel.published.ledger import KeyMap


def frame_model(
    case: Case, settings: PredictorSettings, keys: KeyMap, *, normalise: bool = False
) -> FrameWorldModel:
    """Build the world model of a case around its weights; its latents are given, not encoded."""
    z = case.inputs['z']
    states = case.inputs['proprio'].shape[-1] if settings.proprio != 'none' else 0
    shape = FrameShape(
        latent_dim=z.shape[-1],
        grid=(z.shape[-3], z.shape[-2]),
        action_dim=case.inputs['actions'].shape[-1],
        proprio_dim=states,
    )
    predictor = FramePredictor(settings, shape)
    load_predictor(predictor, case, keys)
    architecture = FrameArchitecture(
        encoder={},
        predictor=settings,
        window=min(case.config['ctxt_window'], settings.frames),
        normalise=normalise,
    )
    contract = plain_contract(shape.action_dim, states)
    return FrameWorldModel(contract, architecture, nn.Identity(), predictor).eval()


def load_predictor(predictor: FramePredictor, case: Case, keys: KeyMap) -> None:
    """Give a predictor the weights of a case, every key accounted for."""
    state = {name.replace('/', '.'): value for name, value in case.weights.items()}
    wanted = {f'predictor.{name}': value.shape for name, value in predictor.state_dict().items()}
    converted = keys.convert(state, wanted, case.name)
    predictor.load_state_dict(
        {name.removeprefix('predictor.'): value for name, value in converted.items()}
    )


def plain_contract(action_dim: int, proprio_dim: int) -> Contract:
    """Return a contract whose normalisation changes nothing."""
    cartesian = action_dim == len(ACTION_FIELDS)
    fields = ACTION_FIELDS if cartesian else tuple(f'a{i}' for i in range(action_dim))
    return Contract(
        format_version=1,
        name='case',
        family='jepa_wm',
        licence='none',
        origin='a recorded case',
        architecture={},
        camera=CameraContract(width=1, height=1),
        proprio=ProprioContract(
            fields=tuple(f'p{i}' for i in range(proprio_dim)),
            mean=(0.0,) * proprio_dim,
            std=(1.0,) * proprio_dim,
        ),
        action=ActionContract(
            fields=fields,
            units=ACTION_UNITS if cartesian else ('1',) * action_dim,
            lower=(-1.0,) * action_dim,
            upper=(1.0,) * action_dim,
            mean=(0.0,) * action_dim,
            std=(1.0,) * action_dim,
            step_duration_s=1.0,
        ),
        planning=PlanningSettings(initial_std=(1.0,) * action_dim),
    )


def patches(z: Tensor) -> Tensor:
    """Return `[B, T, 1, rows, columns, E]` as `(B, T, N, E)`."""
    return z.flatten(2, 4)


def grid_layout(tokens: Tensor, like: Tensor) -> Tensor:
    """Return `(..., N, E)` as `[..., 1, rows, columns, E]`, the grid of `like`."""
    return tokens.unflatten(-2, like.shape[-4:-1])


@torch.no_grad()
def forward_outputs(case: Case, model: FrameWorldModel) -> dict[str, Tensor]:
    """Return predictions for the last T frames, for every T of the case."""
    z, outputs = case.inputs['z'], {}
    feature = model.predictor.settings.proprio == 'feature'
    state = model.embed(case.inputs['proprio']) if 'proprio' in case.inputs else None
    for count in case.config['T_list']:
        frames = Frames(patches(z), state).map(lambda part, t=count: part[:, -t:])  # type: ignore[misc]
        actions = case.inputs['actions'][:, -count:]
        raw = model.predictor(frames, actions)
        if model.architecture.normalise:
            outputs[f'pred_raw_T{count}'] = raw.latent.flatten(1, 2)
            raw = Frames(nn.functional.layer_norm(raw.latent, raw.latent.shape[-1:]))
        outputs[f'pred_T{count}'] = grid_layout(raw.latent, z)
        if feature:
            outputs[f'pred_proprio_T{count}'] = raw.proprio
    if feature:
        assert state is not None
        outputs['proprio_encoded'] = state
    return outputs


@torch.no_grad()
def rollout_outputs(case: Case, model: FrameWorldModel) -> dict[str, Tensor]:
    """Return the planning unroll: the context frame, then the frame after each action."""
    z, actions = case.inputs['unroll_z_ctxt'], case.inputs['unroll_actions']
    settings = model.predictor.settings
    state = case.inputs.get('unroll_proprio_ctxt') if settings.proprio != 'none' else None
    start = model.encode_given(patches(z), state)
    past = actions.new_zeros(1, z.shape[1] - 1, actions.shape[-1])
    future = model.rollout(start, past, actions.transpose(0, 1)[None])
    unrolled = [
        torch.cat((_repeated(begin, actions.shape[1]), after[0]), 1).transpose(0, 1)
        for begin, after in zip(_parts(start), _parts(future), strict=True)
    ]
    outputs = {'unroll': grid_layout(unrolled[0], z)}
    if len(unrolled) > 1:
        proprio = unrolled[1]
        if settings.proprio == 'feature':
            proprio = proprio.unflatten(-1, (-1, settings.proprio_dim))
        outputs['unroll_proprio'] = proprio
    return outputs


def _parts(latent: Latent) -> list[Tensor]:
    return [part for part in (latent.tokens, latent.proprio) if part is not None]


def _repeated(context: Tensor, candidates: int) -> Tensor:
    """Return the newest frame of `(1, W, ...)` once for each candidate, `(S, 1, ...)`."""
    return context[:, -1:].expand(candidates, *context[:, -1:].shape[1:])
