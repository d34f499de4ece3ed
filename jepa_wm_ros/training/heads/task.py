"""What the training loop asks of each kind of head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.heads.storage import AnyHead


class HeadTask(Protocol):
    """A head, what it has to learn, and how well it has learned it."""

    @property
    def head(self) -> AnyHead:
        """The network."""
        ...

    @property
    def solved(self) -> bool:
        """Whether it is complete without a single step, as a linear probe is."""
        ...

    def loss(self, step: int) -> Tensor:
        """Return the loss of a step's batch, which depends on the step's number alone."""
        ...

    def results(self) -> dict[str, Any]:
        """Return what was measured on held-out episodes, by name."""
        ...
