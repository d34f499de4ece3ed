"""What every world model can do, whatever its family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.latent import Latent


@runtime_checkable
class WorldModel(Protocol):
    """An encoder and a predictor that share a latent space.

    Shapes: B problems, T frames, W context frames, S candidates, H future steps, A action fields,
    N tokens of D numbers a frame, P numbers of proprioception.
    """

    @property
    def contract(self) -> Contract:
        """The promises of the bundle that the model came from."""
        ...

    def encode(self, images: Tensor, proprio: Tensor | None = None) -> Latent:
        """Encode frames.

        Args:
            images: `(B, T, 3, h, w)`, normalised as `contract.camera` says.
            proprio: `(B, T, P)` in physical units, or None where the model takes none.

        Returns:
            Tokens `(B, T, N, D)`.
        """
        ...

    def rollout(self, context: Latent, past_actions: Tensor, actions: Tensor) -> Latent:
        """Predict what candidate actions lead to.

        Args:
            context: Tokens `(B, W, N, D)` of the last W observed frames, the newest last.
            past_actions: `(B, W-1, A)` actions executed between those frames, physical units.
            actions: `(B, S, H, A)` strictly future actions, physical units.

        Returns:
            Tokens `(B, S, H, N, D)`: frame h is what follows `actions[..., h, :]`.
        """
        ...
