"""Predicting candidates the way published code does: whole windows, again in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames
from jepa_wm_ros.worldmodel.predictors.reference import ReferenceTransformer

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor
    from jepa_wm_ros.worldmodel.predictors.rollout import Advance


class ReferenceRollout:
    """Stands in for a `Rollout`, with the same arguments and the same numbers up to rounding.

    The context is copied for every candidate before anything is computed, every frame of a window
    is predicted although one is wanted, all candidates are one batch, and the trajectory grows by
    concatenation.
    """

    def __init__(
        self, predictor: FramePredictor, context: Frames, past_actions: Tensor, window: int
    ) -> None:
        """See `Rollout`; nothing is prepared."""
        self.predictor, self.core = predictor, ReferenceTransformer(predictor.core)
        self.context, self.past_actions, self.window = context, past_actions, window

    def predict(self, actions: Tensor, advance: Advance | None = None) -> Frames:
        """Predict what candidates `(B, S, H, A)` lead to; see `Rollout.predict`."""
        candidates, horizon = actions.shape[1], actions.shape[2]
        frames = self.context.map(lambda part: part.repeat_interleave(candidates, 0))
        past = self.past_actions.repeat_interleave(candidates, 0)
        known = torch.cat([past, actions.flatten(0, 1)], 1)
        observed = frames.latent.shape[1]
        for h in range(horizon):
            end = observed + h
            seen = frames.map(self._window)
            following = self._forward(seen, self._window(known[:, :end])).map(_newest)
            if advance is not None:
                following = advance(frames.map(_newest), following, h)
            frames = _grown(frames, following)
        return frames.map(lambda part: part[:, observed:])

    def _window(self, part: Tensor) -> Tensor:
        return part[:, -self.window :]

    def _forward(self, frames: Frames, actions: Tensor) -> Frames:
        embedded = self.predictor.inward(frames.latent)
        tokens, condition = self.predictor.compose(embedded, frames.proprio, actions)
        return self.predictor.read(self.core(tokens, condition))


def _newest(part: Tensor) -> Tensor:
    return part[:, -1:]


def _grown(frames: Frames, following: Frames) -> Frames:
    latent = torch.cat([frames.latent, following.latent], 1)
    if frames.proprio is None or following.proprio is None:
        return Frames(latent)
    return Frames(latent, torch.cat([frames.proprio, following.proprio], 1))
