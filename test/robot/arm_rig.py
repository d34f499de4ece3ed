"""An arm executor with an arm that follows, on clocks that the test moves."""

import numpy as np

from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.motion import ExecutionSettings, Moment, MotionPlan
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_limits import SafetyLimits

PERIOD_S = 0.01
CAMERA_TICKS = 7
KINEMATICS = Kinematics()


class RecordingWire:
    """What went through the gate."""

    def __init__(self) -> None:
        self.sent, self.routes, self.grips = [], [], []

    def send(self, cleared) -> None:
        self.sent.append(cleared.command)

    def grip(self, cleared) -> None:
        self.grips.append(cleared.closedness)

    def play(self, cleared) -> None:
        self.routes.append(cleared)


class Rig:
    """The arm follows each command within one period; cameras and joint states can be cut."""

    def __init__(self, limits: SafetyLimits, settings: ExecutionSettings) -> None:
        self.wire = RecordingWire()
        self.sent = self.wire.sent
        self.results = []
        self.ros_s = 100.0
        self.steady_s = 5.0
        self.joints = READY_POSTURE.copy()
        self.gripper = 0.0
        self.follows = True
        self.joints_live = True
        self.camera = 'live'
        self.ticks = 0
        self.supervisor = SafetySupervisor(limits=limits)
        self.executor = ArmExecutor(
            kinematics=KINEMATICS,
            supervisor=self.supervisor,
            settings=settings,
            wire=self.wire,
        )
        self.step(10)

    @property
    def now(self) -> Moment:
        return Moment(self.ros_s, self.steady_s)

    @property
    def pose(self):
        return KINEMATICS.forward(self.joints)

    @property
    def codes(self):
        return [result.code for result in self.results]

    def step(self, count: int = 1, period_s: float = PERIOD_S) -> None:
        """Let time pass, as the real node would see it."""
        for _ in range(count):
            self.ticks += 1
            self.ros_s += period_s
            self.steady_s += period_s
            if self.sent and self.follows:
                self.joints = self.sent[-1].joint_positions.copy()
                if self.sent[-1].gripper is not None:
                    self.gripper = self.sent[-1].gripper
            if self.joints_live:
                self.executor.joints_seen(self.ros_s, self.joints, self.gripper, self.now)
            if self.ticks % CAMERA_TICKS == 0 and self.camera != 'off':
                frozen = self.camera == 'frozen'
                ambiguous = self.camera == 'ambiguous'
                self.executor.picture_seen(
                    self.ros_s - 0.01, frozen, self.now, ambiguous=ambiguous
                )
            self.executor.tick(self.now)

    def plan(self, actions, *, step_duration_s=0.4, age_s=0.1, pose=None) -> MotionPlan:
        return MotionPlan(
            actions=np.atleast_2d(np.asarray(actions, dtype=float)),
            step_duration_s=step_duration_s,
            observation_stamp_s=self.ros_s - age_s,
            observation_pose=self.pose if pose is None else pose,
        )

    def execute(self, actions, **changes):
        return self.executor.execute(self.plan(actions, **changes), self.now, self.results.append)

    def run(self, most: int = 1000) -> None:
        """Let time pass until the motion has ended."""
        for _ in range(most):
            if self.executor.motion is None:
                return
            self.step()
        raise AssertionError(f'the motion did not end within {most} periods')
