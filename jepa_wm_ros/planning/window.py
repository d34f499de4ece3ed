"""The last observations and what was executed between them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.worldmodel.latent import Latent

if TYPE_CHECKING:
    from torch import Tensor


class ContextWindow:
    """At most W observed frames with one executed action between each two of them.

    Frames without exactly one action between them do not follow each other: after several
    actions without a look the window begins anew, and a look without an action replaces the last.
    """

    def __init__(self, frames: int, action_dim: int) -> None:
        """Make room for `frames` observations and actions of `action_dim` numbers."""
        self._frames: deque[Latent] = deque(maxlen=frames)
        self._actions: deque[Tensor] = deque(maxlen=frames - 1)
        self._pending: list[Tensor] = []
        self._dim = action_dim

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self._actions.clear()
        self._pending = []

    def executed(self, action: Tensor) -> None:
        """Take note of one executed action `(A,)`."""
        self._pending.append(action)

    def observed(self, latent: Latent) -> None:
        """Take note of an observation, tokens `(1, N, D)`."""
        if len(self._pending) == 1 and self._frames:
            self._actions.append(self._pending[0])
        elif self._pending:
            self._frames.clear()
            self._actions.clear()
        elif self._frames:
            self._frames.pop()
        self._pending = []
        self._frames.append(latent)

    @property
    def frames(self) -> int:
        """Observations in the window."""
        return len(self._frames)

    def context(self) -> tuple[Latent, Tensor]:
        """Return frames `(1, W, N, D)`, the newest last, and actions `(1, W-1, A)`."""
        tokens = torch.stack([frame.tokens for frame in self._frames], 1)
        states = [frame.proprio for frame in self._frames if frame.proprio is not None]
        proprio = torch.stack(states, 1) if len(states) == len(self._frames) else None
        past = torch.zeros(1, len(self._frames) - 1, self._dim, device=tokens.device)
        for step, action in enumerate(self._actions):
            past[0, step] = action
        return Latent(tokens, proprio), past
