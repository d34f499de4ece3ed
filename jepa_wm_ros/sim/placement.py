"""Putting the arm somewhere without motion: starts of episodes and goals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.limits import WORKSPACE_CELL
from jepa_wm_ros.robot.poses import Pose, from_euler
from jepa_wm_ros.sim.simulation import SimulationError

if TYPE_CHECKING:
    from jepa_wm_ros.sim.simulation import CellSimulation

GRIPPER_DOWN = from_euler(np.zeros(3), (math.pi, 0.0, 0.0)).rotation
"""Orientation of the flange (3, 3) in the base frame when the gripper points straight down."""
GRIPPER_DOWN.flags.writeable = False


def place(simulation: CellSimulation, position: ArrayLike, gripper: float = 0.0) -> None:
    """Teleport the flange to a position with the gripper pointing down.

    Args:
        simulation: the cell.
        position: (3,) in the base frame [m].
        gripper: 0 open .. 1 closed.

    Raises:
        SimulationError: the position is not three finite numbers, or out of reach.
    """
    wanted = np.asarray(position, dtype=np.float64)
    if wanted.shape != (3,) or not np.isfinite(wanted).all():
        raise SimulationError(f'a position must be 3 finite numbers, not {wanted.tolist()}')
    solution = simulation.kinematics.inverse(
        Pose(wanted, GRIPPER_DOWN), READY_POSTURE, posture_step_rad=np.inf
    )
    if not solution.converged:
        raise SimulationError(
            f'the arm cannot put its flange at {wanted.tolist()} m: {solution.reason}'
        )
    simulation.teleport(solution.joint_positions, gripper)


def begin_at(
    simulation: CellSimulation, position: ArrayLike | None, rng: np.random.Generator
) -> None:
    """Teleport the flange to where an episode begins, and begin the sensor noise anew.

    Args:
        simulation: the cell.
        position: (3,) in the base frame [m]; None draws one in the workspace of the cell.
        rng: source of the position and of the noise.

    Raises:
        SimulationError: the position is out of reach; nothing moved.
    """
    seed = int(rng.integers(2**63))
    drawn = rng.uniform(WORKSPACE_CELL.lower, WORKSPACE_CELL.upper)
    place(simulation, drawn if position is None else position)
    simulation.reseed(seed)
