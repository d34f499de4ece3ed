"""World models of patch tokens: an encoder, a `FramePredictor`, and the rules between them.

JEPA-WM, DINO-WM and V-JEPA 2-AC differ in their settings only; each has a file with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.contract import ACTION_FIELDS
from jepa_wm_ros.worldmodel.families.inputs import Normaliser, check_rollout
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.pose_integration import integrate
from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.rollout import AnyRollout, Rollout, candidates_within
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jepa_wm_ros.worldmodel.contract import Contract

MEMORY_BYTES = 2**31
"""What the tokens of candidates may take at once; more candidates are predicted in groups."""

PROPRIO_REPORTS = ('patches', 'first')


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameArchitecture:
    """The architecture section of a bundle of these families.

    Attributes:
        encoder: Read by the encoders' own settings.
        predictor: The predictor's settings.
        window: Most frames that the predictor sees at once in planning.
        normalise: Whether predicted latents are normalised to mean 0 and variance 1 per token, as
            those of the encoder are.
        proprio_report: What a latent tells of a state that is a feature of every patch: the
            features of all `patches`, or of the `first`.
    """

    encoder: dict[str, Any]
    predictor: PredictorSettings = field(default_factory=PredictorSettings)
    window: int = 2
    normalise: bool = False
    proprio_report: str = 'patches'

    def __post_init__(self) -> None:
        """Check the choices against each other."""
        one_of('proprio_report', self.proprio_report, PROPRIO_REPORTS)
        require(
            1 <= self.window <= self.predictor.frames,
            f'window must be 1 to {self.predictor.frames} (predictor.frames), got {self.window}',
        )


def read_architecture(
    contract: Contract, source: Path | str, defaults: Mapping[str, Any]
) -> FrameArchitecture:
    """Read a contract's architecture, with a family's defaults below it.

    Raises:
        SchemaError: A key is unknown, missing or wrong, or does not fit the rest of the contract.
    """
    mapping = {**defaults, **contract.architecture}
    given = contract.architecture.get('predictor', {})
    if isinstance(given, dict):
        mapping['predictor'] = {**defaults.get('predictor', {}), **given}
    architecture = read(FrameArchitecture, mapping, source, 'architecture')
    has, wants = bool(contract.proprio.fields), architecture.predictor.proprio != 'none'
    if has is not wants:
        raise SchemaError(
            f'{source}: architecture.predictor.proprio is {architecture.predictor.proprio}, but '
            f'proprio.fields has {len(contract.proprio.fields)} entries'
        )
    if architecture.predictor.proprio == 'token' and not contract.action.is_cartesian:
        raise SchemaError(
            f'{source}: architecture.predictor.proprio token needs the action fields '
            f'{", ".join(ACTION_FIELDS)}: such a state is integrated, not predicted'
        )
    return architecture


def build_frame_model(
    contract: Contract,
    source: Path | str,
    defaults: Mapping[str, Any],
    kind: type[FrameWorldModel] | None = None,
) -> FrameWorldModel:
    """Build a model of one of these families with random weights.

    Args:
        contract: What to build.
        source: The file that the contract came from, for the messages.
        defaults: The family's architecture, which the contract's own keys change.
        kind: The class of a family that has rules of its own.

    Raises:
        SchemaError: The architecture is wrong or does not fit the rest of the contract.
    """
    from jepa_wm_ros.worldmodel.encoders import encoder_from, token_grid

    architecture = read_architecture(contract, source, defaults)
    encoder = encoder_from(architecture.encoder, source)
    shape = FrameShape(
        latent_dim=encoder.dim,
        grid=token_grid(encoder, contract.camera, source),
        action_dim=contract.action.dim,
        proprio_dim=len(contract.proprio.fields),
    )
    try:
        predictor = FramePredictor(architecture.predictor, shape)
    except ValueError as error:
        raise SchemaError(f'{source}: architecture.predictor: {error}') from error
    return (kind or FrameWorldModel)(contract, architecture, encoder, predictor)


class FrameWorldModel(nn.Module):
    """An encoder and a predictor of frames, as a `WorldModel`.

    The robot's state is predicted where it is a feature of the patches; where it is a token, it
    is integrated from the actions.
    """

    def __init__(
        self,
        contract: Contract,
        architecture: FrameArchitecture,
        encoder: nn.Module,
        predictor: FramePredictor,
    ) -> None:
        """Put the parts together; see `build_frame_model`."""
        super().__init__()
        action, proprio = contract.action, contract.proprio
        self._contract, self.architecture = contract, architecture
        self.encoder, self.predictor = encoder, predictor
        self.normalise_action = Normaliser(action.tiled(action.mean), action.tiled(action.std))
        self.normalise_proprio = Normaliser(proprio.mean, proprio.std)
        self.candidates_at_once = candidates_within(
            MEMORY_BYTES, predictor.core.settings, architecture.window
        )
        self.rollouts: type[AnyRollout] = Rollout

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        return self._contract

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode frames; see `WorldModel.encode`.

        The latent's `proprio` is the state as the predictor takes it: embedded where it is a
        feature of the patches, normalised where it is a token.
        """
        return self.encode_given(self.encoder(images), proprio)

    def encode_given(self, tokens: Tensor, proprio: Tensor | None = None) -> Latent:
        """Return the latent of frames whose tokens `(B, T, N, D)` are there already."""
        if proprio is None or self.predictor.settings.proprio == 'none':
            return Latent(tokens)
        return Latent(tokens, self._report(self.embed(proprio)))

    def embed(self, proprio: Tensor) -> Tensor:
        """Return states `(B, T, P)` in physical units as `Frames.proprio`."""
        normalised: Tensor = self.normalise_proprio(proprio)
        if self.predictor.settings.proprio == 'token':
            return normalised
        return self.predictor.conditioning.embed_proprio(normalised)

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict `(B, S, H, N, D)` for candidates `(B, S, H, A)`; see `WorldModel.rollout`.

        Candidates are independent; they are predicted in groups of `candidates_at_once`, which
        bounds the memory and changes no number.

        Raises:
            RolloutError: Shapes do not fit, or the model needs a state that the context lacks.
        """
        needs_state = self.predictor.settings.proprio != 'none'
        check_rollout(context, past_actions, actions, needs_state)
        rollout = self.rollouts(
            self.predictor,
            Frames(context.tokens, self._features(context)),
            self.normalise_action(past_actions),
            self.architecture.window,
        )
        groups = [
            self._predict(rollout, group) for group in actions.split(self.candidates_at_once, 1)
        ]
        proprios = [group.proprio for group in groups if group.proprio is not None]
        return Latent(
            torch.cat([group.tokens for group in groups], 1),
            torch.cat(proprios, 1) if proprios else None,
        )

    def complete(self, last: Frames, following: Frames, action: Tensor) -> Frames:
        """Return a predicted frame as the next prediction takes it.

        Args:
            last: `(B, 1, ...)` the frame before.
            following: `(B, 1, ...)` what was predicted.
            action: `(B, A)` between them, physical units.
        """
        latent, proprio = following.latent, following.proprio
        if self.architecture.normalise:
            latent = nn.functional.layer_norm(latent, latent.shape[-1:])
        if last.proprio is not None and self.predictor.settings.proprio == 'token':
            state = self.normalise_proprio.undo(last.proprio)
            proprio = self.normalise_proprio(integrate(state, action[:, None]))
        return Frames(latent, proprio)

    def _predict(self, rollout: AnyRollout, actions: Tensor) -> Latent:
        flat = actions.flatten(0, 1)
        frames = rollout.predict(
            self.normalise_action(actions),
            lambda last, following, h: self.complete(last, following, flat[:, h]),
        )
        latent = Latent(
            frames.latent, None if frames.proprio is None else self._report(frames.proprio)
        )
        return latent.map(lambda part: part.unflatten(0, actions.shape[:2]))

    def _report(self, proprio: Tensor) -> Tensor:
        if self.predictor.settings.proprio == 'token':
            return proprio
        first = self.architecture.proprio_report == 'first'
        return proprio[..., 0, :] if first else proprio.flatten(-2)

    def _features(self, context: Latent) -> Tensor | None:
        proprio, settings = context.proprio, self.predictor.settings
        if proprio is None or settings.proprio != 'feature':
            return proprio
        return proprio.unflatten(-1, (-1, settings.proprio_dim)).expand(
            -1, -1, context.tokens.shape[2], -1
        )
