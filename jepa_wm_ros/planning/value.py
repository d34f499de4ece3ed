"""Learned heads: how much a latent is worth, beside or instead of its distance to a goal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.planning.horizon import reduce_horizon
from jepa_wm_ros.worldmodel.schema import SchemaError, plain, read

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.latent import Latent

METADATA_KEY = 'value_head'


class ValueHeadError(JepaWmError):
    """A file is not a value head, or not one for this model."""


class Head(Protocol):
    """Says how much latents are worth: a reward, or a value that sums up future rewards."""

    def __call__(self, latent: Latent, goal: Latent) -> Tensor:
        """Return values `(...)`, more is better, of latents `(..., N, D)` for goals like them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueHeadSettings:
    """Shape of a `ValueHead`.

    Attributes:
        dim: Numbers of a token.
        proprio: Numbers of proprioception that it sees.
        goal: Whether it sees the goal, too.
        width: Of its hidden layers.
        depth: Hidden layers.
    """

    dim: int
    proprio: int = 0
    goal: bool = False
    width: int = 256
    depth: int = 2

    def __post_init__(self) -> None:
        """Refuse an empty network."""
        if min(self.dim, self.width, self.depth) < 1 or self.proprio < 0:
            raise ValueError('dim, width and depth must be at least 1, proprio at least 0')


class ValueHead(nn.Module):
    """An MLP on the mean token (and the proprioception, and those of the goal)."""

    def __init__(self, settings: ValueHeadSettings) -> None:
        """Build with random weights."""
        super().__init__()
        self.settings = settings
        size = (settings.dim + settings.proprio) * (1 + settings.goal)
        layers: list[nn.Module] = []
        for _ in range(settings.depth):
            layers += [nn.Linear(size, settings.width), nn.LayerNorm(settings.width), nn.SiLU()]
            size = settings.width
        self.layers = nn.Sequential(*layers, nn.Linear(size, 1))

    def forward(self, latent: Latent, goal: Latent) -> Tensor:
        """Return values `(...)` of latents `(..., N, D)`; the goals broadcast to them."""
        seen = self._seen(latent)
        if self.settings.goal:
            seen = torch.cat([seen, self._seen(goal).expand_as(seen)], -1)
        value: Tensor = self.layers(seen)[..., 0]
        return value

    def _seen(self, latent: Latent) -> Tensor:
        if latent.tokens.shape[-1] != self.settings.dim:
            raise ValueHeadError(
                f'the value head takes tokens of {self.settings.dim} numbers, '
                f'the model has {latent.tokens.shape[-1]}'
            )
        mean = latent.tokens.float().mean(-2)
        if not self.settings.proprio:
            return mean
        if latent.proprio is None or latent.proprio.shape[-1] != self.settings.proprio:
            raise ValueHeadError(
                f'the value head takes {self.settings.proprio} numbers of proprioception, '
                'the latent has others or none'
            )
        return torch.cat([mean, latent.proprio.float()], -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedValue:
    """An objective: minus the value of the predicted latents.

    Attributes:
        head: Says how much a latent is worth.
        reduction: How the values along the horizon become one: `last` for a value, `sum` or
            `discounted` for a reward.
        discount: For `discounted`.
    """

    head: Head
    reduction: str = 'last'
    discount: float = 1.0

    def __call__(self, predicted: Latent, goal: Latent) -> Tensor:
        """Return costs `(B, S)` of predictions `(B, S, H, N, D)` for goals `(B, N, D)`."""
        if self.reduction == 'last':
            predicted = predicted.map(lambda part: part[:, :, -1:])
        values = self.head(predicted, goal.map(lambda part: part[:, None, None]))
        return -reduce_horizon(values, self.reduction, self.discount)

    def distance(self, latent: Latent, goal: Latent) -> Tensor:
        """Return minus the values `(B,)` of observed latents `(B, N, D)`."""
        return -self.head(latent, goal)


def save_value_head(path: Path | str, head: ValueHead) -> None:
    """Write a head to a safetensors file that also says what shape it has."""
    from safetensors.torch import save_file

    weights = {name: value.detach().cpu().contiguous() for name, value in _weights(head)}
    save_file(weights, path, {METADATA_KEY: json.dumps(plain(head.settings))})


def load_value_head(path: Path | str, device: torch.device | str = 'cpu') -> ValueHead:
    """Read a head; nothing is unpickled.

    Raises:
        ValueHeadError: The file is missing, or not what `save_value_head` writes.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, 'pt') as file:
            described = (file.metadata() or {}).get(METADATA_KEY)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors has no public base class of its errors
        raise ValueHeadError(f'{path}: not a safetensors file: {error}') from error
    if described is None:
        raise ValueHeadError(f'{path}: no value head: its metadata lack {METADATA_KEY!r}')
    try:
        head = ValueHead(read(ValueHeadSettings, json.loads(described), path, METADATA_KEY))
        head.load_state_dict(weights)
    except (SchemaError, ValueError, RuntimeError) as error:
        raise ValueHeadError(f'{path}: {error}') from error
    return head.to(device).eval().requires_grad_(False)


def _weights(head: ValueHead) -> list[tuple[str, Tensor]]:
    return list(head.state_dict().items())
