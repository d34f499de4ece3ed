"""The node between plans and the arm: executes them under the safety supervisor.

It runs in a process of its own, without torch, so that its watchdogs never wait for a planner. The
thinking is in `robot.execution.ArmExecutor`; here are topics, services, timing and messages.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from jepa_wm_msgs.action import ExecuteActions
from jepa_wm_msgs.msg import ExecutedAction, ObservationHealth, SafetyStatus
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.action_publisher_config import ActionPublisherConfig
from jepa_wm_ros.nodes.backends import make_backend
from jepa_wm_ros.nodes.backends.backend import CommandBackend, Wiring
from jepa_wm_ros.nodes.driver_watch import DriverWatch
from jepa_wm_ros.nodes.grippers import make_gripper
from jepa_wm_ros.nodes.grippers.gripper import GripperBackend, GripperWiring
from jepa_wm_ros.nodes.joint_reader import JointReader
from jepa_wm_ros.nodes.motion_messages import (
    decode_plan,
    encode_executed,
    encode_result,
    encode_status,
)
from jepa_wm_ros.nodes.plan_calibration import PlanCalibration
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.faults import FaultCode, Refusal, ResultCode, SafetyState
from jepa_wm_ros.robot.gripper import GripperCodec
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.motion import ArmCommand, ExecutionError, Moment, MotionResult
from jepa_wm_ros.robot.robot_mode import spoken_mode
from jepa_wm_ros.robot.safety import SafetySupervisor
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_stamp, now_s
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level, RateMonitor
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.scheduling import become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.worker import future_for

ARMED = 'armed'
STATUS_PERIOD_S = 0.1
# After the last command, the process stays this long: DDS sends from its own threads.
FAREWELL_S = 0.1


@dataclass(slots=True, eq=False)
class _Execution:
    """A goal of the action on its way: its result comes through `outcome`."""

    handle: Any
    outcome: Future
    first_command_delay_s: float = 0.0


class ActionPublisher(ManagedNode):
    """Executes plans on the arm; starts disarmed.

    Args:
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type = ActionPublisherConfig

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('action_publisher', **kwargs)
        self._arm: ArmExecutor | None = None
        self._executions: dict[bytes, _Execution] = {}
        self._current: _Execution | None = None
        self._last_words_s = -FAREWELL_S
        self._joint_rate = RateMonitor()
        self._image_rate = RateMonitor()
        self._command_rate = RateMonitor(window=200)
        self._first_command = LatencyMonitor()

    # -- life ----------------------------------------------------------------------------------

    def setup(self) -> None:
        """Load the kinematics, create the backend, topics, services and the action."""
        config: ActionPublisherConfig = self.config
        self._backend = self._make_backend(config)
        self._gripper = self._make_gripper(config)
        self._calibration = PlanCalibration(config.calibration_file)
        self._reader = JointReader(
            joint_names=config.joint_names,
            gripper_joint=config.gripper_joint,
            codec=GripperCodec.preset(config.gripper),
        )
        self._arm = ArmExecutor(
            kinematics=Kinematics(config.description),
            supervisor=SafetySupervisor(limits=config.safety_limits(moves=self._backend.moves)),
            settings=config.execution_settings(moves=self._backend.moves),
            send=self._send,
            play=self._backend.play if self._backend.plays_routes else None,
        )
        self._driver = DriverWatch(self, config, self._arm)
        self._create_topics()
        self._create_services()

    def start(self) -> None:
        """Say that the arm is disarmed."""
        self._publish_status()

    def safe_stop(self) -> None:
        """Hold the arm if we command it, and disarm."""
        if self._arm is not None:
            self._arm.disarm(self._now(), ResultCode.SHUTDOWN)
            self._last_words_s = time.monotonic()
            self._publish_status()

    def teardown(self) -> None:
        """Forget the arm."""
        self._arm = None

    @property
    def busy(self) -> bool:
        """Whether results or the last command may still be on their way."""
        recent = time.monotonic() - self._last_words_s < FAREWELL_S
        delivered = self._arm is None or self._backend.delivered()
        return bool(self._executions) or recent or not delivered

    def config_changed(self, previous: ActionPublisherConfig) -> None:
        """Use new limits from the next motion on.

        Raises:
            ExecutionError: The arm moves.
        """
        if self._arm is None:
            return
        if self._arm.motion is not None:
            raise ExecutionError('parameters cannot change during a motion: try again after it')
        self._arm.settings = self.config.execution_settings(moves=self._backend.moves)
        self._arm.supervisor.limits = self.config.safety_limits(moves=self._backend.moves)

    def _make_backend(self, config: ActionPublisherConfig) -> CommandBackend:
        wiring = Wiring(
            node=self,
            base_frame=config.base_frame,
            joint_names=config.joint_names,
            command_topic=config.command_topic,
            lookahead_s=config.lookahead_s,
            hold_time_s=config.hold_time_s,
            brake_time_s=config.brake_time_s,
            tool=config.tool,
            servo=config.servo_settings(config.max_speed_m_s, config.max_rotation_speed_rad_s),
            measured=lambda: None if self._arm is None else self._arm.measured_pose,
            complain=self._on_complaint,
        )
        return make_backend(config.backend, wiring)

    def _make_gripper(self, config: ActionPublisherConfig) -> GripperBackend:
        wiring = GripperWiring(
            node=self,
            topic=config.gripper_topic,
            joint=config.gripper_joint,
            codec=config.gripper_codec,
            effort=config.gripper_effort,
            speed_m_s=config.gripper_speed_m_s,
            force_n=config.gripper_force_n,
            warn=self.get_logger().warning,
        )
        # A dry run closes no gripper either.
        return make_gripper(config.gripper_driver if self._backend.moves else 'none', wiring)

    def _create_topics(self) -> None:
        # Only the newest sample says where the arm is: a queue would only make it look old.
        self.create_subscription(JointState, 'joint_states', self._on_joints, qos.sensor())
        self.create_subscription(ObservationHealth, 'image_health', self._on_picture, qos.sensor())
        self.create_subscription(Bool, 'robot_ready', self._on_ready, qos.sensor())
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
        # in a group of its own: what waits in the default group makes all others wait
        waiting = ReentrantCallbackGroup()
        self.create_service(Trigger, 'home', self._on_home, callback_group=waiting)
        ActionServer(
            self,
            ExecuteActions,
            'execute',
            execute_callback=self.guard(self._finish_goal),
            goal_callback=self._on_goal,
            handle_accepted_callback=self.guard(self._on_accepted),
            cancel_callback=self.guard(self._on_cancel),
        )

    # -- what is seen --------------------------------------------------------------------------

    def _on_joints(self, message: JointState) -> None:
        arm, now = self._require_arm(), self._now()
        positions = self._reader.read(message.name, message.position)
        if positions is None:
            return
        self._joint_rate.tick(now.steady_s)
        # A driver that does not stamp its messages gets the time of arrival.
        stamp_s = decode_stamp(message.header.stamp) or now.ros_s
        arm.joints_seen(stamp_s, positions, self._reader.gripper, now)

    def _on_picture(self, message: ObservationHealth) -> None:
        now = self._now()
        self._image_rate.tick(now.steady_s)
        self._calibration.camera = message.header.frame_id
        self._require_arm().picture_seen(decode_stamp(message.header.stamp), message.frozen, now)

    def _on_complaint(self, message: str) -> None:
        """Stop a motion because the controller does not do what it was told."""
        if self._arm is not None and self._arm.motion is not None:
            self._arm.fault(FaultCode.NOT_FOLLOWING, message, self._now())
            self._publish_status()

    def _on_ready(self, message: Bool) -> None:
        self._require_arm().supervisor.robot_mode(spoken_mode(message.data), time.monotonic())

    # -- services ------------------------------------------------------------------------------

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        arm = self._require_arm()
        if not request.data:
            arm.disarm(self._now())
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
        self._count_publishers()
        obstacle = (
            self._backend.obstacle() or self._gripper.obstacle() or self._driver.disagreement()
        )
        if obstacle:
            return arm.supervisor.refuse(ResultCode.NOT_ARMED, obstacle).message
        refusal = arm.arm(self._now())
        return ARMED if refusal is None else refusal.message

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._require_arm().disarm(self._now())
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

    async def _on_home(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Move the joints to the home posture; answers when the arm is there, or why not."""
        self._count_publishers()
        outcome = future_for(self.executor)
        refusal = self._require_arm().home(self._now(), outcome.set_result)
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
        return GoalResponse.ACCEPT if self.active else GoalResponse.REJECT

    def _on_accepted(self, goal: Any) -> None:
        began_s = time.perf_counter()
        execution = _Execution(goal, future_for(self.executor))
        refusal = self._begin(execution)
        execution.first_command_delay_s = time.perf_counter() - began_s
        if refusal is None:
            self._first_command.add(execution.first_command_delay_s)
            self._current = execution
        else:
            self.get_logger().warning(f'plan refused: {refusal.message}')
            execution.outcome.set_result(self._refused(refusal))
        self._executions[bytes(goal.goal_id.uuid)] = execution
        goal.execute()
        self._publish_status()

    def _begin(self, execution: _Execution) -> Refusal | None:
        """Begin the motion of a goal; return why it is refused."""
        arm = self._require_arm()
        self._count_publishers()
        try:
            message = execution.handle.request.plan
            plan = decode_plan(message, self.config.base_frame)
            plan = self._calibration.applied(plan, message.bundle)
        except JepaWmError as error:
            return arm.supervisor.refuse(ResultCode.BAD_PLAN, str(error))
        return arm.execute(plan, self._now(), execution.outcome.set_result)

    def _refused(self, refusal: Refusal) -> MotionResult:
        """Return the result of a motion that never began."""
        return MotionResult(
            code=refusal.code,
            message=refusal.message,
            final_pose=self._require_arm().measured_pose,
            completed_s=now_s(self),
        )

    async def _finish_goal(self, goal: Any) -> ExecuteActions.Result:
        execution = self._executions[bytes(goal.goal_id.uuid)]
        result: MotionResult = await execution.outcome
        if execution is self._current:
            self._current = None
        for action in result.executed:
            self._executed.publish(
                encode_executed(
                    action, goal.request.plan, result.completed_s, self.config.base_frame
                )
            )
        if result.code is ResultCode.SUCCEEDED:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        del self._executions[bytes(goal.goal_id.uuid)]
        self._last_words_s = time.monotonic()
        self._publish_status()
        return encode_result(result, execution.first_command_delay_s)

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._current is not None and goal is self._current.handle:
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

    def _send(self, command: ArmCommand) -> None:
        self._backend.send(command)
        if command.gripper is not None:
            self._gripper.send(command.gripper)
        self._command_rate.tick(time.monotonic())

    def _repeat_status(self) -> None:
        if not self.active:
            return
        self._count_publishers()
        self._publish_status()
        motion = self._require_arm().motion
        if motion is not None and self._current is not None:
            self._current.handle.publish_feedback(
                ExecuteActions.Feedback(step=motion.step, progress=motion.progress)
            )

    def _publish_status(self) -> None:
        if self._arm is None:
            return
        now = self._now()
        self._status.publish(
            encode_status(self._arm.supervisor, now.ros_s, now.steady_s, self.config.base_frame)
        )

    def _count_publishers(self) -> None:
        topic = self._backend.topic
        others = 0 if topic is None else max(0, self.count_publishers(topic) - 1)
        self._require_arm().supervisor.publishers_seen(others)

    def diagnostics(self) -> list[Diagnostic]:
        """State of the supervisor, rates and ages of its inputs, rate of its output."""
        if self._arm is None:
            return []
        supervisor, steady_s = self._arm.supervisor, time.monotonic()
        fault, counters = supervisor.fault, supervisor.counters
        return [
            Diagnostic(
                name='safety',
                level=Level.ERROR if supervisor.state is SafetyState.FAULT else Level.OK,
                message=supervisor.state.name if fault is None else fault.message,
                values={
                    'clamped': counters.clamped,
                    'refused': counters.refused,
                    'held': counters.held,
                    'faults': counters.faults,
                },
            ),
            _input('joint states', self._joint_rate, supervisor.joint_age_s(steady_s)),
            _input('pictures', self._image_rate, supervisor.image_age_s(steady_s)),
            Diagnostic(
                name='commands',
                values={
                    'sent': self._command_rate.count,
                    'rate_hz': self._command_rate.rate_hz,
                    **self._first_command.values('first_command'),
                },
            ),
        ]

    def _now(self) -> Moment:
        return Moment(now_s(self), time.monotonic())

    def _require_arm(self) -> ArmExecutor:
        if self._arm is None:
            raise ExecutionError('the node is not configured')
        return self._arm


def _input(name: str, rate: RateMonitor, age_s: float) -> Diagnostic:
    """Describe one input of the node; silent for a second is stale."""
    silent = not age_s <= 1.0
    return Diagnostic(
        name=name,
        level=Level.STALE if silent else Level.OK,
        message='silent' if silent else 'ok',
        values={'rate_hz': rate.rate_hz, 'age_s': age_s, 'count': rate.count},
    )


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal; the last command on the wire holds the arm."""
    become_urgent()
    return spin(lambda context, executor: [ActionPublisher(context=context)], args)


if __name__ == '__main__':
    raise SystemExit(main())
