"""Listens to a running graph: missed periods of the commands, and what plans take."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jepa_wm_msgs.msg import Plan
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_stamp

if TYPE_CHECKING:
    from rclpy.node import Node

PERIOD_S = 0.01
"""Of the commands in the simulated cell [s]."""
MOST_PERIODS = 3
"""A longer time between two commands of a motion is a missed deadline."""
_LATE = 1.5
_MOVES_RAD_S = 1e-6
_NANOSECONDS = 1e-9
_QUEUE = 200
_RECENT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without a command in the middle of a motion, clock of the senders [s]."""

    began_s: float
    ended_s: float

    @property
    def periods(self) -> float:
        """Its length in periods of the commands."""
        return (self.ended_s - self.began_s) / PERIOD_S


@dataclass(slots=True, kw_only=True)
class WireFigures:
    """What was seen since the last look.

    Attributes:
        commands: Set-points on the wire.
        unseen: Set-points that did not reach us, as their numbers tell.
        missed: Periods in which one was missing, in the middle of a motion.
        longest_s: Longest time between two commands of a motion [s].
        plan_s: Times of the plans [s].
        first_command_s: From the end of a plan to its first command on the wire [s].
        gaps: Missed deadlines.
    """

    commands: int = 0
    unseen: int = 0
    missed: int = 0
    longest_s: float = 0.0
    plan_s: list[float] = field(default_factory=list)
    first_command_s: list[float] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


class CommandWatch:
    """Finds missing commands: one that asks for a speed must be followed by another."""

    def __init__(self) -> None:
        """Begin before the first command."""
        self._sent_s: float | None = None
        self._number = 0
        self._moving = False

    def seen(
        self, sent_s: float, speed_rad_s: float, figures: WireFigures, number: int = 0
    ) -> None:
        """Take in a command.

        Args:
            sent_s: When it was sent [s].
            speed_rad_s: Of the fastest joint that it asks for.
            figures: Takes what is found.
            number: Of the message, as its sender counts; 0 is not known. A jump tells that
                messages did not reach us, which is no silence of the sender.
        """
        figures.commands += 1
        unseen = max(0, number - self._number - 1) if self._number and number else 0
        self._number, figures.unseen = number, figures.unseen + unseen
        if self._sent_s is not None and self._moving and not unseen:
            passed_s = sent_s - self._sent_s
            figures.longest_s = max(figures.longest_s, passed_s)
            if passed_s > _LATE * PERIOD_S:
                figures.missed += round(passed_s / PERIOD_S) - 1
            if passed_s > MOST_PERIODS * PERIOD_S:
                figures.gaps.append(Gap(began_s=self._sent_s, ended_s=sent_s))
        self._sent_s, self._moving = sent_s, speed_rad_s > _MOVES_RAD_S


class Wire:
    """Subscribes to plans and commands of the simulated cell (joint trajectory backend).

    Args:
        node: Its executor takes the messages.
    """

    def __init__(self, node: Node) -> None:
        self._lock = threading.Lock()
        self._figures = WireFigures()
        self._watch = CommandWatch()
        self._planned_s: float | None = None
        self._sent: deque[float] = deque(maxlen=_RECENT)
        # callbacks with two arguments are also given the message's time stamps
        node.create_subscription(Plan, 'plan', self._on_plan, qos.events())
        node.create_subscription(JointTrajectory, 'joint_trajectory', self._on_command, _QUEUE)

    def take(self) -> WireFigures:
        """Return what was seen since the last call."""
        with self._lock:
            figures, self._figures = self._figures, WireFigures()
        return figures

    def _on_plan(self, message: Plan, info: dict[str, Any]) -> None:
        with self._lock:
            self._figures.plan_s.append(message.plan_time_s)
            self._planned_s = decode_stamp(message.header.stamp)
            # the first command may have overtaken the plan on its way to us
            self._match()

    def _on_command(self, message: JointTrajectory, info: dict[str, Any]) -> None:
        if not message.points:
            return
        sent_s = info['source_timestamp'] * _NANOSECONDS
        speed = float(np.abs(message.points[0].velocities).max(initial=0.0))
        with self._lock:
            number = info.get('publication_sequence_number') or 0
            self._watch.seen(sent_s, speed, self._figures, number)
            self._sent.append(sent_s)
            self._match()

    def _match(self) -> None:
        """Note how long the first command took after a plan."""
        planned_s = self._planned_s
        later = [] if planned_s is None else [sent for sent in self._sent if sent >= planned_s]
        if planned_s is not None and later:
            self._figures.first_command_s.append(min(later) - planned_s)
            self._planned_s = None
