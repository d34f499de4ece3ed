"""The arm executor: turns plans into set-points at a steady rate, under the safety supervisor.

No ROS, no threads, no clock of its own: the caller reports joint states and pictures, calls `tick`
at the command rate, and gets results through `on_end`. Set-points go to the wire through the gate
only. Whatever ends a motion early (cancel, stop, fault, shutdown) brakes from the last command as
hard as the joints may, which takes about 0.1 s, and then sends one last command that holds the arm
there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jepa_wm_ros.robot.arm_view import ArmView
from jepa_wm_ros.robot.belief import Disbelief, DisbeliefKind, JointBelief
from jepa_wm_ros.robot.delay import without_past
from jepa_wm_ros.robot.description import ARM_JOINTS
from jepa_wm_ros.robot.faults import Fault, FaultCode, Refusal, ResultCode, SafetyState
from jepa_wm_ros.robot.fitting import UnreachableError
from jepa_wm_ros.robot.gate import CommandGate, Wire
from jepa_wm_ros.robot.homing import HomeMotion, JointPath
from jepa_wm_ros.robot.joint_buffer import JointBufferError
from jepa_wm_ros.robot.joint_route import RoutePlayer
from jepa_wm_ros.robot.joint_velocity import JointVelocity
from jepa_wm_ros.robot.motion import (
    ExecutionSettings,
    Moment,
    MotionPlan,
    MotionResult,
)
from jepa_wm_ros.robot.plan_motion import ArmKinematics, PlanMotion, Start, route
from jepa_wm_ros.robot.poses import Pose
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.robot.safety_rules import Admission, clock_jump
from jepa_wm_ros.robot.set_points import SetPoints
from jepa_wm_ros.robot.settling import Settling, not_moved
from jepa_wm_ros.robot.stopping import Stopping

# After a longer sleep of our process, what arrived meanwhile is looked at first [periods].
OVERSLEPT_PERIODS = 3.0
# A motion never catches up more than this at once: the command must not jump [periods].
CATCH_UP_PERIODS = 2.0
# A state this far outside of the limits is not noise any more [rad].
LIMIT_NOISE_RAD = 0.01
# What a second source of joint states may be the cause of.
CONTRADICTIONS = (DisbeliefKind.JUMP, DisbeliefKind.LATE, DisbeliefKind.CLOCK)
ALL_PAST = 'the plan would have ended by now: it came {:.3f} s after its observation'


class ArmExecutor:
    """Executes one plan at a time.

    Attributes:
        supervisor: Decides what may happen.
        gate: Through which all commands go.
    """

    def __init__(
        self,
        *,
        kinematics: ArmKinematics,
        supervisor: SafetySupervisor,
        settings: ExecutionSettings,
        wire: Wire,
        plays: bool = False,
        coast_s: float = 0.15,
        joint_names: Sequence[str] = ARM_JOINTS,
        sources: Callable[[], str] = lambda: '',
    ) -> None:
        """Make an executor that is disarmed.

        Args:
            kinematics: Of the arm.
            supervisor: Decides what may happen.
            settings: How plans are executed.
            wire: What lies behind the gate; nothing else may use it.
            plays: Whether the controller plays whole motions, and gets their routes.
            coast_s: Time in which the arm comes to rest when no command follows [s].
            joint_names: `(7,)` names of the joints, for messages.
            sources: Says who publishes joint states, for messages.
        """
        self.supervisor = supervisor
        self._kinematics = kinematics
        self._sources = sources
        self._view = ArmView(
            kinematics.forward, JointBelief(supervisor.limits.joints, joint_names)
        )
        self.gate = CommandGate(
            supervisor=supervisor,
            believed=lambda: self._view.joints,
            wire=wire,
            plays=plays,
            longest_s=max(settings.lookahead_s, CATCH_UP_PERIODS * settings.period_s),
            coast_s=coast_s,
        )
        self._player = RoutePlayer(kinematics, self.gate)
        self._points = SetPoints(
            kinematics=kinematics,
            supervisor=supervisor,
            settings=settings,
            view=self._view,
            gate=self.gate,
        )
        self._motion: PlanMotion | None = None
        self._stopping: Stopping | None = None
        self._ended_s = -np.inf
        self._ticked: Moment | None = None
        self._overslept = False

    @property
    def motion(self) -> PlanMotion | None:
        """The motion under way; None when the arm rests."""
        return self._motion

    @property
    def stopping(self) -> bool:
        """Whether the motion under way is being ended early, or paused."""
        return self._stopping is not None

    @property
    def measured_pose(self) -> Pose | None:
        """The flange in the base frame as last measured; None before the first joint state."""
        return self._view.pose

    @property
    def settings(self) -> ExecutionSettings:
        """How plans are executed; changed between motions."""
        return self._points.settings

    @settings.setter
    def settings(self, settings: ExecutionSettings) -> None:
        self._points.settings = settings

    def override_speed(self, part: float) -> None:
        """Run motions at a part 0..1 of their speed, also the one under way, smoothly.

        Raises:
            OverrideError: It is not within 0..1; the speed stays as it is.
        """
        changed, motion = part != self._points.override, self._motion
        self._points.override = part
        under_way = motion is not None and not (motion.paused or motion.settling or self.stopping)
        if changed and under_way and motion is not None and self._ticked is not None:
            lost = self._player.follow(motion, self._start(), self._points.override)
            if lost:
                # The controller would go on at the old speed.
                self.fault(FaultCode.UNREACHABLE, lost, self._ticked)

    # What is seen ---------------------------------------------------------------------------

    def joints_seen(
        self, stamp_s: float, positions: ArrayLike, gripper: float | None, now: Moment
    ) -> str:
        """Take in a joint state.

        Args:
            stamp_s: When it was measured [s], ROS clock.
            positions: `(7,)` arm joints [rad].
            gripper: Closedness 0..1; None when it is not known.
            now: When it arrived.

        Returns:
            Why it cannot be true; empty when it is believed. What is not believed does not count
            as a joint state, and is a fault while the arm is armed.
        """
        disbelief = self._view.add(stamp_s, positions, gripper, now.steady_s)
        if disbelief is None:
            self.supervisor.joints_seen(now.steady_s, now.ros_s - stamp_s)
            return ''
        if disbelief.kind.harmless:
            self.supervisor.joints_missing(disbelief.message)
            return ''
        return self._disbelieve(disbelief, now)

    def _disbelieve(self, disbelief: Disbelief, now: Moment) -> str:
        """Take in a joint state that cannot be true; return that for people."""
        message = disbelief.message
        if disbelief.kind in CONTRADICTIONS:
            message = f'{message} {self._sources()}'.rstrip()
        self.supervisor.joints_doubted(now.steady_s, message)
        if self.supervisor.armed:
            self.fault(disbelief.kind.fault, message, now)
        return message

    def picture_seen(
        self,
        stamp_s: float,
        frozen: bool,
        now: Moment,
        skew_s: float = 0.0,
        why: str = '',
        ambiguous: bool = False,
    ) -> None:
        """Take in that a picture was processed.

        Args:
            stamp_s: When it was captured [s], ROS clock.
            frozen: Whether the camera repeats one picture.
            now: When that arrived here.
            skew_s: Distance in time between the picture and its joint state [s].
            why: How it is known that it is frozen or ambiguous.
            ambiguous: Whether pictures of more than one camera arrive.
        """
        self.supervisor.image_seen(
            now.steady_s,
            now.ros_s - stamp_s,
            frozen=frozen,
            skew_s=skew_s,
            why=why,
            ambiguous=ambiguous,
        )

    # What is asked for ----------------------------------------------------------------------

    def arm(self, now: Moment) -> Refusal | None:
        """Allow motions; return why not, or None when armed."""
        if self.supervisor.state is SafetyState.DISARMED and self._motion is not None:
            return self.supervisor.refuse(ResultCode.BUSY, 'the arm still brakes: try again')
        if self.supervisor.state is SafetyState.DISARMED:
            # Where the arm was commanded in an earlier life says nothing about where it is.
            self._points.forget()
        joints, limits = self._view.joints, self.supervisor.limits.joints
        outside = '' if joints is None else limits.outside(joints, LIMIT_NOISE_RAD)
        advice = f'{outside} (joint_limits): guide the arm back by hand' if outside else ''
        return self.supervisor.arm(now.steady_s, advice)

    def execute(
        self, plan: MotionPlan, now: Moment, on_end: Callable[[MotionResult], None]
    ) -> Refusal | None:
        """Begin a motion; from rest, its first command is sent before this returns.

        Args:
            plan: What to do.
            now: The moment of acceptance.
            on_end: Called once with the result, unless the plan is refused.

        Returns:
            Why the plan is refused; None when the motion began.
        """
        if self._motion is not None and (self.stopping or not self.settings.streaming):
            return self.supervisor.refuse(ResultCode.BUSY, 'another plan is being executed')
        at_rest = self._motion is None or self._motion.paused
        elsewhere = self._points.elsewhere() if at_rest else ''
        if elsewhere:
            return self.supervisor.refuse(ResultCode.DRIFTED, elsewhere)
        try:
            seen_at = self._pose_to_agree_with(plan)
        except JointBufferError as error:
            return self.supervisor.refuse(ResultCode.JOINTS_STALE, str(error))
        admission = Admission.of(plan, now.ros_s, seen_at)
        refusal = self.supervisor.admit(admission, now.steady_s)
        if refusal is not None:
            if self.supervisor.fault is not None:
                self._stop(ResultCode.FAULT, self.supervisor.fault.message, now)
            return refusal
        return self._begin(plan, now, on_end)

    def home(self, now: Moment, on_end: Callable[[MotionResult], None]) -> Refusal | None:
        """Begin to move the joints to the home posture; as `execute`, and never in between."""
        if self._motion is not None:
            return self.supervisor.refuse(ResultCode.BUSY, 'the arm moves: cancel the goal first')
        elsewhere = self._points.elsewhere()
        if elsewhere:
            return self.supervisor.refuse(ResultCode.DRIFTED, elsewhere)
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
        if self._stopping is None:
            self._look_and_go_on(self._motion, before, now)
        if self._stopping is not None:
            self._brake(self._stopping, self._bounded(now.steady_s - before.steady_s), now)

    def cancel(self, now: Moment, code: ResultCode = ResultCode.CANCELED) -> None:
        """Brake, hold and end the motion under way; the arm stays armed."""
        self._stop(code, 'the motion was cancelled; the arm holds', now)

    def disarm(self, now: Moment, code: ResultCode = ResultCode.STOPPED) -> None:
        """Brake, hold and allow no motion. Nothing is sent when we do not command the arm."""
        if self.supervisor.state is SafetyState.ARMED:
            self._points.hold()
        self._stop(code, 'the arm was stopped and holds', now)
        self.supervisor.disarm()

    def fault(self, code: FaultCode, message: str, now: Moment) -> Fault:
        """Latch a fault; brake and hold if the arm moves."""
        fault = self.supervisor.latch(code, message)
        self._stop(ResultCode.FAULT, fault.message, now)
        return fault

    # Beginning ------------------------------------------------------------------------------

    def _pose_to_agree_with(self, plan: MotionPlan) -> Pose:
        """Return the measured pose that a plan's observation pose must agree with."""
        if self._moved_since(plan.observation_stamp_s):
            return self._view.pose_at(plan.observation_stamp_s)
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
        try:
            trajectory = self._points.fitter().fit(start, waypoints, plan.step_duration_s)
        except UnreachableError as error:
            return self._not_begun(ResultCode.UNREACHABLE, str(error))
        motion = PlanMotion(
            plan=plan,
            clamped=cut or clipped,
            on_end=on_end,
            waypoints=waypoints,
            trajectory=trajectory,
            velocity=JointVelocity(start.joint_velocities),
        )
        motion.grip_from(self._view.gripper)
        if self._motion is not None:
            self._end(ResultCode.PREEMPTED, 'a newer plan took over', now, keep=True)
        self._launch(motion, start, now)
        return None

    def _launch(self, motion: PlanMotion, start: Start, now: Moment) -> None:
        """Make a motion the one under way and set off."""
        motion.marks.append(self._view.measurement)
        self._motion, self._ticked, self._overslept = motion, now, False
        self._set_off(motion, start, now)

    def _set_off(self, motion: PlanMotion, start: Start, now: Moment) -> None:
        """Have the controller play the motion, if it does that; send the first command."""
        lost = self._player.follow(motion, start, self._points.override)
        if lost:
            self.fault(FaultCode.UNREACHABLE, lost, now)
            return
        if start.ahead_s > 0.0 and not self._points.begin(motion, start, now):
            self._interrupt(motion, now)

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
        last, motion = self._points.last, self._motion
        if last is not None and motion is not None and not motion.paused:
            # The next command is due in the next period, as if nothing had happened.
            state = motion.trajectory.state(motion.time_s)
            return Start(state, last.joint_positions, last.joint_velocities, 0.0)
        return self._points.start()

    # Going on -------------------------------------------------------------------------------

    def _bounded(self, elapsed_s: float) -> float:
        """Return how far to go on: time may have stood still, and a command must not jump."""
        return min(max(elapsed_s, 0.0), CATCH_UP_PERIODS * self.settings.period_s)

    def _look_and_go_on(self, motion: PlanMotion, before: Moment, now: Moment) -> None:
        """Go on, if clocks and inputs are all right."""
        elapsed_s = now.steady_s - before.steady_s
        jump = clock_jump(now.ros_s - before.ros_s, elapsed_s)
        if jump is not None:
            self.fault(jump.code, jump.message, now)
            return
        slept = elapsed_s > OVERSLEPT_PERIODS * self.settings.period_s
        self._overslept = slept and not self._overslept
        if self._overslept:
            # We slept, not the robot: its messages wait behind this call.
            return
        if self.supervisor.watch(now.steady_s, self._bounded(elapsed_s)):
            self._go_on(motion, self._bounded(now.ros_s - before.ros_s), now)
        else:
            self._interrupt(motion, now)

    def _go_on(self, motion: PlanMotion, elapsed_s: float, now: Moment) -> None:
        """Send the next command of a motion whose inputs are all right."""
        if motion.settling is not None:
            self._settle(motion.settling, now)
        elif motion.paused:
            self._resume(motion, elapsed_s, now)
        elif elapsed_s > 0.0 and not self._points.go_on(motion, elapsed_s, now):
            self._interrupt(motion, now)

    def _resume(self, motion: PlanMotion, elapsed_s: float, now: Moment) -> None:
        """Go on after a pause, from rest, as soon as the arm is where it was commanded."""
        elsewhere = self._points.elsewhere()
        if elsewhere:
            motion.astray_s += elapsed_s
            self.supervisor.waits(elsewhere)
            if motion.astray_s > self.settings.settle_timeout_s:
                self.fault(FaultCode.NOT_FOLLOWING, elsewhere, now)
            return
        start = self._start()
        try:
            motion.restart(start, self._points.fitter())
        except UnreachableError as error:
            self.fault(FaultCode.UNREACHABLE, str(error), now)
            return
        self._set_off(motion, start, now)

    def _settle(self, settling: Settling, now: Moment) -> None:
        """Repeat the last command until the arm rests at the target, or for too long."""
        self._points.repeat()
        measured = self._view.measurement.pose
        code = settling.update(measured, self._view.speeds, now.ros_s)
        if code is None:
            return
        motion = self._motion
        assert motion is not None, 'only a motion settles'
        still = not_moved(motion.executed(self._view.measurement), self.settings.least_moved)
        if still:
            self._end(ResultCode.NOT_MOVED, still, now)
        else:
            message = '' if code is ResultCode.SUCCEEDED else settling.complaint(measured)
            self._end(code, message, now)

    # Ending ---------------------------------------------------------------------------------

    def _interrupt(self, motion: PlanMotion, now: Moment) -> None:
        """Stop because the supervisor said so: end in a fault, or pause until pictures come."""
        fault = self.supervisor.fault
        if fault is not None:
            self._stop(ResultCode.FAULT, fault.message, now)
        elif not motion.paused and motion.settling is None:
            motion.paused = True
            self.supervisor.counters.held += 1
            self._stop(None, '', now)

    def _stop(self, code: ResultCode | None, message: str, now: Moment) -> None:
        """Begin to end the motion, if there is one; without a code it only pauses."""
        if self._motion is None:
            return
        stopping, last = self._stopping, self._points.last
        if stopping is not None:
            if stopping.code is None:
                stopping.code, stopping.message = code, message
            return
        self.gate.play_stop()
        if last is None:
            # What was never commanded needs no hold.
            self._end(code, message, now)
            return
        stopping = Stopping.of(
            last, self.supervisor.limits.joints, code, message, most_s=self.settings.stop_time_s
        )
        self._stopping = stopping
        if stopping.done:
            self._brake(stopping, 0.0, now)

    def _brake(self, stopping: Stopping, elapsed_s: float, now: Moment) -> None:
        """Send the next command of a stop; the last one holds."""
        stopping.time_s += elapsed_s
        joints, velocities = stopping.brake.sample(stopping.time_s)
        if stopping.done:
            self._stopping = None
            self._points.brake(joints, velocities, elapsed_s, hold=True)
            self._end(stopping.code, stopping.message, now)
        elif elapsed_s > 0.0:
            self._points.brake(joints, velocities, elapsed_s)

    def _end(
        self, code: ResultCode | None, message: str, now: Moment, *, keep: bool = False
    ) -> None:
        """Report the end of the motion; `keep` stays in EXECUTING for the one that follows.

        Without a code it is a pause, which has no end yet.
        """
        motion = self._motion
        if motion is None or code is None:
            return
        self._motion, self._ended_s = None, now.ros_s
        if not keep:
            self.supervisor.finish()
        final = self._view.measurement
        arrived = code in (ResultCode.SUCCEEDED, ResultCode.NOT_SETTLED, ResultCode.NOT_MOVED)
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
