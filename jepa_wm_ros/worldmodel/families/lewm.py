"""LeWorldModel: encoder and predictor trained together from pixels (arXiv 2603.19312)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from jepa_wm_ros.worldmodel.encoders.conv import ConvEncoder, ConvEncoderSettings
from jepa_wm_ros.worldmodel.families.token_model import TokenWorldModel, build_token_model
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.adaln_mlp import AdaLnMlp, AdaLnMlpSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract

LAYOUTS = ('small', 'official')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutSettings:
    """A linear estimate of the robot's own state from the embedding.

    It is trained on the robot's proprioception, which costs no label. Because it sees nothing but
    the embedding, it also says where the arm is in a goal picture.

    Attributes:
        fields: Names of the numbers; empty for none.
        mean: Mean of each field, physical units.
        std: Scale of each field, physical units.
    """

    fields: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that each field has its normalisation."""
        if not len(self.fields) == len(self.mean) == len(self.std):
            raise ValueError('readout fields, mean and std must have as many entries each')
        if any(s <= 0 for s in self.std):
            raise ValueError(f'readout std must be positive, got {self.std}')


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallArchitecture:
    """The small layout, which trains on a CPU: a conv encoder and an AdaLN MLP."""

    layout: str
    encoder: ConvEncoderSettings = field(default_factory=ConvEncoderSettings)
    predictor: AdaLnMlpSettings = field(default_factory=AdaLnMlpSettings)
    readout: ReadoutSettings = field(default_factory=ReadoutSettings)

    def __post_init__(self) -> None:
        """Refuse layouts that are not this one."""
        if self.layout != 'small':
            raise ValueError(f'layout must be one of small, got {self.layout!r}')


class LeWorldModel(nn.Module):
    """One token a frame; no teacher, no stop-gradient, no reconstruction."""

    def __init__(self, contract: Contract, architecture: SmallArchitecture) -> None:
        """Build with random weights."""
        super().__init__()
        self._contract = contract
        self.encoder = ConvEncoder(architecture.encoder)
        self.predictor = AdaLnMlp(
            architecture.encoder.embed_dim, contract.action.dim, architecture.predictor
        )
        self.readout_settings = architecture.readout
        fields = len(architecture.readout.fields)
        self.readout = nn.Linear(architecture.encoder.embed_dim, fields) if fields else None
        self.register_buffer(
            'action_mean',
            torch.tensor(contract.action.tiled(contract.action.mean)),
            persistent=False,
        )
        self.register_buffer(
            'action_std',
            torch.tensor(contract.action.tiled(contract.action.std)),
            persistent=False,
        )

    @classmethod
    def from_contract(cls, contract: Contract, source: Path | str) -> LeWorldModel:
        """Build what the contract's architecture says, with random weights."""
        mapping: dict[str, Any] = contract.architecture
        return cls(contract, read(SmallArchitecture, mapping, source, 'architecture'))

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        return self._contract

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode `(B, T, 3, h, w)` to tokens `(B, T, 1, D)`.

        Measured proprioception is not used; the latent's `proprio` is the readout's estimate.
        """
        batch, frames = images.shape[:2]
        embedding = self.encoder(images.flatten(0, 1))
        return self._latent(embedding.view(batch, frames, 1, -1))

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict `(B, S, H, 1, D)` for candidates `(B, S, H, A)`; see `WorldModel.rollout`.

        A frame of this model holds all that its predictor needs, so only the newest frame of the
        context is used.
        """
        batch, samples, horizon, fields = actions.shape
        z = context.tokens[:, -1, 0].repeat_interleave(samples, 0)
        mean, std = cast('Tensor', self.action_mean), cast('Tensor', self.action_std)
        normalised = ((actions - mean) / std).view(batch * samples, horizon, fields)
        modulation = self.predictor.condition(normalised)
        frames = []
        for h in range(horizon):
            z = self.predictor.step(z, modulation[:, h])
            frames.append(z)
        return self._latent(torch.stack(frames, 1).view(batch, samples, horizon, 1, -1))

    def _latent(self, tokens: Tensor) -> Latent:
        return Latent(tokens, None if self.readout is None else self.readout(tokens[..., 0, :]))


def build(contract: Contract, source: Path | str) -> LeWorldModel | TokenWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong.
    """
    layout = contract.architecture.get('layout')
    if layout == 'official':
        return build_token_model(contract, source)
    if layout not in LAYOUTS:
        raise SchemaError(
            f'{source}: architecture.layout must be one of {", ".join(LAYOUTS)}, got {layout!r}'
        )
    return LeWorldModel.from_contract(contract, source)
