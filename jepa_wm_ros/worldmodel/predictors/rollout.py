"""Predicting many candidates from one context, without repeating what they share.

The window of step h holds the last W frames, and its positions begin at 0. A frame that was
observed and left by an executed action is the same for all candidates of a problem: its keys and
values are computed once. While the window grows, its older frames keep their positions and, the
mask being causal, their keys and values: only the new frame is computed. When the window slides,
positions change and it is computed anew. Frames before the last of a window pass the last block
only as keys and values. All of it gives the numbers of predicting step by step with whole windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from jepa_wm_ros.worldmodel.predictors.frame_predictor import Frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor
    from jepa_wm_ros.worldmodel.predictors.settings import TransformerSettings
    from jepa_wm_ros.worldmodel.predictors.transformer import Past

    Advance = Callable[[Frames, Frames, int], Frames]


class AnyRollout(Protocol):
    """One way to predict candidates from a context: `Rollout`, or what it is measured against."""

    def __init__(
        self, predictor: FramePredictor, context: Frames, past_actions: Tensor, window: int
    ) -> None:
        """Prepare what candidates share; see `Rollout`."""
        ...

    def predict(self, actions: Tensor, advance: Advance | None = None) -> Frames:
        """Predict what candidates `(B, S, H, A)` lead to; see `Rollout.predict`."""
        ...


def candidates_within(memory: int, core: TransformerSettings, window: int) -> int:
    """Return how many candidates to predict at once, at least 1.

    Args:
        memory: What they may take [bytes], in float32.
        core: The transformer.
        window: Most frames that it sees at once.
    """
    inner = core.heads * core.head_dim
    kept = 2 * inner * core.depth if window > 1 else 0
    # Numbers of a token on its way through a block, with copies: fitted to measured peaks.
    passing = window * (8 * core.dim + 8 * inner + 3 * core.mlp_dim)
    return max(1, memory // (4 * core.tokens * (kept + passing)))


class Rollout:
    """One context, from which any number of candidates can be predicted."""

    def __init__(
        self, predictor: FramePredictor, context: Frames, past_actions: Tensor, window: int
    ) -> None:
        """Prepare what candidates share.

        Args:
            predictor: What predicts.
            context: `(B, C, ...)` observed frames, the newest last.
            past_actions: `(B, C - 1, A)` normalised actions between them.
            window: Most frames that the predictor sees at once.
        """
        self.predictor, self.window = predictor, window
        self.newest = context.map(lambda part: part[:, -1:])
        self.observed = context.latent.shape[1]
        self._causal = predictor.core.settings.mask == 'frame_causal'
        self._embedded = predictor.inward(self.newest.latent)
        self._shared: dict[int, Past] = {}
        self._past_actions = past_actions
        self._earlier = _History(predictor, 0, past_actions)
        for t in range(self.observed - 1):
            frame = context.map(lambda part, t=t: part[:, t : t + 1])  # type: ignore[misc]
            self._earlier.add(predictor.inward(frame.latent), frame.proprio)

    def predict(self, actions: Tensor, advance: Advance | None = None) -> Frames:
        """Predict what candidates lead to.

        Args:
            actions: `(B, S, H, A)` normalised future actions.
            advance: Completes a predicted frame, given the frame before, the frame predicted and
                the step h; for what is known rather than predicted. None to take it as it is.

        Returns:
            Frames `(B * S, H, ...)`: the candidates of a problem one after the other.
        """
        candidates, horizon = actions.shape[1], actions.shape[2]
        actions = actions.flatten(0, 1)
        last = self.newest.map(lambda part: part.repeat_interleave(candidates, 0))
        embedded = self._embedded.repeat_interleave(candidates, 0)
        history = self._private(actions, candidates)
        past: Past | None = None
        frames = []
        for h in range(horizon):
            if h:
                embedded = self.predictor.inward(last.latent)
            history.add(embedded, last.proprio)
            count = self.observed + h
            start = max(0, count - self.window)
            if past is None:
                past, first = self._before(start), max(start, history.first)
            else:
                first = count - 1
            result, past = self.predictor.core.extend(
                *history.since(first),
                past,
                asked=1,
                keep=self._causal and h + 1 < horizon and count < self.window,
            )
            following = self.predictor.read(result)
            last = following if advance is None else advance(last, following, h)
            frames.append(last)
            history.forget(count + 1 - self.window)
        return _join(frames)

    def _before(self, start: int) -> Past | None:
        """Return the past of the observed frames from `start` on, without the newest."""
        if not self._causal or start >= self.observed - 1:
            return None
        if start not in self._shared:
            tokens = self._earlier.since(start)
            _, past = self.predictor.core.extend(*tokens, asked=1, keep=True)
            assert past is not None
            self._shared[start] = past
        return self._shared[start]

    def _private(self, actions: Tensor, candidates: int) -> _History:
        """Return a history for the frames that each candidate has for itself.

        Without a causal mask the observed frames look at those of the candidate, and are not
        shared.
        """
        if self._causal:
            return _History(self.predictor, self.observed - 1, actions)
        past = self._past_actions.repeat_interleave(candidates, 0)
        history = _History(self.predictor, 0, torch.cat([past, actions], 1))
        history.tokens = [t.repeat_interleave(candidates, 0) for t in self._earlier.tokens]
        return history


class _History:
    """Tokens and modulations of consecutive frames, from the frame `first` on.

    The actions are all known: they are embedded, and make their modulations, in one product.
    """

    def __init__(self, predictor: FramePredictor, first: int, actions: Tensor) -> None:
        """Begin before the frame `first`, with the actions `(B, T, A)` that leave it and later."""
        self.first = self._begin = first
        self.tokens: list[Tensor] = []
        self._conditioning = predictor.conditioning
        self._actions: Tensor | None = None
        if actions.shape[1]:
            self._actions = self._conditioning.action(actions)
            condition = self._conditioning.condition(self._actions)
            self._modulations = predictor.core.modulate(condition)

    @property
    def end(self) -> int:
        """The frame that is added next."""
        return self.first + len(self.tokens)

    def add(self, embedded: Tensor, proprio: Tensor | None) -> None:
        """Append a frame `(B, 1, patches, width)`."""
        assert self._actions is not None
        at = self.end - self._begin
        tokens, _ = self._conditioning.join(embedded, proprio, self._actions[:, at : at + 1])
        self.tokens.append(tokens)

    def since(self, index: int) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """Return tokens `(B, T, N, D)` and modulations of the frames from `index` on."""
        chosen = slice(index - self._begin, self.end - self._begin)
        tokens = self.tokens[index - self.first :]
        return tokens[0] if len(tokens) == 1 else torch.cat(tokens, 1), tuple(
            None if m is None else m[:, chosen] for m in self._modulations
        )

    def forget(self, index: int) -> None:
        """Drop the frames before `index`, which no window will see again."""
        while self.first < index and self.tokens:
            self.tokens.pop(0)
            self.first += 1


def _join(frames: list[Frames]) -> Frames:
    latent = torch.cat([frame.latent for frame in frames], 1)
    parts = [frame.proprio for frame in frames if frame.proprio is not None]
    return Frames(latent, torch.cat(parts, 1) if parts else None)
