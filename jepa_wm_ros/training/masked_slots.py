"""Losses of Causal-JEPA: hidden objects of the past, and all that comes after it.

Some objects are hidden in all frames but the first, and every entity in future frames; the
predictor is to say what they are. Targets are constants: the embedders of states and actions
learn from what their tokens are good for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import mse_loss

from jepa_wm_ros.worldmodel.assignment import match, reorder, squared_distances
from jepa_wm_ros.worldmodel.predictors.slots import hidden_future, hidden_slots

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.families.cjepa import SlotWorldModel
    from jepa_wm_ros.worldmodel.latent import Latent


@dataclass(frozen=True, slots=True)
class MaskedSlotTerms:
    """The parts of the loss; they count alike.

    Attributes:
        history: Mean squared error of the hidden slots over the past, its visible first frame
            included.
        future: Error of the future slots.
        proprio: Mean squared error of the future state tokens; 0 for a model without them.
    """

    history: Tensor
    future: Tensor
    proprio: Tensor

    @property
    def total(self) -> Tensor:
        """The sum."""
        return self.history + self.future + self.proprio


def draw_hidden(slots: int, most: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw which slots to hide, `(n,)` without repetition, n uniform from 0 to `most`.

    So says the paper; the published code hides the same slots in every step.
    """
    count = int(torch.randint(most + 1, (), generator=generator))
    return torch.randperm(slots, generator=generator)[:count]


def draw_observed(
    least: int | None, history: int, generator: torch.Generator | None = None
) -> int:
    """Draw how many frames of the past are shown, uniform from the least to all; None: all."""
    if least is None:
        return history
    return int(torch.randint(least, history + 1, (), generator=generator))


def masked_slot_loss(
    model: SlotWorldModel,
    clip: Latent,
    actions: Tensor,
    hidden: Tensor,
    *,
    matched: bool = False,
) -> MaskedSlotTerms:
    """Hide slots in a clip, predict them, and compare.

    Args:
        model: The model.
        clip: `(B, T, ...)`: what is seen, up to `history` frames, and the `future` ones.
        actions: `(B, T, A)` physical units: the action that leaves each frame.
        hidden: `(n,)` the slots that are hidden after the first frame.
        matched: Whether future slots may come in any order; see `matched_error`.
    """
    frames, future_frames = clip.tokens.shape[1], model.architecture.predictor.future
    observed = frames - future_frames
    past = clip.map(lambda part: part[:, :observed])
    history = model.entities(past, actions[:, :observed])
    entities = history.shape[2]
    mask = hidden_future(observed, future_frames, entities, history.device)
    mask = mask | hidden_slots(hidden.to(history.device), frames, entities)
    predicted = model.split(model.predictor(history, mask))
    target = clip.map(torch.Tensor.detach)
    future = slice(observed, frames)
    compare = matched_error if matched else mse_loss
    zero = predicted.tokens.new_zeros(())
    return MaskedSlotTerms(
        history=mse_loss(
            predicted.tokens[:, :observed, hidden], target.tokens[:, :observed, hidden]
        )
        if len(hidden)
        else zero,
        future=compare(predicted.tokens[:, future], target.tokens[:, future]),
        proprio=zero
        if predicted.proprio is None or target.proprio is None
        else mse_loss(predicted.proprio[:, future], target.proprio[:, future]),
    )


def matched_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of slots `(..., N, D)`, each matched to a target of its own.

    It is averaged over slots and frames but summed over the D numbers, as published.
    """
    ordered = reorder(target, match(squared_distances(predicted, target)))
    return (predicted - ordered).square().sum() / predicted[..., 0].numel()
