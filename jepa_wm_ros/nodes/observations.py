"""Encoded observations on their way from the encoder to the planner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.ros.waiting import first_of
from jepa_wm_ros.ros.worker import future_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node
    from rclpy.task import Future

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.worldmodel.latent import Latent

_CLOCK_RESET_S = 1.0
"""A stamp that lies further back than the one before belongs to a clock that was reset [s]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedObservation:
    """What the encoder made of one camera picture.

    Attributes:
        stamp: Capture time, as the camera's message gave it (`builtin_interfaces/Time`).
        stamp_s: The same [s].
        latent: Tokens `(1, N, D)`.
        pose: Flange in the base frame at that time.
        gripper: 0 open .. 1 closed at that time.
        bundle: Fingerprint of the model that encoded it.
        encode_time_s: How long encoding took [s].
        image: The camera's message; None when the latent came over the wire.
        joints: `(7,)` arm joints at that time [rad]; None when they are not known.
    """

    stamp: Any
    stamp_s: float
    latent: Latent
    pose: Pose
    gripper: float
    bundle: str
    encode_time_s: float
    image: Any = None
    joints: NDArray[np.float64] | None = None


class ObservationStream:
    """The newest observation, and waiting for the next."""

    def __init__(self, node: Node) -> None:
        """Wait on the executor of `node`."""
        self._node = node
        self.doubt = ''
        """Why the images that arrive are not believed; empty while they are."""
        self._newest: EncodedObservation | None = None
        self._lives = 0
        self._next: Future | None = None

    @property
    def newest(self) -> EncodedObservation | None:
        """The newest observation; None before the first."""
        return self._newest

    def absence(self, timeout_s: float) -> str:
        """Say why there is no observation.

        Args:
            timeout_s: For how long there has been none [s].
        """
        if self.doubt:
            return f'no image of the last {timeout_s:g} s can be believed: {self.doubt}'
        return (
            f'no new observation for {timeout_s:g} s; do the topics image and joint_states arrive '
            'at the encoder (see its diagnostics)?'
        )

    def put(self, observation: EncodedObservation) -> None:
        """Take in an observation and wake who waits for it."""
        before, self._newest = self._newest, observation
        if before is not None and observation.stamp_s < before.stamp_s - _CLOCK_RESET_S:
            self._lives += 1
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

    async def after(
        self, stamp_s: float, stop: Future, timeout_s: float
    ) -> EncodedObservation | None:
        """The first observation that was taken after a moment.

        When the clock is reset meanwhile (a bag begins anew), any observation since then will do.

        Args:
            stamp_s: The moment [s], on the clock of the stamps.
            stop: Ends the waiting when it is resolved.
            timeout_s: Longest time between two observations [s].

        Returns:
            The observation; None when time ran out or `stop` was resolved.
        """
        lives = self._lives
        while self._newest is None or (self._newest.stamp_s <= stamp_s and self._lives == lives):
            if self._next is None:
                self._next = future_for(self._node.executor)
            coming = self._next
            if await first_of(self._node, (coming, stop), timeout_s) is not coming:
                return None
        return self._newest
