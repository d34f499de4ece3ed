"""Colours that carry meaning: costs, and the state of the safety supervisor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.evaluation.palette import rgb

# From near black over purple and orange to pale yellow: brightness alone tells the order, so that
# colour-blind people and black-and-white prints keep it.
_ANCHORS = ('#0b0724', '#57106e', '#bc3754', '#f98e09', '#fcffa4')

STATES = ('DISARMED', 'ARMED', 'EXECUTING', 'FAULT')
"""Of `jepa_wm_msgs/SafetyStatus`, by their numbers."""
STATE_COLOURS = {
    'DISARMED': '#8a949e',
    'ARMED': '#009e73',
    'EXECUTING': '#0072b2',
    'FAULT': '#d55e00',
    'UNKNOWN': '#cccccc',
}
"""By state; UNKNOWN while no supervisor has spoken."""


def state_name(state: int | None) -> str:
    """Return the name of a supervisor's state; UNKNOWN for None and numbers of the future."""
    return STATES[state] if state is not None and 0 <= state < len(STATES) else 'UNKNOWN'


def opaque(colour: str, opacity: float = 1.0) -> NDArray[np.float64]:
    """Return a `#rrggbb` colour as `(4,)` within 0..1."""
    return np.array([*(part / 255 for part in rgb(colour)), opacity])


def shades(values: ArrayLike) -> NDArray[np.float64]:
    """Return the colour `(..., 3)` within 0..1 of values: dark at 0, bright at 1, cut outside."""
    anchors = np.array([rgb(colour) for colour in _ANCHORS]) / 255
    where = np.clip(np.asarray(values, float), 0.0, 1.0)
    places = np.linspace(0.0, 1.0, len(anchors))
    return np.stack([np.interp(where, places, anchors[:, part]) for part in range(3)], axis=-1)


def goodness(costs: ArrayLike) -> NDArray[np.float64]:
    """Return 1 for the least cost, 0 for the greatest and for what is no number, `(N,)`.

    All costs alike are all good.
    """
    values = np.asarray(costs, float)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape)
    least, most = values[finite].min(), values[finite].max()
    span = most - least
    good = np.ones(values.shape) if span == 0 else (most - np.nan_to_num(values)) / (span)
    return np.where(finite, np.clip(good, 0.0, 1.0), 0.0)


def cost_colours(costs: ArrayLike, opacity: float = 1.0) -> NDArray[np.float64]:
    """Return a colour `(N, 4)` for each cost: the brighter, the cheaper."""
    # the darkest shade would drown in a dark display
    colours = shades(0.25 + 0.75 * goodness(costs))
    return np.concatenate([colours, np.full((len(colours), 1), opacity)], axis=1)
