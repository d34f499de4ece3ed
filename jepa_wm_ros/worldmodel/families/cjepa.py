"""Causal-JEPA: objects as slots, predicted as what a masked transformer cannot see.

Reference: arXiv 2602.11389. A frame is [slots, state token, action token]; the action token is
that of the action which leaves the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from jepa_wm_ros.worldmodel.assignment import match, reorder, squared_distances
from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.encoders import encoder_from, token_grid
from jepa_wm_ros.worldmodel.encoders.mask_pooling import MaskPoolEncoder, MaskPoolSettings
from jepa_wm_ros.worldmodel.encoders.slot_attention import SlotEncoder, SlotEncoderSettings
from jepa_wm_ros.worldmodel.families.inputs import Normaliser, check_rollout
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.predictors.slots import SlotPredictor, SlotPredictorSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, read
from jepa_wm_ros.worldmodel.slot_providers import GivenSlots, SlotsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract

ENCODERS = ('given', 'mask_pooling', 'slot_attention')


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotArchitecture:
    """The architecture section of a bundle of this family.

    Attributes:
        slots: Object slots of a frame.
        slot_dim: Numbers in a slot.
        encoder: `kind: given` (the default) for slots from elsewhere, `kind: slot_attention`
            with the settings of `SlotEncoderSettings`, or `kind: mask_pooling` with those of
            `MaskPoolSettings`.
        predictor: The predictor's settings.
    """

    slots: int = 4
    slot_dim: int = 128
    encoder: dict[str, Any] = field(default_factory=dict)
    predictor: SlotPredictorSettings = field(default_factory=SlotPredictorSettings)

    def __post_init__(self) -> None:
        """Refuse empty frames."""
        one_of('encoder.kind', self.encoder.get('kind', 'given'), ENCODERS)
        require(self.slots >= 1, f'slots must be at least 1, got {self.slots}')
        require(self.slot_dim >= 1, f'slot_dim must be at least 1, got {self.slot_dim}')


class SlotWorldModel(nn.Module):
    """Slots and tokens of state and action, and a predictor between them, as a `WorldModel`.

    Predicted slots keep the order of the frame before them: each is matched to the nearest.
    """

    def __init__(
        self, contract: Contract, architecture: SlotArchitecture, encoder: nn.Module | None = None
    ) -> None:
        """Build with random weights.

        Args:
            contract: What the model promises.
            architecture: Sizes.
            encoder: A `SlotProvider`; None for slots that are given.
        """
        super().__init__()
        action, proprio, dim = contract.action, contract.proprio, architecture.slot_dim
        self._contract, self.architecture = contract, architecture
        self.encoder = encoder or GivenSlots(architecture.slots, dim)
        self.action = nn.Linear(action.dim, dim)
        self.proprio = nn.Linear(len(proprio.fields), dim) if proprio.fields else None
        entities = architecture.slots + 1 + (self.proprio is not None)
        self.predictor = SlotPredictor(architecture.predictor, dim, entities)
        self.normalise_action = Normaliser(action.tiled(action.mean), action.tiled(action.std))
        self.normalise_proprio = Normaliser(proprio.mean, proprio.std)

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        return self._contract

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode frames `(B, T, 3, h, w)` to slots; see `WorldModel.encode`.

        Raises:
            SlotsError: The bundle has no slot provider.
        """
        return self.encode_given(self.encoder(images), proprio)

    def encode_given(self, slots: Tensor, proprio: Tensor | None = None) -> Latent:
        """Return the latent of slots `(B, T, N, D)` and states `(B, T, P)` in physical units.

        Raises:
            SlotsError: There are not as many slots, or not as wide, as the model expects.
        """
        wanted = (self.architecture.slots, self.architecture.slot_dim)
        if tuple(slots.shape[-2:]) != wanted:
            raise SlotsError(
                f'expected slots (B, T, {wanted[0]}, {wanted[1]}), got {tuple(slots.shape)}'
            )
        if proprio is None or self.proprio is None:
            return Latent(slots)
        return Latent(slots, self.proprio(self.normalise_proprio(proprio)))

    def entities(self, latent: Latent, actions: Tensor) -> Tensor:
        """Return frames `(B, T, E, D)` of slots, state token and action token.

        Args:
            latent: `(B, T, ...)`.
            actions: `(B, T, A)` physical units: the action that leaves each frame.
        """
        return self._together(latent, self.action(self.normalise_action(actions)))

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict `(B, S, H, N, D)` for candidates `(B, S, H, A)`; see `WorldModel.rollout`.

        The slots of the observed frames may come in any order; predicted ones are in that of the
        newest.

        Raises:
            RolloutError: Shapes do not fit, or the model needs a state that the context lacks.
        """
        check_rollout(context, past_actions, actions, needs_state=self.proprio is not None)
        ordered = Latent(aligned(context.tokens), context.proprio)
        return self.split(self.unroll(ordered, past_actions, actions))

    def unroll(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Tensor:
        """Return predicted frames `(B, S, H, E, D)` with all their entities.

        Arguments are those of `rollout`. The action token of every frame but the last is that of
        the candidate's action; of the last, it is what was predicted.
        """
        candidates, horizon = actions.shape[1:3]
        seen = context.map(lambda part: part.repeat_interleave(candidates, 0))
        past = self.action(self.normalise_action(past_actions)).repeat_interleave(candidates, 0)
        future = self.action(self.normalise_action(actions)).flatten(0, 1)
        frames = self._together(seen, torch.cat([past, future[:, :1]], 1))
        observed, history = frames.shape[1], self.architecture.predictor.history
        for h in range(horizon):
            following = self.predictor.predict(frames[:, -history:])[:, :1]
            following = self._in_order(following, frames[:, -1:])
            if h + 1 < horizon:
                taken = future[:, None, h + 1 : h + 2]
                following = torch.cat([following[:, :, :-1], taken.transpose(1, 2)], 2)
            frames = torch.cat([frames, following], 1)
        return frames[:, observed:].unflatten(0, (-1, candidates))

    def split(self, entities: Tensor) -> Latent:
        """Return slots and state tokens of `(..., E, D)`."""
        slots = self.architecture.slots
        state = None if self.proprio is None else entities[..., slots, :]
        return Latent(entities[..., :slots, :], state)

    def _together(self, latent: Latent, action: Tensor) -> Tensor:
        parts = [latent.tokens]
        if latent.proprio is not None:
            parts.append(latent.proprio[:, :, None])
        return torch.cat([*parts, action[:, :, None]], 2)

    def _in_order(self, frames: Tensor, before: Tensor) -> Tensor:
        """Return frames whose slots are in the order of the frame before."""
        slots = self.architecture.slots
        return in_order_of(frames, before[..., :slots, :])


def in_order_of(entities: Tensor, slots: Tensor) -> Tensor:
    """Reorder the object slots of frames so that their first frame matches given slots.

    Args:
        entities: `(B, T, E, D)`; the first N entities are slots, the others stay.
        slots: `(B, 1, N, D)`.

    Returns:
        `(B, T, E, D)`: all frames in the order that is cheapest for the first.
    """
    count = slots.shape[-2]
    objects, others = entities[:, :, :count], entities[:, :, count:]
    order = match(squared_distances(slots, objects[:, :1]))
    ordered = reorder(objects, order.expand(-1, objects.shape[1], -1))
    return torch.cat([ordered, others], 2)


def aligned(slots: Tensor) -> Tensor:
    """Return slots `(B, T, N, D)` in the order of the newest frame, each matched to the next."""
    frames = [slots[:, -1:]]
    for t in range(slots.shape[1] - 2, -1, -1):
        frames.insert(0, in_order_of(slots[:, t : t + 1], frames[0]))
    return torch.cat(frames, 1)


def build(contract: Contract, source: Path | str) -> SlotWorldModel:
    """Build the model that a contract describes, with random weights.

    Raises:
        SchemaError: The architecture is wrong.
    """
    architecture = read(SlotArchitecture, contract.architecture, source, 'architecture')
    try:
        return SlotWorldModel(contract, architecture, _provider(contract, architecture, source))
    except ValueError as error:
        raise SchemaError(f'{source}: architecture: {error}') from error


def _provider(
    contract: Contract, architecture: SlotArchitecture, source: Path | str
) -> nn.Module | None:
    """Return the slot provider of a contract; None for slots that are given."""
    mapping = dict(architecture.encoder)
    kind, key = mapping.pop('kind', 'given'), 'architecture.encoder'
    if kind == 'given':
        if mapping:
            raise ValueError(f'encoder of kind given takes no settings, got {sorted(mapping)}')
        return None
    settings: SlotEncoderSettings | MaskPoolSettings
    if kind == 'slot_attention':
        settings = read(SlotEncoderSettings, mapping, source, key)
    else:
        settings = read(MaskPoolSettings, mapping, source, key)
    features = encoder_from(settings.features, source, f'{key}.features')
    grid = token_grid(features, contract.camera, source)
    require(
        grid[0] * grid[1] > 1, 'encoder.features must give a token for each patch, not one a frame'
    )
    sizes = architecture.slots, architecture.slot_dim
    if isinstance(settings, MaskPoolSettings):
        return MaskPoolEncoder(features, features.dim, grid, *sizes)
    return SlotEncoder(features, features.dim, *sizes, settings)
