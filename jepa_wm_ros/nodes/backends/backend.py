"""What every command backend does, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.robot.motion import ArmCommand

if TYPE_CHECKING:
    from jepa_wm_ros.ros.lifecycle import ManagedNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a backend wants to know.

    Attributes:
        node: Creates the publishers, which it enables and disables with its life cycle.
        base_frame: Frame of commanded poses.
        joint_names: The seven arm joints, base to flange.
        lookahead_s: How far ahead of its time a set-point is sent [s].
        hold_time_s: How long the arm may take to come to rest when it is told to hold [s].
    """

    node: ManagedNode
    base_frame: str
    joint_names: Sequence[str]
    lookahead_s: float
    hold_time_s: float


class CommandBackend(Protocol):
    """Sends set-points to one kind of controller."""

    @property
    def topic(self) -> str | None:
        """The command topic, on which nobody else may publish; None when there is none."""

    @property
    def moves(self) -> bool:
        """Whether the arm is expected to follow."""

    def send(self, command: ArmCommand) -> None:
        """Put one set-point on the wire. Must not wait."""

    def delivered(self) -> bool:
        """Whether all listeners that promise reliability have got the last command."""


def _joint_trajectory(wiring: Wiring) -> CommandBackend:
    from jepa_wm_ros.nodes.backends.joint_trajectory import JointTrajectoryBackend

    return JointTrajectoryBackend(wiring)


def _cartesian_pose(wiring: Wiring) -> CommandBackend:
    from jepa_wm_ros.nodes.backends.cartesian_pose import CartesianPoseBackend

    return CartesianPoseBackend(wiring)


def _dry_run(wiring: Wiring) -> CommandBackend:
    from jepa_wm_ros.nodes.backends.cartesian_pose import DryRunBackend

    return DryRunBackend(wiring)


# A backend is imported only when it is used, so that a driver's messages are needed only then.
BACKENDS: dict[str, Callable[[Wiring], CommandBackend]] = {
    'joint_trajectory': _joint_trajectory,
    'cartesian_pose': _cartesian_pose,
    'dry_run': _dry_run,
}
