"""What somebody else does to our controller, from a process of his own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.ros.client import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.ros.faults.system import FaultSystem


def rival(service: str) -> Callable[[FaultSystem], float]:
    """Have the rival do something.

    Args:
        service: Its service that makes it do so.
    """

    def act(system: FaultSystem) -> float:
        answer = system.observer.trigger(service)
        if not answer.success:
            raise GraphError(f'the rival cannot do that yet ({service})')
        return float(answer.message)  # its own clock, when it acted

    return act
