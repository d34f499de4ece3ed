"""How actions and the robot's state enter a frame: as condition, as features, or as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from jepa_wm_ros.worldmodel.predictors.transformer import begin_linear

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.predictors.settings import (
        FrameShape,
        PredictorSettings,
        TransformerSettings,
    )


class Conditioning(nn.Module):
    """Embeds actions and states and puts a frame together.

    The channels of a token are [latent | state feature | action feature]; the tokens of a frame
    are [action, state, patches]. What is not there takes no room.
    """

    def __init__(
        self,
        settings: PredictorSettings,
        shape: FrameShape,
        core: TransformerSettings,
        action: nn.Module | None = None,
    ) -> None:
        """Build with random weights.

        Args:
            settings: What enters how.
            shape: Sizes of actions and states.
            core: The transformer that the frames are for.
            action: Embeds actions `(..., A)`; a linear layer when None.
        """
        super().__init__()
        self.settings, self.patches = settings, shape.grid[0] * shape.grid[1]
        self.action = action or _embedding(shape.action_dim, settings.action_dim or core.dim)
        self.proprio = (
            _embedding(shape.proprio_dim, settings.proprio_dim or core.dim)
            if settings.proprio != 'none'
            else None
        )

    def embed_proprio(self, proprio: Tensor) -> Tensor:
        """Return states `(B, T, P)` as features `(B, T, patches, width)`, alike in all patches."""
        assert self.proprio is not None
        return self.proprio(proprio)[:, :, None].expand(-1, -1, self.patches, -1)

    def forward(
        self, latent: Tensor, proprio: Tensor | None, actions: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Put frames together.

        Args:
            latent: `(B, T, patches, width)`, already projected.
            proprio: With `feature`, features `(B, T, patches, width)`; with `token`, states
                `(B, T, P)`; else None.
            actions: `(B, T, A)`, normalised: the action that leaves each frame.

        Returns:
            Tokens `(B, T, N, D)`, and the condition `(B, T, C)` of a predictor that has one.
        """
        joined: tuple[Tensor, Tensor | None] = self.join(latent, proprio, self.action(actions))
        return joined

    def join(
        self, latent: Tensor, proprio: Tensor | None, action: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Put frames together as `forward` does, with actions that are embedded already."""
        how, state_how = self.settings.conditioning, self.settings.proprio
        channels = [latent]
        if state_how == 'feature':
            assert proprio is not None
            channels.append(proprio)
        if how == 'feature':
            channels.append(action[:, :, None].expand(-1, -1, self.patches, -1))
        tokens = [torch.cat(channels, -1) if len(channels) > 1 else latent]
        if state_how == 'token':
            assert self.proprio is not None
            tokens.insert(0, self.proprio(proprio)[:, :, None])
        if how == 'token':
            tokens.insert(0, action[:, :, None])
        together = torch.cat(tokens, 2) if len(tokens) > 1 else tokens[0]
        return together, self.condition(action)

    def condition(self, action: Tensor) -> Tensor | None:
        """Return the condition `(B, T, C)` that embedded actions are; None where they are not."""
        return action if self.settings.conditioning in ('adaln', 'adaln_zero') else None


def _embedding(size: int, width: int) -> nn.Linear:
    layer = nn.Linear(size, width)
    begin_linear(layer)
    return layer
