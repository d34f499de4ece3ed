"""What every head can do, and what is written beside its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.worldmodel.checks import one_of, require

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent

FORMAT_VERSION = 1
KINDS = ('decoder', 'probe', 'reward')
POOLINGS = ('flat', 'mean')


class HeadError(JepaWmError):
    """A head is damaged, or not one for this model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentShape:
    """The latents that a head reads.

    Attributes:
        tokens: Tokens of a frame, N.
        dim: Numbers in a token, D.
    """

    tokens: int
    dim: int

    def __post_init__(self) -> None:
        """Refuse empty latents."""
        require(self.tokens >= 1 and self.dim >= 1, 'tokens and dim must be at least 1')


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecord:
    """The whole of `heads/<name>.yaml`.

    Attributes:
        format_version: Version of this format.
        kind: One of `KINDS`.
        model: Name of the world model.
        fingerprint: Of the world model's weights file.
        weights: Fingerprint of the head's own weights file.
        latent: The latents that it reads.
        settings: Of the kind's network.
        training: What it was trained on, and how.
        results: What was measured on held-out episodes.
    """

    format_version: int
    kind: str
    model: str
    fingerprint: str
    weights: str
    latent: LatentShape
    settings: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check version and kind."""
        require(
            self.format_version == FORMAT_VERSION,
            f'format_version must be {FORMAT_VERSION}, got {self.format_version}',
        )
        one_of('kind', self.kind, KINDS)


class Head(Protocol):
    """A small network that reads the latents of one frozen world model.

    What it makes of them depends on its kind: `Decoder.decode` pictures, `PositionProbe.read`
    positions, `RewardHead.value` a number.

    Attributes:
        kind: One of `KINDS`.
        latent: The latents that it reads.
    """

    kind: ClassVar[str]
    latent: LatentShape

    def state_dict(self) -> dict[str, Tensor]:
        """Return its weights by name."""
        ...


def check_latent(latent: Latent, wanted: LatentShape, kind: str) -> None:
    """Refuse latents of another model.

    Raises:
        HeadError: Says what was given, and what the head takes.
    """
    found = tuple(latent.tokens.shape[-2:])
    if found != (wanted.tokens, wanted.dim):
        raise HeadError(
            f'this {kind} reads {wanted.tokens} tokens of {wanted.dim} numbers a frame, got '
            f'{found[0]} of {found[1]}: the latents are of another model'
        )


def pooled_width(latent: LatentShape, pooling: str) -> int:
    """Return the numbers that are left of a frame's tokens by `pool`."""
    return latent.dim * (latent.tokens if pooling == 'flat' else 1)


def pool(tokens: Tensor, pooling: str) -> Tensor:
    """Return `(..., F)` of tokens `(..., N, D)`: one after the other (`flat`), or their `mean`."""
    return tokens.flatten(-2) if pooling == 'flat' else tokens.mean(-2)
