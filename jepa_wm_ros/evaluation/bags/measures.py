"""Measures of single windows, computed from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.evaluation.action_score import action_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jepa_wm_ros.evaluation.bags.windows import WindowRecord

MOVED_M = 0.005
"""Translations shorter than this have no direction that could be compared [m]."""
TURNED = 0.1
"""A gripper that closes or opens by less than this part is not moved."""
AXES = ('x', 'y', 'z')


def window_measures(records: Sequence[WindowRecord]) -> dict[str, NDArray[np.float64]]:
    """Return the measures of windows by name, `(E,)` each; NaN where one has no meaning.

    `position_error_m` is the Action Error of the position (sum over the axes), `axis_*_m` its
    parts, `rotation_error_rad` and `gripper_error` the other groups. `noop_*` compares doing
    nothing with what was done, `shuffled_*` the plan with what was done in another window: what
    the errors would be without any relation between picture and plan. `gain_over_*_m` is how much
    smaller than these the error is, window by window.
    """
    planned = np.array([record.planned for record in records])
    done = np.array([record.executed for record in records])
    error = action_error(planned, done)
    noop = action_error(np.zeros_like(planned), done)
    # half the windows further: never the same one, and hardly ever an overlapping one
    shuffled = action_error(planned, np.roll(done, max(1, len(done) // 2), axis=0))
    total, wanted = planned.sum(1), done.sum(1)
    measures = {
        'position_error_m': error.position,
        'rotation_error_rad': error.orientation,
        'gripper_error': error.gripper,
        'action_error': error.total,
        'noop_position_error_m': noop.position,
        'shuffled_position_error_m': shuffled.position,
        'gain_over_noop_m': noop.position - error.position,
        'gain_over_shuffled_m': shuffled.position - error.position,
        'cosine': cosines(total[:, :3], wanted[:, :3]),
        'gripper_sign': gripper_agreement(total[:, 6], wanted[:, 6]),
    }
    measures |= {
        f'axis_{name}_m': np.abs(total - wanted)[:, axis] for axis, name in enumerate(AXES)
    }
    return measures | _energies(records)


def cosines(planned: NDArray[np.float64], done: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosines between translations `(E, 3)` [m]; NaN for those that are too short."""
    lengths = np.linalg.norm(planned, axis=1), np.linalg.norm(done, axis=1)
    moved = lengths[1] >= MOVED_M
    product = np.maximum(lengths[0] * lengths[1], np.finfo(float).tiny)
    return np.where(moved, (planned * done).sum(1) / product, np.nan)


def gripper_agreement(
    planned: NDArray[np.float64], done: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 where both move the gripper in the same direction, 0 where not, `(E,)`.

    NaN where the gripper was not moved.
    """
    same = (np.sign(planned) == np.sign(done)) & (np.abs(planned) >= TURNED)
    return np.where(np.abs(done) >= TURNED, same.astype(float), np.nan)


def falling(distances: Sequence[float]) -> float:
    """Return in what part of the steps a distance falls."""
    return float((np.diff(np.asarray(distances)) < 0).mean())


def _energies(records: Sequence[WindowRecord]) -> dict[str, NDArray[np.float64]]:
    names = ('energy_planned', 'energy_executed', 'energy_noop', 'energy_grid', 'rank')
    rows = {name: np.array([getattr(record, name) for record in records]) for name in names}
    rows['monotonicity'] = np.array([falling(record.goal_distances) for record in records])
    rows['saturation'] = np.array([record.saturation for record in records])
    return rows
