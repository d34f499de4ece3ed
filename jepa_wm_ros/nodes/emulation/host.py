"""What an emulated driver wants to know of the node that it lives in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jepa_wm_ros.robot.tool import Tool

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from jepa_wm_ros.ros.lifecycle import ManagedNode
    from jepa_wm_ros.sim.drivers.controller import ArmController
    from jepa_wm_ros.sim.simulation import CellSimulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where an emulated driver lives.

    Attributes:
        node: Creates its entities.
        simulation: The cell.
        present_s: Brings the cell to the present and returns its time [s].
        joint_names: The seven arm joints, base to flange.
        base_frame: Frame of poses.
        tool: The end effector that the driver means.
    """

    node: ManagedNode
    simulation: CellSimulation
    present_s: Callable[[], float]
    joint_names: tuple[str, ...]
    base_frame: str
    tool: Tool


class ArmFace(Protocol):
    """The ROS side of a controller of the arm."""

    @property
    def controller(self) -> ArmController:
        """What moves the arm."""

    def tick(self, stamp: Time) -> None:
        """Say what there is to say, after time has passed."""
