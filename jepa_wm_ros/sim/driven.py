"""The cell driven by commands that may come at any time, as a real arm is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.sim.following import TrajectoryFollower, Waypoint
from jepa_wm_ros.sim.placement import begin_at
from jepa_wm_ros.sim.simulation import CellSimulation, SimulationError


class DrivenCell:
    """A simulation whose arm follows joint trajectories or pose targets, and holds the last one.

    Attributes:
        simulation: the cell.
    """

    def __init__(self, simulation: CellSimulation) -> None:
        """Start by holding the present place."""
        self.simulation = simulation
        self._behind_s = 0.0
        self._follower = TrajectoryFollower(
            simulation.joint_positions, simulation.kinematics.limits
        )

    def advance(self, duration_s: float) -> None:
        """Let time pass; the servos of a moving arm get a new target in each physics step."""
        simulation, step_s = self.simulation, self.simulation.physics_step_s
        self._behind_s += duration_s
        while self._behind_s >= step_s - 1e-9:
            simulation.set_joint_target(*self._follower.sample(simulation.time_s + step_s))
            # An arm that holds still gets no other target before the next command.
            steps = 1 if self._follower.moving else int(self._behind_s / step_s + 1e-6)
            self._behind_s -= steps * step_s
            simulation.advance(steps * step_s)

    def follow_joints(self, waypoints: Sequence[Waypoint]) -> None:
        """Follow a joint trajectory from now on.

        Raises:
            TrajectoryCommandError: it cannot be followed; the arm goes on as before.
        """
        self._follower.follow(self.simulation.time_s, waypoints)

    def follow_pose(self, target: Pose, within_s: float) -> None:
        """Go to a flange pose in the base frame on a straight line in joint space.

        Raises:
            SimulationError: the pose is out of reach; the arm goes on as before.
        """
        now_s = self.simulation.time_s
        commanded, _ = self._follower.sample(now_s)
        solution = self.simulation.kinematics.inverse(target, commanded)
        if not solution.converged:
            raise SimulationError(
                f'target pose at {target.position.tolist()} m cannot be reached: {solution.reason}'
            )
        self._follower.follow(now_s, [Waypoint(within_s, solution.joint_positions)])

    def hold(self) -> None:
        """Stop here and hold the measured joint positions."""
        self._follower.hold(self.simulation.joint_positions)

    def reset(self, position: ArrayLike | None, rng: np.random.Generator) -> None:
        """Put the arm at a flange position (3,) [m], gripper down and open, at rest.

        Args:
            position: in the base frame; None draws one in the workspace of the cell.
            rng: source of the position and of the sensor noise.

        Raises:
            SimulationError: the position is out of reach; nothing moved.
        """
        begin_at(self.simulation, position, rng)
        self.hold()
