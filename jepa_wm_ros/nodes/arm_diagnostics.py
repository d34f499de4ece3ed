"""What the action publisher says about itself once a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jepa_wm_ros.robot.faults import SafetyState
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level, RateMonitor

if TYPE_CHECKING:
    from jepa_wm_ros.robot.safety import SafetySupervisor

APART_S = 0.3
"""Set-points further apart belong to two motions."""


class ArmMonitors:
    """Rates of what comes in and goes out.

    Attributes:
        joints: Joint states.
        images: Pictures that the encoder has seen.
        commands: Set-points that were sent.
        intervals: Between two set-points of one motion.
        first_command: From the acceptance of a plan to its first set-point.
    """

    def __init__(self) -> None:
        """Begin to count."""
        self.joints = RateMonitor()
        self.images = RateMonitor()
        self.commands = RateMonitor(window=200)
        self.intervals = LatencyMonitor()
        self.first_command = LatencyMonitor()

    def sent(self, now_s: float) -> None:
        """Note that a set-point was sent, on the steady clock [s]."""
        since_s = self.commands.age_s(now_s)
        if since_s < APART_S:
            self.intervals.add(since_s)
        self.commands.tick(now_s)

    def diagnostics(self, supervisor: SafetySupervisor) -> list[Diagnostic]:
        """Return the state of the supervisor, rates and ages of its inputs, rate of its output."""
        now_s = time.monotonic()
        return [
            _safety(supervisor),
            _input('joint states', self.joints, supervisor.joint_age_s(now_s)),
            _input('pictures', self.images, supervisor.image_age_s(now_s)),
            Diagnostic(
                name='commands',
                values={
                    'sent': self.commands.count,
                    'rate_hz': self.commands.rate_hz,
                    **self.intervals.values('interval'),
                    **self.first_command.values('first_command'),
                },
            ),
        ]


def _safety(supervisor: SafetySupervisor) -> Diagnostic:
    """Describe the supervisor."""
    fault, counters = supervisor.fault, supervisor.counters
    return Diagnostic(
        name='safety',
        level=Level.ERROR if supervisor.state is SafetyState.FAULT else Level.OK,
        message=supervisor.state.name if fault is None else fault.message,
        values={
            'clamped': counters.clamped,
            'refused': counters.refused,
            'held': counters.held,
            'faults': counters.faults,
        },
    )


def _input(name: str, rate: RateMonitor, age_s: float) -> Diagnostic:
    """Describe one input of the node; silent for a second is stale."""
    silent = not age_s <= 1.0
    return Diagnostic(
        name=name,
        level=Level.STALE if silent else Level.OK,
        message='silent' if silent else 'ok',
        values={
            'rate_hz': rate.rate_hz,
            'longest_gap_ms': 1000 * rate.longest_s,
            'age_s': age_s,
            'count': rate.count,
        },
    )
