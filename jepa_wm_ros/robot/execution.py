"""The arm executor: turns plans into set-points at a steady rate, under the safety supervisor.

No ROS, no threads, no clock of its own: the caller reports joint states and pictures, calls `tick`
at the command rate, and gets set-points through `send` and results through `on_end`. Whatever ends
a motion early (cancel, stop, fault, shutdown) sends one last command that holds the arm where it
is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.delay import without_past
from jepa_wm_ros.robot.faults import Fault, FaultCode, Refusal, ResultCode, SafetyState
from jepa_wm_ros.robot.homing import HomeMotion, JointPath
from jepa_wm_ros.robot.joint_buffer import JointBuffer, JointBufferError
from jepa_wm_ros.robot.joint_route import RouteError, RoutePoint, joint_route
from jepa_wm_ros.robot.joint_velocity import JointVelocity
from jepa_wm_ros.robot.motion import (
    ArmCommand,
    ExecutionSettings,
    Moment,
    MotionPlan,
    MotionResult,
)
from jepa_wm_ros.robot.plan_motion import ArmKinematics, Measurement, PlanMotion, Start, route
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_rules import Admission, CommandCheck
from jepa_wm_ros.robot.settling import Settling
from jepa_wm_ros.robot.trajectory import MotionState, PoseTrajectory

# After a longer sleep of our own process, what arrived meanwhile is looked at first [periods].
OVERSLEPT_PERIODS = 3.0
# A motion never catches up more than this at once: the command must not jump [periods].
CATCH_UP_PERIODS = 2.0
SPEED_WINDOW_S = 0.04
ALL_PAST = 'the plan would have ended by now: it came {:.3f} s after its observation'


class ArmExecutor:
    """Executes one plan at a time.

    Attributes:
        supervisor: Decides what may happen.
        settings: How plans are executed.
    """

    def __init__(
        self,
        *,
        kinematics: ArmKinematics,
        supervisor: SafetySupervisor,
        settings: ExecutionSettings,
        send: Callable[[ArmCommand], None],
        play: Callable[[Sequence[RoutePoint]], None] | None = None,
    ) -> None:
        """Make an executor that is disarmed.

        Args:
            kinematics: Of the arm.
            supervisor: Decides what may happen.
            settings: How plans are executed.
            send: Puts a command on the wire.
            play: Gets the whole route of each motion when it begins, for controllers that play
                motions by themselves; `send` is called all the same.
        """
        self.supervisor = supervisor
        self.settings = settings
        self._kinematics = kinematics
        self._send = send
        self._play = play
        self._buffer = JointBuffer()
        self._measured: Pose | None = None
        self._gripper: float | None = None
        self._gripper_sent: float | None = None
        self._last: ArmCommand | None = None
        self._motion: PlanMotion | None = None
        self._ended_s = -np.inf
        self._ticked: Moment | None = None
        self._overslept = False

    @property
    def motion(self) -> PlanMotion | None:
        """The motion under way; None when the arm rests."""
        return self._motion

    @property
    def measured_pose(self) -> Pose | None:
        """The flange in the base frame as last measured; None before the first joint state."""
        newest = self._buffer.latest
        if self._measured is None and newest is not None:
            self._measured = self._kinematics.forward(newest.positions)
        return self._measured

    # What is seen ---------------------------------------------------------------------------

    def joints_seen(
        self, stamp_s: float, positions: ArrayLike, gripper: float | None, now: Moment
    ) -> None:
        """Take in a joint state.

        Args:
            stamp_s: When it was measured [s], ROS clock.
            positions: `(7,)` arm joints [rad].
            gripper: Closedness 0..1; None when it is not known.
            now: When it arrived.

        Raises:
            JointBufferError: A number is not finite. It does not count as a joint state, and a
                motion under way ends in a fault.
        """
        try:
            self._buffer.add(stamp_s, positions)
        except JointBufferError as error:
            if self._motion is not None:
                self.fault(FaultCode.JOINTS_INVALID, str(error), now)
            raise
        self._measured = None
        self._gripper = gripper
        self.supervisor.joints_seen(now.steady_s, now.ros_s - stamp_s)

    def picture_seen(self, stamp_s: float, frozen: bool, now: Moment) -> None:
        """Take in that a picture, captured at `stamp_s` [s, ROS clock], was processed."""
        self.supervisor.image_seen(now.steady_s, now.ros_s - stamp_s, frozen=frozen)

    # What is asked for ----------------------------------------------------------------------

    def arm(self, now: Moment) -> Refusal | None:
        """Allow motions; return why not, or None when armed."""
        if self.supervisor.state is SafetyState.DISARMED:
            # Where the arm was commanded in an earlier life says nothing about where it is.
            self._last = None
            self._gripper_sent = None
        return self.supervisor.arm(now.steady_s)

    def execute(
        self, plan: MotionPlan, now: Moment, on_end: Callable[[MotionResult], None]
    ) -> Refusal | None:
        """Begin a motion; its first command is sent before this returns.

        Args:
            plan: What to do.
            now: The moment of acceptance.
            on_end: Called once with the result, unless the plan is refused.

        Returns:
            Why the plan is refused; None when the motion began.
        """
        if self._motion is not None and not self.settings.streaming:
            return self.supervisor.refuse(ResultCode.BUSY, 'another plan is being executed')
        try:
            seen_at = self._pose_to_agree_with(plan)
        except JointBufferError as error:
            return self.supervisor.refuse(ResultCode.JOINTS_STALE, str(error))
        admission = Admission.of(plan, now.ros_s, seen_at)
        refusal = self.supervisor.admit(admission, now.steady_s)
        if refusal is not None:
            if self.supervisor.fault is not None:
                self._end_held(ResultCode.FAULT, self.supervisor.fault.message, now)
            return refusal
        return self._begin(plan, now, on_end)

    def home(self, now: Moment, on_end: Callable[[MotionResult], None]) -> Refusal | None:
        """Begin to move the joints to the home posture; as `execute`, and never in between."""
        if self._motion is not None:
            return self.supervisor.refuse(ResultCode.BUSY, 'the arm moves: cancel the goal first')
        here = self.measured_pose or Pose.identity()  # without joint states nothing is admitted
        plan = MotionPlan.still(here, now.ros_s)
        refusal = self.supervisor.admit(Admission.of(plan, now.ros_s, here), now.steady_s)
        if refusal is not None:
            return refusal
        start = self._start()
        path = self._way_home(start.joint_positions)
        fault = path.fault(self.supervisor.limits)
        if fault is not None:
            return self._not_begun(ResultCode.UNREACHABLE, f'on the way home: {fault.message}')
        self._launch(HomeMotion.along(path, plan, on_end, self._way_home), start, now)
        return None

    def tick(self, now: Moment) -> None:
        """Go on by one period: watch the inputs, send the next command, notice the end."""
        before, self._ticked = self._ticked, now
        if self._motion is None or before is None:
            return
        if now.ros_s < before.ros_s:
            self.fault(FaultCode.CLOCK_JUMP, 'the clock went backwards during a motion', now)
            return
        slept = now.steady_s - before.steady_s > OVERSLEPT_PERIODS * self.settings.period_s
        self._overslept = slept and not self._overslept
        if self._overslept:
            # We slept, not the robot: its messages wait behind this call.
            return
        if not self.supervisor.watch(now.steady_s):
            self._interrupt(self._motion, now)
            return
        self._go_on(self._motion, now.ros_s - before.ros_s, now)

    def cancel(self, now: Moment, code: ResultCode = ResultCode.CANCELED) -> None:
        """Hold the arm and end the motion under way; the arm stays armed."""
        self._end_held(code, 'the motion was cancelled; the arm holds', now)

    def disarm(self, now: Moment, code: ResultCode = ResultCode.STOPPED) -> None:
        """Hold the arm and allow no motion. Nothing is sent when we do not command the arm."""
        if self.supervisor.state is SafetyState.ARMED:
            self._hold()
        self._end_held(code, 'the arm was stopped and holds', now)
        self.supervisor.disarm()

    def fault(self, code: FaultCode, message: str, now: Moment) -> Fault:
        """Latch a fault and hold the arm if it moves."""
        fault = self.supervisor.latch(code, message)
        self._end_held(ResultCode.FAULT, fault.message, now)
        return fault

    # Beginning ------------------------------------------------------------------------------

    def _pose_to_agree_with(self, plan: MotionPlan) -> Pose:
        """Return the measured pose that a plan's observation pose must agree with."""
        if self._moved_since(plan.observation_stamp_s):
            return self._kinematics.forward(self._buffer.at(plan.observation_stamp_s))
        # Without joint states the arm is not armed either, which the supervisor says.
        return self.measured_pose or plan.observation_pose

    def _begin(
        self, plan: MotionPlan, now: Moment, on_end: Callable[[MotionResult], None]
    ) -> Refusal | None:
        """Make the motion of an admitted plan and send its first command."""
        actions, cut = self.supervisor.clamp(plan.actions)
        if self._moved_since(plan.observation_stamp_s):
            delay_s = now.ros_s + self.settings.lookahead_s - plan.observation_stamp_s
            rest = without_past(replace(plan, actions=actions), max(delay_s, 0.0))
            if rest is None:
                return self._not_begun(ResultCode.PLAN_TOO_OLD, ALL_PAST.format(delay_s))
            plan, actions = rest, rest.actions
        waypoints, clipped = route(plan, actions, self.settings.workspace)
        start = self._start()
        unreachable = self._unreachable(waypoints, start.joint_positions)
        if unreachable is not None:
            return self._not_begun(ResultCode.UNREACHABLE, unreachable)
        if self._motion is not None:
            self._end(ResultCode.PREEMPTED, 'a newer plan took over', now, keep=True)
        motion = PlanMotion(
            plan=plan,
            clamped=cut or clipped,
            on_end=on_end,
            waypoints=waypoints,
            trajectory=PoseTrajectory(
                start.state, waypoints, plan.step_duration_s, limits=self.settings.motion
            ),
            velocity=JointVelocity(start.joint_velocities),
        )
        motion.grip_from(self._gripper)
        self._launch(motion, start, now)
        return None

    def _launch(self, motion: PlanMotion, start: Start, now: Moment) -> None:
        """Make a motion the one under way and send its first command."""
        motion.marks.append(self._measurement())
        self._motion, self._ticked, self._overslept = motion, now, False
        self._set_off(motion, start, now)

    def _set_off(self, motion: PlanMotion, start: Start, now: Moment) -> None:
        """Have the controller play the motion, if it does that; send the first command."""
        if self._play is not None:
            try:
                route = joint_route(
                    partial(motion.solve, self._kinematics),
                    motion.trajectory,
                    start.joint_positions,
                    velocities=start.joint_velocities,
                    posture_speed_rad_s=self.settings.posture_speed_rad_s,
                )
            except RouteError as error:
                self.fault(FaultCode.UNREACHABLE, str(error), now)
                return
            self._play(route)
        self._advance(motion, start.ahead_s, start.joint_positions, now)

    def _way_home(self, start: NDArray[np.float64]) -> JointPath:
        """Return the motion from `(7,)` joint positions to the home posture."""
        return JointPath(
            self._kinematics.forward,
            start,
            np.array(self.settings.home),
            joints=self.supervisor.limits.joints,
            motion=self.settings.motion,
        )

    def _moved_since(self, stamp_s: float) -> bool:
        """Whether we moved the arm after a moment [s, ROS clock], which streaming allows."""
        return self._motion is not None or (self.settings.streaming and stamp_s < self._ended_s)

    def _not_begun(self, code: ResultCode, message: str) -> Refusal:
        """Refuse a plan that was admitted; a motion under way goes on."""
        if self._motion is None:
            self.supervisor.finish()
        return self.supervisor.refuse(code, message)

    def _start(self) -> Start:
        """Return where a motion that begins now starts."""
        newest = self._buffer.latest
        assert newest is not None, 'an admitted plan has fresh joint states'
        last, motion, settings = self._last, self._motion, self.settings
        if last is not None and motion is not None and not motion.paused:
            # The last command was ahead of its time already.
            state = motion.trajectory.state(motion.time_s)
            return Start(state, last.joint_positions, last.joint_velocities, settings.period_s)
        rest, joints = np.zeros_like(newest.positions), newest.positions
        offset = np.inf if last is None else np.abs(last.joint_positions - joints).max()
        if last is not None and offset <= settings.start_tolerance_rad:
            state, joints = MotionState.at_rest(last.pose), last.joint_positions
        else:
            state = MotionState.at_rest(self._kinematics.forward(joints))
        return Start(state, joints, rest, settings.lookahead_s)

    def _unreachable(self, waypoints: list[Pose], joints: NDArray[np.float64]) -> str | None:
        """Return why a way-point cannot be reached; None when all can."""
        for number, waypoint in enumerate(waypoints):
            solution = self._kinematics.inverse(waypoint, joints, posture_step_rad=0.0)
            if not solution.converged:
                return f'way-point {number} is out of reach: {solution.reason}'
            joints = solution.joint_positions
        return None

    # Going on -------------------------------------------------------------------------------

    def _go_on(self, motion: PlanMotion, elapsed_s: float, now: Moment) -> None:
        """Send the next command of a motion whose inputs are all right."""
        if motion.settling is not None:
            self._settle(motion.settling, now)
            return
        if motion.paused:
            start = self._start()
            motion.restart(start, self.settings.motion)
            self._set_off(motion, start, now)
            return
        advance = min(elapsed_s, CATCH_UP_PERIODS * self.settings.period_s)
        # Simulated time may stand still between two ticks; then there is nothing new to send.
        if advance > 0.0 and self._last is not None:
            self._advance(motion, advance, self._last.joint_positions, now)

    def _advance(
        self, motion: PlanMotion, duration_s: float, seed: NDArray[np.float64], now: Moment
    ) -> None:
        """Command the point of the trajectory that is `duration_s` further."""
        motion.time_s = min(motion.time_s + duration_s, motion.trajectory.duration_s)
        pose, twist = motion.trajectory.sample(motion.time_s)
        motion.mark(self._measurement())
        elbow_step_rad = self.settings.posture_speed_rad_s * duration_s
        solution = motion.solve(self._kinematics, pose, seed, elbow_step_rad)
        if not solution.converged:
            self.fault(FaultCode.UNREACHABLE, f'on the way: {solution.reason}', now)
            return
        velocities = motion.velocity.update(solution.joint_positions - seed, duration_s)
        check = CommandCheck(
            pose=pose,
            twist=twist,
            joint_positions=solution.joint_positions,
            joint_velocities=velocities,
            measured_pose=self._measurement().pose,
        )
        if not self.supervisor.check(check):
            self._interrupt(motion, now)
            return
        if motion.done:
            motion.settling = Settling(motion.target, now.ros_s, self.settings)
            velocities = np.zeros_like(velocities)
        self._command(
            ArmCommand(
                pose=pose,
                joint_positions=solution.joint_positions,
                joint_velocities=velocities,
                twist=twist,
                gripper=self._gripper_command(motion),
            )
        )

    def _gripper_command(self, motion: PlanMotion) -> float | None:
        """Return the closedness to send; None when it does not change."""
        target, sent = motion.gripper_target, self._gripper_sent
        if target is None:
            return None
        if sent is not None and abs(target - sent) < self.settings.gripper_step:
            return None
        self._gripper_sent = target
        return target

    def _settle(self, settling: Settling, now: Moment) -> None:
        """Repeat the last command until the arm rests at the target, or for too long."""
        if self._last is not None:
            self._send(self._last)
        measured = self._measurement().pose
        code = settling.update(measured, self._buffer.speed(SPEED_WINDOW_S), now.ros_s)
        if code is ResultCode.SUCCEEDED:
            self._end(code, '', now)
        elif code is not None:
            self._end(code, settling.complaint(measured), now)

    # Ending ---------------------------------------------------------------------------------

    def _interrupt(self, motion: PlanMotion, now: Moment) -> None:
        """Hold because the supervisor said so: end in a fault, or pause until pictures come."""
        fault = self.supervisor.fault
        if fault is not None:
            self._end_held(ResultCode.FAULT, fault.message, now)
        elif not motion.paused and motion.settling is None:
            motion.paused = True
            self.supervisor.counters.held += 1
            self._hold()

    def _end_held(self, code: ResultCode, message: str, now: Moment) -> None:
        """Hold the arm and end the motion, if there is one."""
        if self._motion is not None:
            self._hold()
            self._end(code, message, now)

    def _end(self, code: ResultCode, message: str, now: Moment, *, keep: bool = False) -> None:
        """Report the end of the motion; `keep` stays in EXECUTING for the one that follows."""
        motion, self._motion = self._motion, None
        if motion is None:
            return
        self._ended_s = now.ros_s
        if not keep:
            self.supervisor.finish()
        final = self._measurement()
        arrived = code in (ResultCode.SUCCEEDED, ResultCode.NOT_SETTLED)
        motion.on_end(
            MotionResult(
                code=code,
                message=message,
                executed=motion.executed(final if arrived else None),
                final_pose=final.pose,
                completed_s=now.ros_s,
                clamped=motion.clamped,
            )
        )

    def _hold(self) -> None:
        """Command the arm to stay where it is measured."""
        newest = self._buffer.latest
        if newest is None:
            return
        self._gripper_sent = None
        self._command(
            ArmCommand(
                pose=self._kinematics.forward(newest.positions),
                joint_positions=newest.positions,
                joint_velocities=np.zeros_like(newest.positions),
                hold=True,
            )
        )

    def _command(self, command: ArmCommand) -> None:
        """Send a command and remember it."""
        self._last = command
        self._send(command)

    def _measurement(self) -> Measurement:
        """Return what is measured now; there are joint states whenever there is a motion."""
        pose = self.measured_pose
        assert pose is not None, 'a motion only begins with fresh joint states'
        return Measurement(pose, self._gripper)
