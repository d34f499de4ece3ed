"""What every gripper does, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.robot.gate import ClearedGrip
from jepa_wm_ros.robot.gripper import GripperCodec

if TYPE_CHECKING:
    from jepa_wm_ros.ros.lifecycle import ManagedNode


@dataclass(frozen=True, slots=True, kw_only=True)
class GripperWiring:
    """What a gripper wants to know.

    Attributes:
        node: Creates publishers and action clients.
        topic: Name of its topic or action; '' takes the driver's own.
        joint: Its joint.
        codec: Unit and direction of its commands.
        effort: Most effort of a command [N or Nm].
        speed_m_s: Speed of a Franka Hand [m/s].
        force_n: Force with which a Franka Hand grasps [N].
        warn: Called with a message when a command was not carried out.
    """

    node: ManagedNode
    topic: str = ''
    joint: str = ''
    codec: GripperCodec
    effort: float = 5.0
    speed_m_s: float = 0.05
    force_n: float = 20.0
    warn: Callable[[str], object] = lambda _: None


class GripperBackend(Protocol):
    """Opens and closes one kind of gripper."""

    def send(self, cleared: ClearedGrip) -> None:
        """Go to a closedness, 0 open .. 1 closed. Must not wait."""

    def obstacle(self) -> str:
        """Why commands would not reach the gripper, and what to do; empty when they would."""
