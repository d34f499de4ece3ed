"""The simulated cell: physics, servos, gripper and camera behind a few plain methods."""

from __future__ import annotations

import math
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    GRIPPER_CLOSED,
    GRIPPER_JOINT,
    READY_POSTURE,
)
from jepa_wm_ros.robot.kinematics import IkSolution, Kinematics
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.sim.appearance import NOMINAL, Appearance
from jepa_wm_ros.sim.backend import import_mujoco
from jepa_wm_ros.sim.camera import CameraSettings, Picture
from jepa_wm_ros.sim.scene import (
    DAMPING,
    PHYSICS_STEP_S,
    STIFFNESS,
    build_model,
)
from jepa_wm_ros.sim.view import View

Vector = NDArray[np.float64]

_ARM = slice(0, 7)
_GRIPPER_SERVO = 7
_LEAD_S = DAMPING / STIFFNESS


class SimulationError(JepaWmError):
    """The simulation was asked for something that it cannot do."""


class CellSimulation:
    """A Franka arm on a table, seen by one exterior camera. Not thread-safe.

    Attributes:
        camera: settings of the camera.
        kinematics: the arm's kinematics, which pose targets use.
    """

    def __init__(
        self,
        *,
        render: bool = True,
        camera: CameraSettings | None = None,
        seed: int = 0,
        physics_step_s: float = PHYSICS_STEP_S,
    ) -> None:
        """Build the cell with the arm at rest in the ready posture.

        Args:
            render: False leaves out the renderer; `render` then raises.
            camera: size and field of view; None is the default camera.
            seed: of the sensor noise.
            physics_step_s: time that the physics advances at once [s].

        Raises:
            RendererError: pictures are wanted, but cannot be rendered on this machine.
            DescriptionError: the robot description is missing or not complete.
        """
        self._mujoco = import_mujoco()
        self.camera = camera or CameraSettings()
        self.kinematics = Kinematics()
        self._model = build_model(self.camera)
        self._model.opt.timestep = self._step_s = physics_step_s
        self._data = self._mujoco.MjData(self._model)
        self._arm_q = self._joint_indices(self._model.jnt_qposadr)
        self._arm_v = self._joint_indices(self._model.jnt_dofadr)
        self._finger_q = int(self._model.joint(GRIPPER_JOINT).qposadr[0])
        self._carry_s = 0.0
        self._view = View(self._model, self.camera, seed) if render else None
        self.set_appearance(NOMINAL)
        self.teleport(READY_POSTURE)

    def __enter__(self) -> CellSimulation:
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
        """Free the renderer; the physics stays usable."""
        if self._view is not None:
            self._view.close()
            self._view = None

    # --- state -------------------------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Simulated time since construction [s]."""
        return float(self._data.time)

    @property
    def physics_step_s(self) -> float:
        """Time that the physics advances at once [s]."""
        return self._step_s

    @property
    def joint_positions(self) -> Vector:
        """Positions of the arm's joints (7,) [rad]."""
        return self._data.qpos[self._arm_q].copy()

    @property
    def joint_velocities(self) -> Vector:
        """Speeds of the arm's joints (7,) [rad/s]."""
        return self._data.qvel[self._arm_v].copy()

    @property
    def joint_efforts(self) -> Vector:
        """Torques of the arm's servos (7,) [Nm], without gravity compensation."""
        return self._data.actuator_force[_ARM].copy()

    @property
    def flange_pose(self) -> Pose:
        """Pose of the flange in the base frame."""
        return self.kinematics.forward(self.joint_positions)

    @property
    def gripper(self) -> float:
        """How far the gripper is closed, 0 open .. 1 closed."""
        return float(np.clip(self._data.qpos[self._finger_q] / GRIPPER_CLOSED, 0.0, 1.0))

    # --- commands ----------------------------------------------------------------------------

    def set_joint_target(self, positions: ArrayLike, velocities: ArrayLike | None = None) -> None:
        """Set what the arm's servos hold until the next target.

        Args:
            positions: (7,) [rad]; clipped to the joint limits.
            velocities: (7,) [rad/s] feed-forward, so that a moving target is followed without lag;
                None is at rest.

        Raises:
            SimulationError: the target is not seven finite numbers.
        """
        target = _seven('joint target', positions)
        speed = 0.0 if velocities is None else _seven('joint velocities', velocities)
        self._data.ctrl[_ARM] = self._servo_input(target, speed)

    def set_pose_target(self, pose: Pose) -> IkSolution:
        """Hold a flange pose in the base frame; return the joint positions that were found.

        A pose out of reach moves the arm as close as it gets; the solution says why.
        """
        solution = self.kinematics.inverse(pose, self.joint_positions)
        self.set_joint_target(solution.joint_positions)
        return solution

    def set_gripper(self, closedness: float) -> None:
        """Close the gripper to 0 (open) .. 1 (closed); clipped."""
        self._data.ctrl[_GRIPPER_SERVO] = GRIPPER_CLOSED * float(np.clip(closedness, 0.0, 1.0))

    def teleport(self, positions: ArrayLike, gripper: float = 0.0) -> None:
        """Put the arm (7,) [rad] and the gripper there at rest, without motion."""
        target = self.kinematics.limits.clip(_seven('joint positions', positions))
        self._data.qpos[:] = 0.0
        self._data.qpos[self._arm_q] = target
        self._place_fingers(GRIPPER_CLOSED * float(np.clip(gripper, 0.0, 1.0)))
        self._data.qvel[:] = 0.0
        self._data.qacc_warmstart[:] = 0.0
        self.set_joint_target(target)
        self.set_gripper(gripper)
        self._mujoco.mj_forward(self._model, self._data)

    def follow(self, positions: Vector, velocities: Vector, period_s: float) -> None:
        """Let time pass while the servos get one joint target after the other.

        Does what `set_joint_target` and `advance` do, for all targets of a motion at once.

        Args:
            positions: targets (n, 7) [rad]; clipped to the joint limits.
            velocities: (n, 7) [rad/s] feed-forward.
            period_s: how long each target is held [s].

        Raises:
            SimulationError: a target is not finite, the period is not above zero, or the physics
                diverged.
        """
        if not (np.isfinite(positions).all() and np.isfinite(velocities).all()):
            raise SimulationError('joint targets to follow must be finite')
        control = self._data.ctrl
        for target in self._servo_input(positions, velocities):
            control[_ARM] = target
            self.advance(period_s)

    def advance(self, duration_s: float) -> None:
        """Let simulated time pass.

        Physics runs in steps of `physics_step_s`; what does not fill a step is carried over, so
        that many short calls last as long as one long call.

        Raises:
            SimulationError: the duration is negative or not finite, or the physics diverged.
        """
        if not 0.0 <= duration_s < math.inf:
            raise SimulationError(f'cannot advance the simulation by {duration_s} s')
        self._carry_s += duration_s
        steps = int(self._carry_s / self._step_s + 1e-6)
        self._carry_s -= steps * self._step_s
        if steps:
            self._mujoco.mj_step(self._model, self._data, nstep=steps)
        if not math.isfinite(self._data.qpos.sum()):
            raise SimulationError('the physics diverged; teleport the arm to start again')

    # --- pictures ----------------------------------------------------------------------------

    def set_appearance(self, appearance: Appearance) -> None:
        """Change what the next pictures look like."""
        self._appearance = appearance
        if self._view is not None:
            self._view.show(appearance)

    @property
    def appearance(self) -> Appearance:
        """What pictures look like now."""
        return self._appearance

    def reseed(self, seed: int) -> None:
        """Start the sensor noise that belongs to a seed."""
        if self._view is not None:
            self._view.reseed(seed)

    def render(self) -> Picture:
        """Return the camera's picture of this moment, (H, W, 3) uint8 RGB.

        Raises:
            SimulationError: the simulation was made without a renderer, or is closed.
        """
        return self._seeing().picture(self._data)

    def objects(self) -> Picture:
        """Return which object each pixel of the picture shows, `(H, W)` uint8.

        The numbers are those of `sim.view.OBJECTS`.

        Raises:
            SimulationError: the simulation was made without a renderer, or is closed.
        """
        return self._seeing().objects(self._data)

    def save_state(self) -> Vector:
        """Return everything that the physics remembers, for `restore_state`."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(self._mujoco.mj_stateSize(self._model, kind))
        self._mujoco.mj_getState(self._model, self._data, state, kind)
        return state

    def restore_state(self, state: Vector) -> None:
        """Return to a moment of `save_state`, including its time."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        self._mujoco.mj_setState(self._model, self._data, state, kind)
        self._mujoco.mj_forward(self._model, self._data)

    # --- internals ---------------------------------------------------------------------------

    def _seeing(self) -> View:
        """Return the view, with everything in it where it is at this moment."""
        if self._view is None:
            raise SimulationError('this simulation has no renderer (render=False, or closed)')
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_camlight(self._model, self._data)
        return self._view

    def _servo_input(self, positions: Vector, velocities: Vector | float) -> Vector:
        """Return what makes the arm's servos hold positions (..., 7) that move with velocities."""
        return self.kinematics.limits.clip(positions) + _LEAD_S * velocities

    def _joint_indices(self, addresses: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return where the arm's joints are in the state vectors."""
        return np.array([addresses[self._model.joint(name).id] for name in ARM_JOINTS])

    def _place_fingers(self, angle: float) -> None:
        """Put the gripper's linkage where the drive joint's angle [rad] wants it."""
        model, data = self._model, self._data
        data.qpos[self._finger_q] = angle
        for coupling in range(model.neq):
            follower = model.jnt_qposadr[model.eq_obj1id[coupling]]
            data.qpos[follower] = np.polyval(model.eq_data[coupling, 4::-1], angle)


def _seven(name: str, values: ArrayLike) -> Vector:
    """Return seven finite numbers or raises SimulationError."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (7,) or not np.isfinite(vector).all():
        raise SimulationError(f'a {name} must be 7 finite numbers, not {vector.tolist()}')
    return vector
