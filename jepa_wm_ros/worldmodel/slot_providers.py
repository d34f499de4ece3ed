"""Where object slots come from: anything that turns frames into a set of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import nn

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor


class SlotsError(JepaWmError):
    """Slots were asked of a model that has to be given them, or have the wrong shape."""


@runtime_checkable
class SlotProvider(Protocol):
    """Finds objects in frames.

    Slots of consecutive frames need not be in the same order; the world model matches them.
    """

    @property
    def slots(self) -> int:
        """Slots of a frame, N."""
        ...

    @property
    def dim(self) -> int:
        """Numbers in a slot, D."""
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """Return slots `(B, T, N, D)` of frames `(B, T, 3, h, w)`, normalised pixels."""
        ...


class GivenSlots(nn.Module):
    """Stands for a provider outside of the bundle: a tracker, or a slot encoder of its own."""

    def __init__(self, slots: int, dim: int) -> None:
        """Keep the sizes that are expected."""
        super().__init__()
        self.slots, self.dim = slots, dim

    def forward(self, images: Tensor) -> Tensor:
        """Refuse: this model sees no pictures.

        Raises:
            SlotsError: Always; says what to do.
        """
        raise SlotsError(
            f'this model is given {self.slots} slots of {self.dim} numbers for each frame and '
            'cannot find them in a picture: call encode_given(slots, proprio), or put a slot '
            'provider in its place (model.encoder = ...)'
        )
