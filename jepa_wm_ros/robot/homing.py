"""The way home: all joints move together from where they are to a posture, rest to rest.

Each joint follows `q(t) = q0 + s(t / T) (q1 - q0)` with the minimum-jerk polynomial
`s(u) = 10 u^3 - 15 u^4 + 6 u^5`, whose derivatives peak at 15/8 / T, 5.7735 / T^2. `T` is the
shortest time in which joints and flange keep their limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.faults import Fault
from jepa_wm_ros.robot.fitting import TrajectoryFitter
from jepa_wm_ros.robot.joint_velocity import JointVelocity
from jepa_wm_ros.robot.kinematics import IkSolution
from jepa_wm_ros.robot.limits import JointLimits, MotionLimits
from jepa_wm_ros.robot.motion import MotionPlan, MotionResult
from jepa_wm_ros.robot.plan_motion import ArmKinematics, PlanMotion, Start
from jepa_wm_ros.robot.poses import Pose, pose_difference, vector_from_rotation
from jepa_wm_ros.robot.safety_limits import SafetyLimits
from jepa_wm_ros.robot.safety_rules import CommandCheck, command_fault
from jepa_wm_ros.robot.trajectory import MotionState, Trajectory

Vector = NDArray[np.float64]

# Nobody waits for the way home: a part of what the joints may do is enough.
SPEED_SHARE = 0.3
SHORTEST_S = 0.2
ASSUMED_ACCELERATION = 5.0
PEAK_SPEED = 15.0 / 8.0
PEAK_ACCELERATION = 10.0 / math.sqrt(3.0)
SAMPLES = 64


class JointPath:
    """A motion of the joints between two postures, as flange poses over time.

    Attributes:
        duration_s: How long it takes [s].
    """

    def __init__(
        self,
        forward: Callable[[Vector], Pose],
        start: Vector,
        end: Vector,
        *,
        joints: JointLimits,
        motion: MotionLimits,
    ) -> None:
        """Choose the duration.

        Args:
            forward: Gives the flange pose of `(7,)` joint positions [rad].
            start: `(7,)` joint positions [rad] at rest.
            end: `(7,)` joint positions [rad] at rest.
            joints: Of their speeds and accelerations, a share is used.
            motion: Limits of the flange.
        """
        self._forward, self._start, self._change = forward, start, end - start
        change = np.abs(self._change)
        fastest = SPEED_SHARE * joints.velocity
        most = SPEED_SHARE * (
            joints.acceleration if joints.acceleration is not None else ASSUMED_ACCELERATION
        )
        self.duration_s = max(
            SHORTEST_S,
            float((PEAK_SPEED * change / fastest).max()),
            math.sqrt(float((PEAK_ACCELERATION * change / most).max())),
        )
        self.duration_s *= max(1.0, self._flange_excess(motion))

    @property
    def end(self) -> Pose:
        """Where the flange comes to rest."""
        return self._forward(self._start + self._change)

    def joints(self, time_s: float) -> Vector:
        """Return the `(7,)` joint positions [rad] `time_s` after the start."""
        u = min(max(time_s / self.duration_s, 0.0), 1.0)
        return self._start + u**3 * (10.0 - 15.0 * u + 6.0 * u**2) * self._change

    def velocities(self, time_s: float) -> Vector:
        """Return the `(7,)` joint speeds [rad/s] `time_s` after the start."""
        u = min(max(time_s / self.duration_s, 0.0), 1.0)
        return 30.0 * u**2 * (1.0 - u) ** 2 / self.duration_s * self._change

    def sample(self, time_s: float) -> tuple[Pose, Vector]:
        """Return pose and `(6,)` twist [m/s, rad/s] of the flange (base frame)."""
        delta = 1e-4 * self.duration_s
        before, after = (self._forward(self.joints(time_s + d)) for d in (-delta, delta))
        turn = vector_from_rotation(after.rotation @ before.rotation.T)
        twist = np.concatenate([after.position - before.position, turn]) / (2.0 * delta)
        return self._forward(self.joints(time_s)), twist

    def state(self, time_s: float) -> MotionState:
        """Return the state of the flange `time_s` after the start, without its acceleration."""
        pose, twist = self.sample(time_s)
        return MotionState(pose, twist, np.zeros(6))

    def fault(self, limits: SafetyLimits) -> Fault | None:
        """Return the first rule that a set-point on the way would break; None when all is well."""
        for time_s in np.linspace(0.0, self.duration_s, SAMPLES):
            pose, twist = self.sample(time_s)
            fault = command_fault(
                CommandCheck(
                    pose=pose,
                    twist=twist,
                    joint_positions=self.joints(time_s),
                    joint_velocities=self.velocities(time_s),
                    measured_pose=pose,
                ),
                limits,
            )
            if fault is not None:
                return fault
        return None

    def _flange_excess(self, motion: MotionLimits) -> float:
        """Return how many times too short the duration is for the limits of the flange."""
        times = np.linspace(0.0, self.duration_s, SAMPLES)
        twists = np.array([self.sample(time_s)[1] for time_s in times])
        rates = np.gradient(twists, times, axis=0)

        def peak(values: Vector) -> float:
            return float(np.linalg.norm(values, axis=1).max())

        return max(
            peak(twists[:, :3]) / motion.max_speed_m_s,
            peak(twists[:, 3:]) / motion.max_rotation_speed_rad_s,
            math.sqrt(peak(rates[:, :3]) / motion.max_acceleration_m_s2),
            math.sqrt(peak(rates[:, 3:]) / motion.max_rotation_acceleration_rad_s2),
        )


@dataclass(slots=True, kw_only=True, eq=False)
class HomeMotion(PlanMotion):
    """The motion along a joint path.

    Attributes:
        path: The same as the trajectory.
        replan: Gives the path home from `(7,)` joint positions [rad] at rest.
    """

    path: JointPath
    replan: Callable[[Vector], JointPath]

    @classmethod
    def along(
        cls,
        path: JointPath,
        plan: MotionPlan,
        on_end: Callable[[MotionResult], None],
        replan: Callable[[Vector], JointPath],
    ) -> HomeMotion:
        """Return the motion that begins with a path; `plan` says when and where."""
        change = np.append(pose_difference(plan.observation_pose, path.end), 0.0)
        return cls(
            plan=replace(plan, actions=change[None], step_duration_s=path.duration_s),
            clamped=False,
            on_end=on_end,
            waypoints=[path.end],
            trajectory=path,
            velocity=JointVelocity(),
            path=path,
            replan=replan,
        )

    def solve(
        self,
        kinematics: ArmKinematics,
        time_s: float,
        pose: Pose,
        seed: Vector,
        posture_step_rad: float,
    ) -> IkSolution:
        """Return the joint positions of the path: there is nothing to solve."""
        return IkSolution(self.path.joints(time_s), True, 0.0, 0.0, '')

    def _rest_of_the_way(self, start: Start, fitter: TrajectoryFitter) -> Trajectory:
        self.path = self.replan(start.joint_positions)
        return self.path
