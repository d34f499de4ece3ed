"""Whether plans bring the goal nearer."""

from __future__ import annotations

STALL_FALL = 0.97
"""A latent distance counts as falling when it drops below this part of the best one so far."""


class Progress:
    """Notices that the distance to a goal has stopped falling."""

    def __init__(self, stall_steps: int, reached_cost: float) -> None:
        """Wait `stall_steps` looks; a distance up to `reached_cost` is no stall."""
        self._stall_steps, self._reached = stall_steps, reached_cost
        self.reset()

    def reset(self) -> None:
        """Begin with another goal."""
        self._best, self._stalled = float('inf'), 0

    def stalls(self, distance: float) -> bool:
        """Return whether to start afresh: far from the goal, and no nearer for some looks."""
        if distance < STALL_FALL * self._best:
            self._best, self._stalled = distance, 0
            return False
        self._stalled += 1
        if self._stalled < self._stall_steps or distance <= self._reached:
            return False
        self._best, self._stalled = distance, 0
        return True
