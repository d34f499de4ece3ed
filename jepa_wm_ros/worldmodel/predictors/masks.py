"""Which token may look at which."""

from __future__ import annotations

import torch
from torch import Tensor


def frame_causal(
    frames: int, tokens: int, past: int = 0, device: torch.device | str = 'cpu'
) -> Tensor:
    """Return the mask of frame-causal attention.

    Args:
        frames: Frames of the queries.
        tokens: Tokens of a frame.
        past: Frames before those of the queries, whose keys are there too.
        device: Where the mask is made.

    Returns:
        `(frames * tokens, (past + frames) * tokens)` bool: query i may look at key j when frame(j)
        is not after frame(i).
    """
    queries = torch.arange(past, past + frames, device=device).repeat_interleave(tokens)
    keys = torch.arange(past + frames, device=device).repeat_interleave(tokens)
    return keys[None, :] <= queries[:, None]
