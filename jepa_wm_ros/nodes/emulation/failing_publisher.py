"""The action publisher with arithmetic that fails at a signal: for `jepa-wm bench faults`."""

from __future__ import annotations

import math
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.nodes import action_publisher, arm_wiring
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.ros.faults.graphs import FAIL

if TYPE_CHECKING:
    from jepa_wm_ros.robot.kinematics import IkSolution


class FailingKinematics(Kinematics):
    """Inverse kinematics that are right until the signal."""

    failed = False

    def inverse(self, *arguments: Any, **options: Any) -> IkSolution:
        """Return joint positions that say that they are right."""
        solution = super().inverse(*arguments, **options)
        if not FailingKinematics.failed:
            return solution
        return replace(solution, joint_positions=np.full(7, math.nan))


def main(arguments: list[str]) -> int:
    """Run the node."""

    def fail(*_: object) -> None:
        FailingKinematics.failed = True

    signal.signal(FAIL, fail)
    setattr(arm_wiring, 'Kinematics', FailingKinematics)  # noqa: B010 (the type differs on purpose)
    return action_publisher.main(['action_publisher', *arguments])


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
