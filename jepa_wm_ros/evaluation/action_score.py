"""How near planned actions come to what a person did: DROID's Action Error and Action Score.

The metric of JEPA-WM (arXiv 2512.24497) on recorded episodes: what matters is where the arm ends
up, so the actions of a plan are summed over its steps before they are compared,

    error = |sum_t planned_t - sum_t expert_t|   (each field; Euler increments are simply added)
    score = max(0, 800 (0.1 - mean error of the position)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError

SCALE = 800.0
WORST_M = 0.1
"""Position error [m] from which on the score is 0."""


class ActionScoreError(JepaWmError):
    """Planned and recorded actions cannot be compared."""


@dataclass(frozen=True, slots=True)
class ActionError:
    """The error of each episode `(E,)`, summed over the fields of a group.

    Attributes:
        position: Of x, y, z [m].
        orientation: Of roll, pitch, yaw [rad].
        gripper: Of the closedness.
    """

    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    gripper: NDArray[np.float64]

    @property
    def total(self) -> NDArray[np.float64]:
        """The sum of all fields, `(E,)`."""
        return self.position + self.orientation + self.gripper


def action_error(planned: ArrayLike, expert: ArrayLike) -> ActionError:
    """Compare plans with what was done.

    Args:
        planned: `(E, m, 7)`: plans of m steps, physical units.
        expert: `(E, M, 7)`, M >= m: recorded actions, of which the first m count.

    Raises:
        ActionScoreError: The shapes do not belong together.
    """
    plans, done = (np.asarray(a, dtype=np.float64) for a in (planned, expert))
    if plans.ndim != 3 or done.ndim != 3 or done.shape[1] < plans.shape[1]:
        raise ActionScoreError(
            'planned (E, m, 7) needs expert actions (E, M, 7) with M >= m, got '
            f'{plans.shape} and {done.shape}'
        )
    error = np.abs(plans.sum(1) - done[:, : plans.shape[1]].sum(1))
    return ActionError(error[:, :3].sum(-1), error[:, 3:6].sum(-1), error[:, 6:].sum(-1))


def action_score(position_error_m: ArrayLike) -> float:
    """Return the score, 0 (worst) to 80, of the mean position error of episodes [m]."""
    return max(0.0, SCALE * (WORST_M - float(np.asarray(position_error_m, np.float64).mean())))
