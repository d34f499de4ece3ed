"""Where object slots come from: anything that turns frames into a set of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import nn
from torch.nn.functional import avg_pool2d

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from torch import Tensor


class SlotsError(JepaWmError):
    """Slots were asked of a model that has to be given them, or have the wrong shape."""


@runtime_checkable
class SlotProvider(Protocol):
    """Finds objects in frames.

    Slots of consecutive frames need not be in the same order: a rollout matches them. A trained
    one is `encoders.slot_attention.SlotEncoder`; one that knows its objects is
    `encoders.mask_pooling.MaskPoolEncoder`; masks of a tracker become slots by `pooled`.
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


def pooled(features: Tensor, masks: Tensor) -> Tensor:
    """Return the mean feature of each mask: slots from a tracker's or a detector's masks.

    Args:
        features: `(B, T, M, D)`: patch features, row by row.
        masks: `(B, T, N, rows, columns)`, 0 to 1, of any resolution whose rows and columns are
            multiples of the patches'.

    Returns:
        `(B, T, N, D)`; zeros for a mask that is empty.

    Raises:
        SlotsError: The masks do not divide into the patches.
    """
    return pooled_by(features, mask_shares(masks, features.shape[2]).to(features))


def pooled_by(features: Tensor, shares: Tensor) -> Tensor:
    """Return means `(B, T, N, D)` of features `(B, T, M, D)`, weighted by `(B, T, N, M)`."""
    return shares @ features / shares.sum(-1, keepdim=True).clamp_min(1e-8)


def mask_shares(masks: Tensor, count: int) -> Tensor:
    """Return which part of each patch a mask covers, `(B, T, N, M)` float32.

    Args:
        masks: `(B, T, N, rows, columns)`, 0 to 1.
        count: Patches of a frame, M; squares, row by row.

    Raises:
        SlotsError: The masks do not divide into the patches.
    """
    rows, columns = masks.shape[-2:]
    scale = (rows * columns / count) ** 0.5
    side = int(scale)
    if side != scale or rows % side or columns % side:
        raise SlotsError(f'masks of {rows}x{columns} px do not divide into {count} square patches')
    shares = avg_pool2d(masks.flatten(0, 2)[:, None].float(), side)
    return shares.flatten(1).unflatten(0, masks.shape[:3])


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
