"""Losses of models of patch tokens: teacher forcing, and roll-outs of several steps.

Under teacher forcing the predictor sees true frames and says, for every t, frame t + 1. A roll-out
of R steps begins with such a prediction after a prefix of the clip and goes on from what was
predicted, so that training meets the errors that planning will (JEPA-WM, arXiv 2512.24497;
V-JEPA 2, arXiv 2506.09985). As published, the parts are weighted

    L = L_tf / (R + 1) + sum_{k = 2..R} L_k / R.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.training.token_errors import ErrorWeights, TokenErrors, token_errors
from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor

WEIGHTINGS = ('published', 'normalised')
PREFIXES = ('random', 'first')


class ClipError(JepaWmError):
    """A clip is too short for what is to be predicted in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLossSettings:
    """How predictions are made and compared in training.

    Attributes:
        errors: Weights of the kinds of error.
        steps: Steps of a roll-out, R; 1 for teacher forcing alone.
        window: Most frames that the predictor sees in a roll-out.
        prefix: How much of the clip a roll-out starts from: `random`, or its `first` frame.
        detach: Whether each step of a roll-out takes its inputs as constants, so that gradients
            pass through one step only; else through the whole roll-out.
        proprio: Whether predicted states are compared, too.
        predicted_proprio: Whether a roll-out goes on from predicted states, or from true ones.
        normalise: Whether predicted latents are normalised per token, as the encoder's are.
        weighting: `published` (above), or `normalised`: every step counts 1 / R.
    """

    errors: ErrorWeights = field(default_factory=ErrorWeights)
    steps: int = 2
    window: int = 3
    prefix: str = 'random'
    detach: bool = True
    proprio: bool = True
    predicted_proprio: bool = True
    normalise: bool = False
    weighting: str = 'published'

    def __post_init__(self) -> None:
        """Check counts and choices."""
        require(self.steps >= 1, f'steps must be at least 1, got {self.steps}')
        require(self.window >= 1, f'window must be at least 1 frame, got {self.window}')
        one_of('prefix', self.prefix, PREFIXES)
        one_of('weighting', self.weighting, WEIGHTINGS)

    @property
    def forced_weight(self) -> float:
        """Weight of teacher forcing."""
        return 1 / (self.steps + 1) if self.weighting == 'published' else self.step_weight

    @property
    def step_weight(self) -> float:
        """Weight of each further step of a roll-out."""
        return 1 / self.steps


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
        frames: The clip, `(B, T, ...)`. The targets are not detached.
        actions: `(B, T, A)` normalised; the last leads out of the clip.
        settings: What is compared.

    Returns:
        Errors of frames 1 to T-1, and all T predictions.
    """
    predicted = _finished(predictor(frames, actions), settings)
    made = predicted.map(lambda part: part[:, :-1])
    return _errors(made, frames.map(lambda part: part[:, 1:]), settings), predicted


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
