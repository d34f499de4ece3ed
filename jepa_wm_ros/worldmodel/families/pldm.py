"""PLDM (arXiv 2502.14819): planning with latent dynamics, kept from collapse by VICReg terms.

Two layouts: `official` is that of stable-worldmodel, laid out as LeWorldModel; `recurrent` is the
authors' kind: a convolutional encoder, and a recurrent network or an MLP that unrolls a plan from
the newest frame alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import one_of
from jepa_wm_ros.worldmodel.encoders.conv import ConvEncoder, ConvEncoderSettings
from jepa_wm_ros.worldmodel.encoders.impala import ImpalaEncoder, ImpalaSettings
from jepa_wm_ros.worldmodel.families.inputs import Normaliser, check_rollout
from jepa_wm_ros.worldmodel.families.token_model import TokenWorldModel, build_token_model
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.adaln_mlp import AdaLnMlpSettings
from jepa_wm_ros.worldmodel.predictors.recurrent import (
    GruPredictor,
    GruSettings,
    MlpPredictor,
    StepPredictor,
)
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract

LAYOUTS = ('official', 'recurrent')
ENCODERS = ('impala', 'conv')
PREDICTORS = ('gru', 'mlp')


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentArchitecture:
    """The recurrent layout; of each pair the kind says which settings count.

    Attributes:
        layout: `recurrent`.
        encoder: `impala` or `conv`.
        impala: Shape of the residual encoder.
        conv: Shape of the plain one.
        predictor: `gru` or `mlp`.
        gru: Shape of the recurrent network.
        mlp: Shape of the MLP.
    """

    layout: str = 'recurrent'
    encoder: str = 'impala'
    impala: ImpalaSettings = field(default_factory=ImpalaSettings)
    conv: ConvEncoderSettings = field(default_factory=ConvEncoderSettings)
    predictor: str = 'gru'
    gru: GruSettings = field(default_factory=GruSettings)
    mlp: AdaLnMlpSettings = field(default_factory=AdaLnMlpSettings)

    def __post_init__(self) -> None:
        """Check the choices."""
        one_of('layout', self.layout, ('recurrent',))
        one_of('encoder', self.encoder, ENCODERS)
        one_of('predictor', self.predictor, PREDICTORS)

    @property
    def image_size(self) -> int:
        """Side of the encoder's input [px]."""
        return (self.impala if self.encoder == 'impala' else self.conv).image_size

    @property
    def embed_dim(self) -> int:
        """Numbers in an embedding."""
        return (self.impala if self.encoder == 'impala' else self.conv).embed_dim

    def build_encoder(self) -> nn.Module:
        """Return the encoder, `(B, 3, h, w)` -> `(B, D)`."""
        if self.encoder == 'impala':
            return ImpalaEncoder(self.impala)
        return ConvEncoder(self.conv)

    def build_predictor(self, action_dim: int) -> nn.Module:
        """Return the predictor, a `StepPredictor`."""
        dim = self.embed_dim
        if self.predictor == 'gru':
            return GruPredictor(dim, action_dim, self.gru)
        return MlpPredictor(dim, action_dim, self.mlp)


class RecurrentWorldModel(nn.Module):
    """An encoder and a predictor that carries a state, as a `WorldModel`."""

    def __init__(self, contract: Contract, architecture: RecurrentArchitecture) -> None:
        """Build with random weights."""
        super().__init__()
        action = contract.action
        self._contract, self.embed_dim = contract, architecture.embed_dim
        self.encoder = architecture.build_encoder()
        self.predictor = architecture.build_predictor(action.dim)
        self.normalise_action = Normaliser(action.tiled(action.mean), action.tiled(action.std))

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        return self._contract

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode `(B, T, 3, h, w)` to tokens `(B, T, 1, D)`; proprioception is not used."""
        embedding: Tensor = self.encoder(images.flatten(0, 1))
        return Latent(embedding.unflatten(0, images.shape[:2])[:, :, None])

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict `(B, S, H, 1, D)` for candidates `(B, S, H, A)`; see `WorldModel.rollout`.

        The state starts with the newest frame; earlier ones are not used.

        Raises:
            RolloutError: Shapes do not fit.
        """
        check_rollout(context, past_actions, actions, needs_state=False)
        predictor = cast('StepPredictor', self.predictor)
        batch, samples, horizon, _ = actions.shape
        conditions = predictor.condition(self.normalise_action(actions).flatten(0, 1))
        state = predictor.begin(context.tokens[:, -1, 0].repeat_interleave(samples, 0))
        frames = []
        for h in range(horizon):
            state = predictor.step(state, conditions[:, h])
            frames.append(predictor.read(state))
        tokens = torch.stack(frames, 1).unflatten(0, (batch, samples))
        return Latent(tokens[:, :, :, None])


def build(contract: Contract, source: Path | str) -> TokenWorldModel | RecurrentWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong or does not fit the camera.
    """
    mapping: dict[str, Any] = contract.architecture
    layout = mapping.get('layout', 'official')
    if layout == 'official':
        return build_token_model(contract, source)
    if layout not in LAYOUTS:
        raise SchemaError(
            f'{source}: architecture.layout must be one of {", ".join(LAYOUTS)}, got {layout!r}'
        )
    architecture = read(RecurrentArchitecture, mapping, source, 'architecture')
    camera, size = contract.camera, architecture.image_size
    if (camera.width, camera.height) != (size, size):
        raise SchemaError(
            f'{source}: architecture takes pictures of {size}x{size} px, but camera gives '
            f'{camera.width}x{camera.height}'
        )
    return RecurrentWorldModel(contract, architecture)
