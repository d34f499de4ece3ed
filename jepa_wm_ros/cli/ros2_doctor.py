"""Our checks as a plug-in of `ros2 doctor` (entry points in setup.py).

`ros2 doctor` asks for `category`, `check` and `report` by name; its own classes are imported when
they are used, because ros2doctor comes with ROS and is not on PyPI.
"""

from __future__ import annotations

from typing import Any

from jepa_wm_ros.cli.checks import CHECKS
from jepa_wm_ros.cli.doctor import examine
from jepa_wm_ros.cli.findings import Finding, Level

_SLOW = ('rendering', 'DDS loopback', 'large pictures')
"""Left to `jepa-wm doctor`: `ros2 doctor` is expected to answer at once."""


class JepaWmCheck:
    """The checks of the machine."""

    def category(self) -> str:
        """What the check belongs to."""
        return 'jepa_wm'

    def check(self) -> Any:
        """Run the checks; returns `ros2doctor.api.Result`."""
        from ros2doctor.api import Result
        from ros2doctor.api.format import doctor_error, doctor_warn

        result = Result()
        for title, finding in findings():
            words = f'jepa_wm_ros: {title}: {finding.found}'
            words += f'; to do: {finding.advice}' if finding.advice else ''
            if finding.level is Level.BAD:
                doctor_error(words)
                result.add_error()
            elif finding.level is Level.DOUBTFUL:
                doctor_warn(words)
                result.add_warning()
        return result


class JepaWmReport:
    """The same as a section of `ros2 doctor --report`."""

    def category(self) -> str:
        """What the report belongs to."""
        return 'jepa_wm'

    def report(self) -> Any:
        """Return `ros2doctor.api.Report`."""
        from ros2doctor.api import Report

        report = Report('JEPA-WM')
        for title, finding in findings():
            report.add_to_report(title, f'{finding.level.value}: {finding.found}')
        return report


def findings() -> list[tuple[str, Finding]]:
    """Run the quick checks."""
    return [(title, examine(check)) for title, check in CHECKS if title not in _SLOW]
