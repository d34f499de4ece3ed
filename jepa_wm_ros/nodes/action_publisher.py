"""The node between plans and the arm: executes them under the safety supervisor.

It runs in a process of its own, without torch, so that its watchdogs never wait for a planner. The
thinking is in `robot.execution.ArmExecutor`; here are topics, services, timing and messages.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import ExecutedAction, ObservationHealth, SafetyStatus
from rclpy.action import CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.action_publisher_config import ActionPublisherConfig
from jepa_wm_ros.nodes.arm_diagnostics import ArmMonitors
from jepa_wm_ros.nodes.arm_wiring import wire_backend, wire_executor, wire_gripper, wire_reader
from jepa_wm_ros.nodes.driver_watch import DriverWatch
from jepa_wm_ros.nodes.motion_goal import MotionGoal
from jepa_wm_ros.nodes.motion_messages import (
    encode_executed,
    encode_result,
    encode_status,
)
from jepa_wm_ros.nodes.operator_watch import OperatorWatch
from jepa_wm_ros.nodes.plan_calibration import PlanCalibration
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.faults import FaultCode, Refusal, ResultCode
from jepa_wm_ros.robot.gripper import GripperError
from jepa_wm_ros.robot.motion import ExecutionError, Moment, MotionResult
from jepa_wm_ros.ros import qos, sources
from jepa_wm_ros.ros.action_server import PromptActionServer
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.ros.core_sleep import CoreSleep
from jepa_wm_ros.ros.diagnostics import Diagnostic
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.scheduling import COMMAND, become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.worker import future_for

ARMED = 'armed'
JOINT_STATES = 'joint_states'
JOINT_STATE_KIND = sources.kind_of(JointState)
STATUS_PERIOD_S = 0.1
# After the last command, the process stays this long: DDS sends from its own threads.
FAREWELL_S = 0.1


class ImplausibleStateError(JepaWmError):
    """A joint state that cannot be true."""


class ActionPublisher(ManagedNode):
    """Executes plans on the arm; starts disarmed.

    Args:
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type = ActionPublisherConfig

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('action_publisher', **kwargs)
        self._arm: ArmExecutor | None = None
        self._goals: dict[bytes, MotionGoal] = {}
        self._current: MotionGoal | None = None
        self._last_words_s = -FAREWELL_S
        self._begun: MotionGoal | None = None
        self._waiting: MotionGoal | None = None
        self._monitors = ArmMonitors()
        self._core_sleep = CoreSleep()

    # -- life ----------------------------------------------------------------------------------

    def setup(self) -> None:
        """Load the kinematics, create the backend, topics, services and the action."""
        config: ActionPublisherConfig = self.config
        self._backend = wire_backend(
            self,
            config,
            measured=lambda: None if self._arm is None else self._arm.measured_pose,
            complain=self._on_complaint,
        )
        self._gripper = wire_gripper(self, config, moves=self._backend.moves)
        self._calibration = PlanCalibration(config.calibration_file, config.base_frame)
        self._reader = wire_reader(config)
        self._arm = wire_executor(
            config,
            self._backend,
            self._gripper,
            on_sent=lambda: self._monitors.sent(time.monotonic()),
            sources=self._name_sources,
        )
        self._driver = DriverWatch(self, config, self._arm, config.base_frame)
        self._operator = OperatorWatch(self, config, self._arm)
        self._create_topics()
        self._create_services()

    def start(self) -> None:
        """Say that the arm is disarmed."""
        self._publish_status()

    def safe_stop(self) -> None:
        """Brake and hold the arm if we command it, and disarm."""
        if self._arm is not None:
            self._disarm(ResultCode.SHUTDOWN)
            self._come_to_rest(self._arm)
            self._last_words_s = time.monotonic()
            self._publish_status()

    def _disarm(self, code: ResultCode) -> None:
        """Brake, hold and disarm; what waits to be confirmed ends, too."""
        self._require_arm().disarm(self._now(), code)
        self._drop_waiting(code, 'the arm was disarmed before the plan was confirmed')

    def _come_to_rest(self, arm: ArmExecutor) -> None:
        """Brake here: our timer does nothing any more once the node is no longer active."""
        deadline_s = time.monotonic() + 2.0 * self.config.stop_time_s
        while arm.motion is not None and time.monotonic() < deadline_s:
            time.sleep(self.config.period_s)
            arm.tick(self._now())

    def teardown(self) -> None:
        """Forget the arm."""
        self._arm = None

    @property
    def busy(self) -> bool:
        """Whether results or the last command may still be on their way."""
        recent = time.monotonic() - self._last_words_s < FAREWELL_S
        delivered = self._arm is None or self._backend.delivered()
        return bool(self._goals) or recent or not delivered

    def config_changed(self, previous: ActionPublisherConfig) -> None:
        """Use new limits from the next motion on, and another speed at once.

        Raises:
            ExecutionError: The arm moves.
        """
        if self._arm is None:
            return
        others = replace(previous, speed_override=self.config.speed_override) != self.config
        if others and self._arm.motion is not None:
            raise ExecutionError('parameters cannot change during a motion: try again after it')
        # A slider may have slowed the arm down since: other parameters do not speed it up again.
        if 'speed_override' in self.changed_names:
            self._arm.override_speed(self.config.speed_override)
        if not others:
            return
        self._arm.settings = self.config.execution_settings(moves=self._backend.moves)
        self._arm.supervisor.limits = self.config.safety_limits(moves=self._backend.moves)

    def _create_topics(self) -> None:
        # Only the newest sample says where the arm is: a queue would only make it look old.
        self.create_subscription(JointState, JOINT_STATES, self._on_joints, qos.sensor())
        self.create_subscription(ObservationHealth, 'image_health', self._on_picture, qos.sensor())
        self._status = self.create_lifecycle_publisher(
            SafetyStatus, 'safety_status', qos.latched()
        )
        self._executed = self.create_lifecycle_publisher(
            ExecutedAction, 'executed_action', qos.events()
        )
        # The steady clock: a simulation that stands still must not stop the watchdogs.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self.config.period_s, self._tick, clock=steady)
        self.create_timer(STATUS_PERIOD_S, self._repeat_status, clock=steady)

    def _create_services(self) -> None:
        self.create_service(SetBool, 'arm', self._on_arm)
        self.create_service(Trigger, 'stop', self._on_stop)
        self.create_service(Trigger, 'reset_fault', self._on_reset)
        self.create_service(Trigger, 'confirm', self._on_confirm)
        # in a group of its own: what waits in the default group makes all others wait
        waiting = ReentrantCallbackGroup()
        self.create_service(Trigger, 'home', self._on_home, callback_group=waiting)
        PromptActionServer(
            self,
            ExecuteActions,
            'execute',
            execute_callback=self.guard(self._finish_goal),
            goal_callback=self.guard(self._on_goal),
            handle_accepted_callback=self.guard(self._on_accepted),
            lost_callback=self.guard(self._on_lost),
            cancel_callback=self.guard(self._on_cancel),
        )

    # -- what is seen --------------------------------------------------------------------------

    def _on_joints(self, message: JointState) -> None:
        arm, now = self._require_arm(), self._now()
        positions = self._reader.read(message.name, message.position, now.steady_s)
        # A driver that does not stamp its messages gets the time of arrival.
        stamp_s = decode_stamp(message.header.stamp) or now.ros_s
        if self._reader.gripper_read:
            arm.supervisor.gripper_seen(now.steady_s, now.ros_s - stamp_s)
        elif self._reader.gripper_trouble:
            self.report(GripperError(self._reader.gripper_trouble))
        if positions is None:
            arm.supervisor.joints_missing(self._reader.trouble)
            return
        self._monitors.joints.tick(now.steady_s)
        disbelief = arm.joints_seen(stamp_s, positions, self._reader.gripper, now)
        if disbelief:
            self.report(ImplausibleStateError(disbelief))
            self._publish_status()

    def _on_picture(self, message: ObservationHealth) -> None:
        now = self._now()
        self._monitors.images.tick(now.steady_s)
        stamp_s = decode_stamp(message.header.stamp)
        self._calibration.camera = message.header.frame_id
        self._require_arm().picture_seen(
            stamp_s,
            message.frozen,
            now,
            message.skew_s,
            message.message,
            ambiguous=message.ambiguous,
        )

    def _on_complaint(self, message: str) -> None:
        """Stop because the controller does something else than it was told."""
        if self._arm is not None and self._arm.supervisor.armed:
            self._arm.fault(FaultCode.CONTROLLER, message, self._now())
            self._publish_status()

    # -- services ------------------------------------------------------------------------------

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        arm = self._require_arm()
        if not request.data:
            self._disarm(ResultCode.STOPPED)
            response.success, response.message = True, 'disarmed'
        elif not self.active:
            response.success, response.message = False, 'the node is not active'
        else:
            response.message = self._try_to_arm(arm)
            response.success = response.message == ARMED
        self.get_logger().info(f'arm({request.data}): {response.message}')
        self._publish_status()
        return response

    def _try_to_arm(self, arm: ArmExecutor) -> str:
        """Arm, and return ARMED; otherwise say why not."""
        self._look_around()
        obstacle = (
            self._backend.obstacle() or self._gripper.obstacle() or self._driver.disagreement()
        )
        if obstacle:
            return arm.supervisor.refuse(ResultCode.NOT_ARMED, obstacle).message
        refusal = arm.arm(self._now())
        return ARMED if refusal is None else refusal.message

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._disarm(ResultCode.STOPPED)
        response.success, response.message = True, 'stopped and disarmed'
        self.get_logger().warning('stop: the arm holds and is disarmed')
        self._publish_status()
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        fault = self._require_arm().supervisor.reset()
        response.success = fault is not None
        response.message = (
            'there is no fault' if fault is None else f'{fault.code.name} is reset; disarmed'
        )
        self._publish_status()
        return response

    def _on_confirm(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        waiting, self._waiting = self._waiting, None
        response.success = waiting is not None
        response.message = 'the arm sets off' if waiting else 'no plan waits to be confirmed'
        if waiting is not None:
            self._set_off(waiting)
            self._publish_status()
        return response

    async def _on_home(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Move the joints to the home posture; answers when the arm is there, or why not."""
        self._look_around()
        outcome = future_for(self.executor)
        refusal = self._disagreed() or self._require_arm().home(self._now(), outcome.set_result)
        self._publish_status()
        if refusal is None:
            result: MotionResult = await outcome
            response.success = result.code is ResultCode.SUCCEEDED
            response.message = result.message or 'the arm is at home'
            self._publish_status()
        else:
            response.success, response.message = False, refusal.message
        self.get_logger().info(f'home: {response.message}')
        return response

    # -- the action ----------------------------------------------------------------------------

    def _on_goal(self, request: ExecuteActions.Goal) -> GoalResponse:
        # What the supervisor refuses is accepted here, to be aborted with a code and a reason.
        if not self.active:
            return GoalResponse.REJECT
        self._begun = MotionGoal(request.plan, future_for(self.executor), now_s(self))
        if not self.config.confirm_steps:
            self._set_off(self._begun)  # the arm comes first, the answer next
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: Any) -> None:
        goal, self._begun = self._begun, None
        assert goal is not None, 'what is accepted was asked for before'
        goal.handle = handle
        if self.config.confirm_steps:
            self._ask_to_confirm(goal)
        self._goals[bytes(handle.goal_id.uuid)] = goal
        handle.execute()
        self._look_around()
        self._publish_status()

    def _on_lost(self) -> None:
        """End the motion of a goal whose client could not be told that it was accepted."""
        lost, self._begun = self._begun, None
        if lost is not None and lost is self._current:
            self.get_logger().warning('who sent a plan has gone away: the arm stops')
            self._current = None
            self._require_arm().cancel(self._now())

    def _ask_to_confirm(self, goal: MotionGoal) -> None:
        """Wait with a motion until somebody confirms it."""
        self._drop_waiting(ResultCode.PREEMPTED, 'a newer plan waits to be confirmed')
        self._waiting = goal
        self.get_logger().info('a plan waits: look at it, then call the service confirm')

    def _drop_waiting(self, code: ResultCode, message: str) -> None:
        """End what waits to be confirmed, without a motion."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.outcome.set_result(self._refused(Refusal(code, message)))

    def _set_off(self, goal: MotionGoal) -> None:
        """Begin the motion of a goal, or end it with the reason why not."""
        began_s = time.perf_counter()
        refusal = self._begin(goal)
        goal.first_command_delay_s = time.perf_counter() - began_s
        if refusal is None:
            self._monitors.first_command.add(goal.first_command_delay_s)
            self._current = goal
        else:
            self.get_logger().warning(f'plan refused: {refusal.message}')
            goal.outcome.set_result(self._refused(refusal))

    def _begin(self, goal: MotionGoal) -> Refusal | None:
        """Begin the motion of a goal; return why it is refused."""
        arm = self._require_arm()
        refusal = self._disagreed()
        if refusal is not None:
            return refusal
        try:
            plan = goal.motion_plan(self.config.base_frame, self._calibration, now_s(self))
        except JepaWmError as error:
            return arm.supervisor.refuse(ResultCode.BAD_PLAN, str(error))
        return arm.execute(plan, self._now(), goal.outcome.set_result)

    def _disagreed(self) -> Refusal | None:
        """Refuse to set off from rest while the driver means another pose than we do."""
        arm = self._require_arm()
        disagreement = '' if arm.motion is not None else self._driver.disagreement()
        if not disagreement:
            return None
        return arm.supervisor.refuse(ResultCode.NOT_ARMED, disagreement)

    def _refused(self, refusal: Refusal) -> MotionResult:
        """Return the result of a motion that never began."""
        return MotionResult(
            code=refusal.code,
            message=refusal.message,
            final_pose=self._require_arm().measured_pose,
            completed_s=now_s(self),
        )

    async def _finish_goal(self, handle: Any) -> ExecuteActions.Result:
        goal = self._goals[bytes(handle.goal_id.uuid)]
        result: MotionResult = await goal.outcome
        if goal is self._current:
            self._current = None
        for action in result.executed:
            self._executed.publish(
                encode_executed(action, goal.plan, result.completed_s, self.config.base_frame)
            )
        if result.code is ResultCode.SUCCEEDED:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        del self._goals[bytes(handle.goal_id.uuid)]
        self._last_words_s = time.monotonic()
        self._publish_status()
        return encode_result(result, goal.first_command_delay_s)

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._waiting is not None and goal is self._waiting.handle:
            self._drop_waiting(ResultCode.CANCELED, 'cancelled before it was confirmed')
        elif self._current is not None and goal is self._current.handle:
            self._require_arm().cancel(self._now())
        return CancelResponse.ACCEPT

    # -- output --------------------------------------------------------------------------------

    def _tick(self) -> None:
        if not self.active:
            return
        arm = self._require_arm()
        before = arm.supervisor.state
        arm.tick(self._now())
        after = arm.supervisor.state
        if after is not before:
            if arm.supervisor.fault is not None:
                self.get_logger().error(f'FAULT: {arm.supervisor.fault.message}')
            self._publish_status()

    def _repeat_status(self) -> None:
        if not self.active:
            return
        self._look_around()
        self._publish_status()
        motion = self._require_arm().motion
        if motion is not None and self._current is not None:
            self._current.handle.publish_feedback(
                ExecuteActions.Feedback(step=motion.step, progress=motion.progress)
            )
        if self._waiting is not None:
            self._waiting.handle.publish_feedback(ExecuteActions.Feedback())

    def _publish_status(self) -> None:
        if self._arm is None:
            return
        now, supervisor = self._now(), self._arm.supervisor
        self._core_sleep.allowed = not (self.config.keep_cores_awake and supervisor.armed)
        self._status.publish(
            encode_status(supervisor, now.ros_s, now.steady_s, self.config.base_frame)
        )

    def _look_around(self) -> None:
        """See who else commands the arm and who says where it is."""
        supervisor, topic = self._require_arm().supervisor, self._backend.topic
        # To count is cheap; to ask for names takes as long as twenty counts.
        own = self._backend.own_publishers
        more = topic is not None and self.count_publishers(topic) > own
        commanders = sources.others(self, topic) if topic and more else []
        said = sources.second_commander(topic or '', commanders)
        supervisor.publishers_seen(len(commanders), said)
        # rclpy counts under the name that it is given, without remapping it
        name = self.resolve_topic_name(JOINT_STATES)
        speakers = self.count_publishers(name)
        supervisor.sources_seen(self._second_source() if speakers > 1 else '')
        if not speakers:
            supervisor.joints_missing(f'nobody publishes on {name}')

    def _second_source(self) -> str:
        """Say that more than one node publishes the joints of the arm; empty when one does."""
        speakers = sources.publishers_of(self, JOINT_STATES, JOINT_STATE_KIND)
        heard = self._reader.heard(time.monotonic())
        name = self.resolve_topic_name(JOINT_STATES)
        return sources.second_joint_source(name, speakers, heard)

    def _name_sources(self) -> str:
        """Say who publishes joint states."""
        speakers = sources.publishers_of(self, JOINT_STATES, JOINT_STATE_KIND)
        return f'{self.resolve_topic_name(JOINT_STATES)} is published by {sources.named(speakers)}'

    def diagnostics(self) -> list[Diagnostic]:
        """State of the supervisor, rates and ages of its inputs, rate of its output."""
        if self._arm is None:
            return []
        return self._monitors.diagnostics(self._arm.supervisor)

    def _now(self) -> Moment:
        return Moment(now_s(self), time.monotonic())

    def _require_arm(self) -> ArmExecutor:
        if self._arm is None:
            raise ExecutionError('the node is not configured')
        return self._arm


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal; the last command on the wire holds the arm."""
    become_urgent(COMMAND)
    return spin(lambda context, executor: [ActionPublisher(context=context)], args)


if __name__ == '__main__':
    raise SystemExit(main())
