"""The cell moved by a controller of ros2_control instead of by our own follower."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.sim.placement import begin_at
from jepa_wm_ros.sim.simulation import CellSimulation

Vector = NDArray[np.float64]


class ArmController(Protocol):
    """What turns commands into joint targets, cycle by cycle."""

    @property
    def active(self) -> bool:
        """Whether it is active."""

    def deactivate(self) -> None:
        """Command the arm no more; a goal under way ends."""

    def activate(self, now_s: float, joints: Vector) -> None:
        """Begin at joint positions (7,) [rad], at rest: whatever was commanded is forgotten."""

    def update(self, now_s: float, period_s: float, joints: Vector) -> tuple[Vector, Vector]:
        """Return the target positions (7,) [rad] and velocities (7,) [rad/s] of the next cycle.

        Args:
            now_s: The moment for which they are wanted [s], simulated time.
            period_s: Since the last cycle [s].
            joints: Measured positions (7,) [rad].
        """


class ControlledCell:
    """A simulation whose arm does what a controller says.

    Attributes:
        simulation: The cell.
        controller: What moves the arm.
        stopped: Whether the robot does not listen: after a reflex, or a user stop.
    """

    def __init__(
        self, simulation: CellSimulation, controller: ArmController, cycle_s: float = 0.004
    ) -> None:
        """Activate the controller where the arm is.

        Args:
            simulation: The cell.
            controller: What moves the arm.
            cycle_s: Time between two cycles of the controller [s]; a real one takes 0.001.
        """
        self.simulation, self.controller = simulation, controller
        self.stopped = False
        self._cycle_s = max(cycle_s, simulation.physics_step_s)
        self._behind_s = 0.0
        self.hold()

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        simulation, cycle_s = self.simulation, self._cycle_s
        self._behind_s += duration_s
        while self._behind_s >= cycle_s - 1e-9:
            self._behind_s -= cycle_s
            if not self.stopped and self.controller.active:
                target = self.controller.update(
                    simulation.time_s + cycle_s, cycle_s, simulation.joint_positions
                )
                simulation.set_joint_target(*target)
            simulation.advance(cycle_s)

    def hold(self) -> None:
        """Stop here; the controller starts again from here."""
        joints = self.simulation.joint_positions
        self.simulation.set_joint_target(joints)
        self.controller.activate(self.simulation.time_s, joints)

    def activate(self, active: bool) -> None:
        """Activate or deactivate the controller, as a controller manager does."""
        if active and not self.controller.active:
            self.hold()
        elif not active:
            self.controller.deactivate()

    def stop(self, stopped: bool) -> None:
        """Have the robot stop by itself, or listen again, from where it is."""
        if stopped != self.stopped:
            self.stopped = stopped
            self.hold()

    def reset(self, position: ArrayLike | None, rng: np.random.Generator) -> None:
        """Put the arm at a flange position (3,) [m], gripper down and open, at rest.

        Args:
            position: In the base frame; None draws one in the workspace of the cell.
            rng: Source of the position and of the sensor noise.

        Raises:
            SimulationError: The position is out of reach; nothing moved.
        """
        begin_at(self.simulation, position, rng)
        self.hold()
