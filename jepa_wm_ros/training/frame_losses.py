"""Losses of models of patch tokens: teacher forcing, and roll-outs of several steps.

Under teacher forcing the predictor sees true frames and says, for every t, frame t + 1. A roll-out
of R steps begins with such a prediction after a prefix of the clip and goes on from what was
predicted, so that training meets the errors that planning will (JEPA-WM, arXiv 2512.24497;
V-JEPA 2, arXiv 2506.09985). As published, the parts are weighted

    L = L_tf / (R + 1) + sum_{k = 2..R} L_k / R.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.training.token_errors import TokenErrors, token_errors
from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.loss_settings import ErrorWeights, FrameLossSettings
    from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor


class ClipError(JepaWmError):
    """A clip is too short for what is to be predicted in it."""


@dataclass(frozen=True, slots=True)
class FrameErrors:
    """Errors of predicted frames.

    Attributes:
        latent: Errors of the patch tokens.
        proprio: Errors of the states; None where they are not compared.
    """

    latent: TokenErrors
    proprio: TokenErrors | None

    def loss(self, weights: ErrorWeights) -> Tensor:
        """Return the mean over tokens of the weighted errors of latents and states together."""
        total = weights.of(self.latent)
        return (total if self.proprio is None else total + weights.of(self.proprio)).mean()


def forced(
    predictor: FramePredictor, frames: Frames, actions: Tensor, settings: FrameLossSettings
) -> tuple[FrameErrors, Frames]:
    """Predict each frame of a clip from the true ones before it.

    Args:
        predictor: What predicts.
        frames: The clip, `(B, T, ...)`. The targets are detached only with `fixed_targets`.
        actions: `(B, T, A)` normalised; the last leads out of the clip, and may be missing.
        settings: What is compared.

    Returns:
        Errors of frames 1 to T-1, and a prediction for each action.
    """
    target = _part(frames, 1, None)
    if settings.fixed_targets:
        target = target.map(torch.Tensor.detach)
    left = _part(frames, 0, actions.shape[1])
    predicted = _finished(predictor(left, actions), settings)
    made = _part(predicted, 0, target.latent.shape[1])
    return _errors(made, target, settings), predicted


def rolled_out(
    predictor: FramePredictor,
    frames: Frames,
    actions: Tensor,
    predicted: Frames,
    prefix: int,
    settings: FrameLossSettings,
) -> tuple[list[FrameErrors], Frames]:
    """Go on from a teacher-forced prediction for R - 1 steps.

    Args:
        predictor: What predicts.
        frames: The clip, `(B, T, ...)`; as targets its frames are constants.
        actions: `(B, T, A)` normalised.
        predicted: All predictions of `forced`.
        prefix: The last true frame, t: the roll-out begins with the prediction of t + 1.
        settings: Steps, window and what is compared.

    Returns:
        The errors of each step, and frames `(B, t + 1 + R, ...)`: true up to t, then predicted.

    Raises:
        ClipError: The roll-out would leave the clip.
    """
    length = frames.latent.shape[1]
    if prefix + settings.steps >= length:
        raise ClipError(
            f'a roll-out of {settings.steps} steps after frame {prefix} needs '
            f'{prefix + settings.steps + 1} frames, the clip has {length}'
        )
    seen = _part(frames, 0, prefix + 1)
    seen = _grown(seen, _part(predicted, prefix, prefix + 1), frames, settings)
    errors = []
    for _ in range(settings.steps - 1):
        count = seen.latent.shape[1]
        known = seen.map(torch.Tensor.detach) if settings.detach else seen
        window = known.map(lambda part: part[:, -settings.window :])
        taken = actions[:, max(0, count - settings.window) : count]
        following = _part(_finished(predictor(window, taken), settings), -1, None)
        target = _part(frames, count, count + 1).map(torch.Tensor.detach)
        errors.append(_errors(following, target, settings))
        seen = _grown(seen, following, frames, settings)
    return errors, seen


def draw_prefix(
    length: int, settings: FrameLossSettings, generator: torch.Generator | None = None
) -> int:
    """Draw the last true frame before a roll-out in a clip of `length` frames."""
    choices = length - settings.steps
    if settings.prefix == 'first' or choices <= 1:
        return 0
    return int(torch.randint(choices, (), generator=generator))


def frame_loss(
    predictor: FramePredictor,
    frames: Frames,
    actions: Tensor,
    settings: FrameLossSettings,
    prefixes: tuple[int, ...] = (0,),
) -> Tensor:
    """Return the loss of a clip: teacher forcing, and the mean roll-out of the prefixes."""
    errors, predicted = forced(predictor, frames, actions, settings)
    total = settings.forced_weight * errors.loss(settings.errors)
    if settings.steps > 1:
        for prefix in prefixes:
            steps, _ = rolled_out(predictor, frames, actions, predicted, prefix, settings)
            total = total + rollout_loss(steps, settings) / len(prefixes)
    return total


def rollout_loss(steps: list[FrameErrors], settings: FrameLossSettings) -> Tensor:
    """Return what the steps of a roll-out contribute to the loss."""
    losses = torch.stack([errors.loss(settings.errors) for errors in steps])
    return settings.step_weight * losses.sum()


def _errors(predicted: Frames, target: Frames, settings: FrameLossSettings) -> FrameErrors:
    proprio = None
    if settings.proprio and predicted.proprio is not None and target.proprio is not None:
        proprio = token_errors(predicted.proprio, target.proprio)
    return FrameErrors(token_errors(predicted.latent, target.latent), proprio)


def _finished(predicted: Frames, settings: FrameLossSettings) -> Frames:
    if not settings.normalise:
        return predicted
    latent = nn.functional.layer_norm(predicted.latent, predicted.latent.shape[-1:])
    return Frames(latent, predicted.proprio)


def _part(frames: Frames, start: int, end: int | None) -> Frames:
    return frames.map(lambda part: part[:, start:end])


def _grown(seen: Frames, following: Frames, clip: Frames, settings: FrameLossSettings) -> Frames:
    """Append a predicted frame, with its predicted state or the true one."""
    latent = torch.cat([seen.latent, following.latent], 1)
    if seen.proprio is None or clip.proprio is None:
        return Frames(latent)
    count = seen.latent.shape[1]
    state = following.proprio if settings.predicted_proprio else None
    state = clip.proprio[:, count : count + 1] if state is None else state
    return Frames(latent, torch.cat([seen.proprio, state], 1))
