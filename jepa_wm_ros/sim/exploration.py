"""How the arm moves while data is collected: it wanders, and it goes places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.limits import Workspace


class Explorer(Protocol):
    """Chooses the next action from where the flange is."""

    def action(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `(7,)` for a flange at `position` (3,) [m]."""
        ...


class Wanderer:
    """Smooth random actions: x' = r x + sqrt(1 - r^2) noise, at a speed drawn once."""

    def __init__(self, rng: np.random.Generator, bound: NDArray[np.float64]) -> None:
        """Draw smoothness and speed; `bound` (7,) is the greatest action."""
        self._rng, self._bound = rng, bound
        self._memory = rng.uniform(0.0, 0.9)
        self._speed = rng.uniform(0.2, 1.0)
        self._state = rng.standard_normal(len(bound))

    def action(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the next action; the position does not matter."""
        del position
        noise = self._rng.standard_normal(len(self._bound))
        self._state = self._memory * self._state + (1 - self._memory**2) ** 0.5 * noise
        return np.clip(self._speed * self._state, -1, 1) * self._bound


class Traveller:
    """Goes to one random place after another, not quite straight, and lingers there."""

    def __init__(
        self, rng: np.random.Generator, bound: NDArray[np.float64], workspace: Workspace
    ) -> None:
        """Draw the first place within `workspace`."""
        self._rng, self._bound, self._workspace = rng, bound, workspace
        self._pace = rng.uniform(0.4, 1.0)
        self._noise = rng.uniform(0.0, 0.3)
        self._arrive()

    def action(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an action towards the present destination."""
        gap = self._destination - position
        if float(np.linalg.norm(gap)) < 0.01:
            self._linger -= 1
            if self._linger < 0:
                self._arrive()
        action = np.zeros(len(self._bound))
        noise = self._noise * self._rng.standard_normal(3) * self._bound[:3]
        action[:3] = (
            np.clip(gap, -self._pace * self._bound[:3], self._pace * self._bound[:3]) + noise
        )
        return np.clip(action, -self._bound, self._bound)

    def _arrive(self) -> None:
        self._destination = self._rng.uniform(self._workspace.lower, self._workspace.upper)
        self._linger = int(self._rng.integers(0, 3))


def journey(
    number: int,
    rng: np.random.Generator,
    start: NDArray[np.float64],
    steps: int,
    bound: NDArray[np.float64],
    workspace: Workspace,
) -> NDArray[np.float64]:
    """Return the actions `(steps, 7)` of an episode, chosen before it begins.

    Odd episodes wander, even ones travel. Nothing leads out of the workspace, so that every
    action can be executed as it is.

    Args:
        number: Of the episode.
        rng: All the randomness there is.
        start: `(3,)` flange at the beginning [m].
        steps: Actions.
        bound: `(7,)` greatest action.
        workspace: Box of the flange.
    """
    explorer: Explorer = Wanderer(rng, bound) if number % 2 else Traveller(rng, bound, workspace)
    position, actions = np.asarray(start, float), []
    for _ in range(steps):
        action = explorer.action(position)
        reached = np.clip(position + action[:3], workspace.lower, workspace.upper)
        action[:3], position = reached - position, reached
        actions.append(action)
    return np.array(actions)
