"""The cell in lockstep: time passes only in `step`. For data collection and fast evaluation."""

from __future__ import annotations

import math
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike

from jepa_wm_ros.robot.limits import WORKSPACE_CELL, MotionLimits, Workspace
from jepa_wm_ros.robot.observation import Observation
from jepa_wm_ros.robot.poses import Pose, apply_action, distance
from jepa_wm_ros.robot.trajectory import PoseTrajectory
from jepa_wm_ros.sim.appearance import NOMINAL, Appearance
from jepa_wm_ros.sim.camera import CameraSettings, Picture
from jepa_wm_ros.sim.joint_path import joint_path
from jepa_wm_ros.sim.placement import place
from jepa_wm_ros.sim.simulation import CellSimulation, SimulationError

_SETTLED_M = 5e-4
_SETTLED_RAD_S = 0.02
_LONGEST_SETTLING_S = 0.3


class CellEnvironment:
    """Episodes in the simulated cell: `reset`, then `step` with actions of the world model.

    A step is what the blocking executor of the ROS graph does: a rest-to-rest move of one step
    duration from the pose of the last observation, then settling.

    Attributes:
        simulation: the cell itself.
        workspace: box for the flange in the base frame; targets are clipped to it.
    """

    def __init__(
        self,
        *,
        step_duration_s: float = 0.4,
        appearance: Appearance = NOMINAL,
        control_hz: float = 50.0,
        camera: CameraSettings | None = None,
        render: bool = True,
    ) -> None:
        """Build the cell.

        Args:
            step_duration_s: how long the motion of one action takes [s].
            appearance: what pictures look like until a reset changes it.
            control_hz: how often the executor gives the servos a new target [Hz].
            camera: size and field of view; None is the default camera.
            render: False makes no OpenGL context; pictures are then black, for runs without eyes.

        Raises:
            SimulationError: a duration or rate is not above zero.
            RendererError: pictures are wanted, but cannot be rendered on this machine.
        """
        if not (step_duration_s > 0.0 and control_hz > 0.0):
            raise SimulationError(
                'step_duration_s and control_hz must be above 0, not '
                f'{step_duration_s} and {control_hz}'
            )
        self.simulation = CellSimulation(render=render, camera=camera)
        self.simulation.set_appearance(appearance)
        self.workspace: Workspace = WORKSPACE_CELL
        self._render = render
        self._step_duration_s = step_duration_s
        self._period_s = 1.0 / control_hz
        self._limits = MotionLimits()
        self._gripper = 0.0

    def __enter__(self) -> CellEnvironment:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the renderer."""
        self.close()

    def close(self) -> None:
        """Free the renderer."""
        self.simulation.close()

    @property
    def flange_pose(self) -> Pose:
        """Pose of the flange in the base frame."""
        return self.simulation.flange_pose

    def reset(
        self,
        position: ArrayLike | None = None,
        *,
        rng: np.random.Generator,
        appearance: Appearance | None = None,
    ) -> Observation:
        """Put the arm somewhere, gripper down and open, at rest.

        Args:
            position: flange position (3,) in the base frame [m]; None draws one in the workspace.
            rng: source of the position and of the sensor noise.
            appearance: what pictures look like from now on; None keeps the look.

        Raises:
            SimulationError: the position is out of reach.
        """
        if appearance is not None:
            self.simulation.set_appearance(appearance)
        self.simulation.reseed(int(rng.integers(2**63)))
        drawn = rng.uniform(self.workspace.lower, self.workspace.upper)
        self._place(drawn if position is None else position, 0.0)
        return self.observe()

    def step(self, action: ArrayLike) -> Observation:
        """Execute one action (7,) to its end and looks again.

        Args:
            action: `[dx dy dz]` [m], `[droll dpitch dyaw]` [rad] in the base frame, `dgripper`.

        Raises:
            SimulationError: the action is not seven finite numbers.
        """
        command = np.asarray(action, dtype=np.float64)
        if command.shape != (7,) or not np.isfinite(command).all():
            raise SimulationError(f'an action must be 7 finite numbers, not {command.tolist()}')
        start = self.flange_pose
        target = self.workspace.clip_pose(apply_action(start, command))
        self._gripper = float(np.clip(self._gripper + command[6], 0.0, 1.0))
        self.simulation.set_gripper(self._gripper)
        self._move(start, target)
        self._settle(target)
        return self.observe()

    def observe(self) -> Observation:
        """Return a new picture and the robot's state at this moment."""
        simulation = self.simulation
        return Observation(
            image=self._picture(),
            stamp_s=simulation.time_s,
            joint_positions=simulation.joint_positions,
            pose=simulation.flange_pose,
            gripper=simulation.gripper,
        )

    def picture_at(self, position: ArrayLike, gripper: float = 0.0) -> Picture:
        """Return what the camera would see with the flange at a position, gripper down.

        The state of the cell stays what it was.

        Args:
            position: (3,) in the base frame [m].
            gripper: 0 open .. 1 closed.

        Raises:
            SimulationError: the position is out of reach, or there is no renderer.
        """
        state, closedness = self.simulation.save_state(), self._gripper
        try:
            self._place(position, gripper)
            return self.simulation.render()
        finally:
            self.simulation.restore_state(state)
            self._gripper = closedness

    def _picture(self) -> Picture:
        """Render, or returns a black picture in an environment without eyes."""
        if self._render:
            return self.simulation.render()
        camera = self.simulation.camera
        return np.zeros((camera.height, camera.width, 3), dtype=np.uint8)

    def _place(self, position: ArrayLike, gripper: float) -> None:
        """Teleport the flange to a position (3,) [m], gripper down."""
        place(self.simulation, position, gripper)
        self._gripper = gripper

    def _move(self, start: Pose, target: Pose) -> None:
        """Follow a minimum-jerk trajectory with the servos."""
        trajectory = PoseTrajectory(start, [target], self._step_duration_s, limits=self._limits)
        simulation = self.simulation
        joints = simulation.joint_positions
        path = joint_path(simulation.kinematics, joints, trajectory, self._period_s)
        # A target lies one period ahead; with the speed to get there the servos do not lag.
        velocities = (path - np.vstack([joints, path[:-1]])) / self._period_s
        simulation.follow(path, velocities, self._period_s)
        simulation.set_joint_target(path[-1])

    def _settle(self, target: Pose) -> None:
        """Wait until the flange rests at the target, or for the longest settling time."""
        simulation = self.simulation
        for _ in range(math.ceil(_LONGEST_SETTLING_S / self._period_s)):
            simulation.advance(self._period_s)
            moving = np.abs(simulation.joint_velocities).max() > _SETTLED_RAD_S
            if not moving and distance(simulation.flange_pose, target)[0] < _SETTLED_M:
                return
