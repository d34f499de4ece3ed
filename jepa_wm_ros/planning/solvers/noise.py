"""Noise for candidate action sequences: standard normal numbers, correlated along the horizon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, int, int, int]
Randomness = torch.Generator | Sequence[torch.Generator]
"""One generator for all problems, or one for each: then a batch is solved as each alone."""
Noise = Callable[[Shape, Randomness], 'Tensor']
"""Numbers `(B, S, H, A)` with mean 0 and variance 1 each, from a shape and a generator."""


def normal(shape: Shape, generator: Randomness) -> Tensor:
    """Draw independent standard normal numbers of `shape` `(B, S, H, A)`."""
    if isinstance(generator, torch.Generator):
        return torch.randn(shape, generator=generator)
    return torch.stack([torch.randn(shape[1:], generator=each) for each in generator])


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNoise:
    """e_h = sqrt(1 - c) w_h + sqrt(c) v, with white w and one v for the whole horizon.

    White noise makes candidates tremble on the spot; shared noise makes them go somewhere.

    Attributes:
        correlation: c, the part of the variance that all steps share (0: white, 1: constant).
    """

    correlation: float

    def __call__(self, shape: Shape, generator: Randomness) -> Tensor:
        """Draw noise of `shape` `(B, S, H, A)`."""
        batch, count, _, fields = shape
        white = normal(shape, generator)
        shared = normal((batch, count, 1, fields), generator)
        return (1.0 - self.correlation) ** 0.5 * white + self.correlation**0.5 * shared


@dataclass(frozen=True, slots=True, kw_only=True)
class ColouredNoise:
    """Noise whose power falls with the frequency f as f^-exponent (Timmer and Koenig 1995).

    White noise is filtered along the horizon by its real Fourier transform; frequency 0 counts as
    the lowest other one. 0 is white, 1 pink, 2 red; a single step is always white.

    Attributes:
        exponent: Power of the fall; 2 to 4 suits slow arms, 0 quick corrections.
    """

    exponent: float

    def __call__(self, shape: Shape, generator: Randomness) -> Tensor:
        """Draw noise of `shape` `(B, S, H, A)`."""
        horizon = shape[2]
        white = normal(shape, generator)
        frequency = torch.fft.rfftfreq(horizon).clamp(min=1.0 / horizon)
        gain = frequency ** (-self.exponent / 2)
        whole = torch.cat([gain, gain[1 : (horizon + 1) // 2]])  # with the negative frequencies
        gain = gain / whole.square().mean().sqrt()
        spectrum = torch.fft.rfft(white, dim=2) * gain[:, None]
        return torch.fft.irfft(spectrum, n=horizon, dim=2)
