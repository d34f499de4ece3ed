"""What the model thinks that actions do: predicted displacement over commanded displacement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.worldmodel.heads.probe import PositionProbe
    from jepa_wm_ros.worldmodel.latent import Latent
    from jepa_wm_ros.worldmodel.protocol import WorldModel

AXES = ('x', 'y', 'z')


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """The answer to commands along one axis.

    Attributes:
        axis: `x`, `y` or `z`.
        commanded: `(g,)` displacement of one step along the axis [m].
        predicted: `(s, g, 3)` displacement that is read from the prediction, from s starts [m].
    """

    axis: str
    commanded: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def number(self) -> int:
        """Number of the axis."""
        return AXES.index(self.axis)

    def slope(self, axis: int) -> float:
        """Return how much goes along an axis for each metre that is commanded (least squares)."""
        centred = self.commanded - self.commanded.mean()
        return float((self.predicted[..., axis].mean(0) * centred).sum() / (centred**2).sum())

    @property
    def r2(self) -> float:
        """Part of the variance of the displacements that a straight line explains."""
        answers = self.predicted[..., self.number]
        centred = self.commanded - self.commanded.mean()
        line = answers.mean() + self.slope(self.number) * centred
        rest, whole = ((answers - line) ** 2).sum(), ((answers - answers.mean()) ** 2).sum()
        return float(1.0 - rest / whole) if whole > 0 else 0.0

    @property
    def sideways(self) -> float:
        """Displacement along the other axes for each metre that is commanded."""
        others = [self.slope(axis) for axis in range(3) if axis != self.number]
        return math.hypot(*others)

    def figures(self) -> dict[str, Any]:
        """Return what is written of it."""
        return {
            'slope': self.slope(self.number),
            'r2': self.r2,
            'sideways': self.sideways,
            'range_m': [float(self.commanded.min()), float(self.commanded.max())],
        }


@torch.inference_mode()
def responses(
    model: WorldModel, probe: PositionProbe, starts: Latent, grid: int
) -> tuple[Response, ...]:
    """Ask what each of a grid of actions would do, along each axis that the model moves.

    What the probe reads from the prediction is compared with what it reads from the start, so
    that its own offset cancels.

    Args:
        model: Predicts.
        probe: Reads positions [m].
        starts: Tokens `(s, N, D)` of frames.
        grid: Actions along each axis.
    """
    contract = model.contract.action
    found = []
    for number, axis in enumerate(AXES):
        low, high = contract.lower[number], contract.upper[number]
        if low < high:
            commanded = np.linspace(low, high, grid)
            moved = _displacements(model, probe, starts, number, commanded)
            found.append(Response(axis=axis, commanded=commanded, predicted=moved))
    return tuple(found)


def _displacements(
    model: WorldModel,
    probe: PositionProbe,
    starts: Latent,
    axis: int,
    commanded: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return displacements `(s, g, 3)` [m] that the model expects."""
    count = len(starts.tokens)
    actions = starts.tokens.new_zeros(count, len(commanded), 1, model.contract.action.dim)
    actions[..., 0, axis] = torch.from_numpy(commanded).to(actions)
    past = actions.new_zeros(count, 0, actions.shape[-1])
    rolled = model.rollout(starts.map(lambda part: part[:, None]), past, actions)
    after = probe.read(rolled.map(lambda part: part[:, :, 0]))
    return (after - probe.read(starts)[:, None]).cpu().double().numpy()


def central_frames(position: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return rows of the frames whose flange is nearest to the middle of where it has been.

    At the edge of the workspace the arm cannot follow every action, and a good model knows that.

    Args:
        position: `(n, 3)` [m].
        count: How many; all where there are fewer.
    """
    low, high = np.percentile(position, (2, 98), axis=0)
    away = np.linalg.norm((position - (low + high) / 2) / np.maximum(high - low, 1e-6), axis=1)
    return np.sort(np.argsort(away, kind='stable')[:count])
