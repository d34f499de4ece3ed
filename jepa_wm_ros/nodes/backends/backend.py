"""What every command backend does, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.robot.gate import ClearedCommand, ClearedRoute
from jepa_wm_ros.robot.tool import Tool

if TYPE_CHECKING:
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.ros.lifecycle import ManagedNode


@dataclass(frozen=True, slots=True, kw_only=True)
class ServoSettings:
    """How MoveIt Servo is spoken to.

    Attributes:
        release: 'switch' has a service that sets the type of commands (Iron and later), 'start'
            one that starts it (Humble); 'none' means that no Servo listens.
        gain: Part of the error that is closed in a second [1/s].
        linear_scale: Speed that it understands by 1 [m/s]; 1 when it takes m/s.
        rotational_scale: The same for rotation [rad/s].
        max_speed_m_s: Highest linear speed [m/s].
        max_rotation_speed_rad_s: Highest rotation speed [rad/s].
    """

    release: str = 'none'
    gain: float = 4.0
    linear_scale: float = 1.0
    rotational_scale: float = 1.0
    max_speed_m_s: float = 0.5
    max_rotation_speed_rad_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a backend wants to know.

    Attributes:
        node: Creates the publishers, which it enables and disables with its life cycle.
        base_frame: Frame of commanded poses.
        joint_names: The seven arm joints, base to flange.
        command_topic: Name of the command topic or action; '' takes the backend's own.
        lookahead_s: How far ahead of its time a set-point is sent [s].
        hold_time_s: How long the arm may take to come to rest when it is told to hold [s].
        brake_time_s: How long the arm takes to come to rest when no command follows [s].
        tool: The end effector that the driver means by a pose.
        servo: How MoveIt Servo is spoken to.
        measured: The newest flange pose in the base frame; None before the first.
        complain: Called with a message when the controller does not do what it was told.
    """

    node: ManagedNode
    base_frame: str
    joint_names: Sequence[str]
    command_topic: str = ''
    lookahead_s: float
    hold_time_s: float
    brake_time_s: float = 0.15
    tool: Tool = field(default_factory=Tool)
    servo: ServoSettings = field(default_factory=ServoSettings)
    measured: Callable[[], Pose | None] = lambda: None
    complain: Callable[[str], object] = lambda _: None


class CommandBackend(Protocol):
    """Sends set-points to one kind of controller: those that the gate has cleared."""

    @property
    def topic(self) -> str | None:
        """The command topic, on which nobody else may publish; None when there is none."""

    @property
    def own_publishers(self) -> int:
        """How many of the publishers on `topic` are ours."""

    @property
    def moves(self) -> bool:
        """Whether the arm is expected to follow."""

    @property
    def plays_routes(self) -> bool:
        """Whether the controller gets whole motions (`play`), and set-points only to hold."""

    def play(self, cleared: ClearedRoute) -> None:
        """Have the controller play a motion; no points stop it. Must not wait."""

    def send(self, cleared: ClearedCommand) -> None:
        """Put one set-point on the wire. Must not wait."""

    def obstacle(self) -> str:
        """Why commands would not reach the arm, and what to do; empty when they would."""

    def delivered(self) -> bool:
        """Whether all listeners that promise reliability have got the last command."""
