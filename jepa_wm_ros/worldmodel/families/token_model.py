"""World models with one token a frame: encoder, projector, and an AdaLN-zero transformer.

LeWorldModel in its official layout, and PLDM as stable-worldmodel trains it, differ only in the
losses that made their weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.families.inputs import Normaliser, RolloutError, check_rollout
from jepa_wm_ros.worldmodel.families.token_parts import ActionEmbedder, Outward, Projector
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.rollout import Rollout
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract

PREDICTOR = {
    'depth': 6,
    'heads': 16,
    'head_dim': 64,
    'mlp_dim': 2048,
    'conditioning': 'adaln_zero',
    'frames': 3,
    'positions': 'learned',
    'norm_eps': 1e-5,
    'qkv_bias': False,
    'dropout': 0.1,
}
"""The published predictor; a contract's own keys change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenArchitecture:
    """The architecture section of a bundle with one token a frame.

    Attributes:
        layout: `official`.
        encoder: Read by the encoders' own settings; its frame must be one token.
        predictor: The predictor's settings.
        embed_dim: Numbers in an embedding.
        projector_dim: Width of the hidden layer of both projectors.
        smoothed: Numbers to which an action is brought first.
        window: Most frames that the predictor sees at once.
    """

    layout: str = 'official'
    encoder: dict[str, Any] = field(default_factory=lambda: {'name': 'lewm_vit_tiny'})
    predictor: PredictorSettings = field(default_factory=PredictorSettings)
    embed_dim: int = 192
    projector_dim: int = 2048
    smoothed: int = 10
    window: int = 3

    def __post_init__(self) -> None:
        """Check the choices against each other."""
        one_of('layout', self.layout, ('official',))
        for name in ('embed_dim', 'projector_dim', 'smoothed'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')
        one_of('predictor.conditioning', self.predictor.conditioning, ('adaln_zero', 'adaln'))
        one_of('predictor.proprio', self.predictor.proprio, ('none',))
        require(
            1 <= self.window <= self.predictor.frames,
            f'window must be 1 to {self.predictor.frames} (predictor.frames), got {self.window}',
        )


def build_token_model(contract: Contract, source: Path | str) -> TokenWorldModel:
    """Build a model with one token a frame, with random weights.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.

    Raises:
        SchemaError: The architecture is wrong or does not fit the rest of the contract.
    """
    from jepa_wm_ros.worldmodel.encoders import encoder_from, token_grid

    mapping = dict(contract.architecture)
    given = mapping.get('predictor', {})
    mapping['predictor'] = {**PREDICTOR, **given} if isinstance(given, dict) else given
    architecture = read(TokenArchitecture, mapping, source, 'architecture')
    encoder = encoder_from(architecture.encoder, source)
    if token_grid(encoder, contract.camera, source) != (1, 1):
        raise SchemaError(
            f'{source}: architecture.encoder must give one token a frame: tokens: cls'
        )
    try:
        return TokenWorldModel(contract, architecture, encoder, encoder.dim)
    except ValueError as error:
        raise SchemaError(f'{source}: architecture.predictor: {error}') from error


class TokenWorldModel(nn.Module):
    """An encoder and a predictor of embeddings, as a `WorldModel`."""

    def __init__(
        self,
        contract: Contract,
        architecture: TokenArchitecture,
        encoder: nn.Module,
        encoder_dim: int,
    ) -> None:
        """Put the parts together; see `build_token_model`.

        Args:
            contract: What the model promises.
            architecture: Sizes of all but the encoder.
            encoder: Maps `(B, T, 3, h, w)` to `(B, T, 1, encoder_dim)`.
            encoder_dim: Numbers in its token.
        """
        super().__init__()
        self._contract, self.architecture = contract, architecture
        dim, hidden, action = architecture.embed_dim, architecture.projector_dim, contract.action
        width = architecture.predictor.width or dim
        self.encoder = encoder
        self.projector = Projector(encoder_dim, hidden, dim)
        self.predictor = FramePredictor(
            architecture.predictor,
            FrameShape(latent_dim=dim, grid=(1, 1), action_dim=action.dim),
            action=ActionEmbedder(action.dim, architecture.smoothed, dim, width),
            outward=Outward(width, dim, hidden),
        )
        self.normalise_action = Normaliser(action.tiled(action.mean), action.tiled(action.std))
        self.rollouts = Rollout

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        return self._contract

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode `(B, T, 3, h, w)` to tokens `(B, T, 1, D)`; proprioception is not used."""
        return Latent(self.projector(self.encoder(images)))

    def predict(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict frame t + 1 from the frames up to t, for every t of a clip, as in training.

        Args:
            latent: `(B, T, 1, D)`.
            actions: `(B, T, A)` physical units: the action that leaves each frame.
        """
        return Latent(self.predictor(Frames(latent.tokens), self.normalise_action(actions)).latent)

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict `(B, S, H, 1, D)` for candidates `(B, S, H, A)`; see `WorldModel.rollout`.

        Raises:
            RolloutError: Shapes do not fit, or the model is in train mode: its BatchNorm would
                make each candidate depend on the others.
        """
        check_rollout(context, past_actions, actions, needs_state=False)
        if self.training:
            raise RolloutError(
                'the model is in train mode, in which candidates would change each other through '
                'BatchNorm: call eval() before planning'
            )
        rollout = self.rollouts(
            self.predictor,
            Frames(context.tokens),
            self.normalise_action(past_actions),
            self.architecture.window,
        )
        predicted = rollout.predict(self.normalise_action(actions)).latent
        tokens: Tensor = torch.unflatten(predicted, 0, actions.shape[:2])
        return Latent(tokens)
