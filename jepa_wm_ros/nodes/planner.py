"""The planner node: goals in, plans out, until the camera sees what the goal picture shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import ObservationHealth, SafetyStatus
from jepa_wm_msgs.msg import Plan as PlanMessage
from jepa_wm_msgs.srv import SetGoal
from rclpy.action import CancelResponse, GoalResponse
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.arm_client import ArmClient
from jepa_wm_ros.nodes.arm_stream import ArmStream
from jepa_wm_ros.nodes.goal_desk import GoalDesk
from jepa_wm_ros.nodes.goal_requests import (
    Circumstances,
    GoalRequest,
    RequestCode,
    RequestError,
    read_request,
)
from jepa_wm_ros.nodes.goal_run import GoalRun, GoalSettings, GoalTools
from jepa_wm_ros.nodes.goals import GoalCode
from jepa_wm_ros.nodes.mind import Mind
from jepa_wm_ros.nodes.models import ModelShelf, memory_values
from jepa_wm_ros.nodes.observations import EncodedObservation, ObservationStream
from jepa_wm_ros.nodes.planner_config import PlannerConfig
from jepa_wm_ros.nodes.preview_run import PreviewPublisher, PreviewRun
from jepa_wm_ros.nodes.streaming_run import StreamingRun
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.action_server import PromptActionServer
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, now_s
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.params import ParameterError
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.tensors import decode_latent
from jepa_wm_ros.ros.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.planning.thought import Thought
    from jepa_wm_ros.worldmodel.contract import Contract


class PlannerNode(ManagedNode):
    """Serves goals by action and by service, one at a time.

    Args:
        worker: Thread for the model's work; it is closed when the node is destroyed.
        models: Loads the model.
        linked: Whether an encoder in this process hands observations to `observe`; otherwise
            they come from the topic `latent`.
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type: ClassVar[type] = PlannerConfig

    def __init__(
        self, worker: Worker, models: ModelShelf, *, linked: bool = False, **kwargs: Any
    ) -> None:
        self._worker = worker
        self._models = models
        self._linked = linked
        self.thought_listeners: list[Callable[[Thought], None]] = []
        """Who gets each plan with what it was made from, on the worker thread."""
        self._run: GoalRun | None = None
        self._runs: dict[bytes, GoalRun] = {}
        self._paused = False
        self._picture: Image | None = None
        self._safety: SafetyStatus | None = None
        self._planning = LatencyMonitor()
        self._last_result = 'none yet'
        super().__init__('planner', **kwargs)

    def setup(self) -> None:
        """Load the model, plan once to warm up, create the entities."""
        from jepa_wm_ros.worldmodel.execution import run_as
        from jepa_wm_ros.worldmodel.execution_settings import ExecutionSettings

        config: PlannerConfig = self.config
        model = self._models.load(config.model, config.device, config.threads)
        model = run_as(model, ExecutionSettings(dtype=config.dtype))
        settings = config.planning_settings(model.contract.planning)
        _check_execution(config.execution, model.contract)
        mind = Mind(model, self._worker, settings, config.seed, self._on_thought)
        mind.warm_up()
        self._contract = model.contract
        self._plans = self.create_lifecycle_publisher(PlanMessage, 'plan', qos.latest())
        self._desk = GoalDesk(self, model.contract)
        self._previews = PreviewPublisher(self, config.base_frame, model.contract.step_duration_s)
        arm = ArmClient(self)
        self._stream = ArmStream(self, arm)
        self._tools = GoalTools(
            node=self,
            mind=mind,
            eyes=ObservationStream(self),
            arm=arm,
            show_goal=self._desk.show,
            show_plan=self._show_plan,
        )
        self._subscribe()
        self._serve()
        self.get_logger().info(
            f'{settings.solver} with {settings.samples} candidates, {settings.iterations} '
            f'iterations, {settings.horizon} steps ahead; latents come '
            f'{"by reference" if self._linked else "from the topic latent"}'
        )

    def stop(self) -> None:
        """End the goal under way; its motion is cancelled, so the arm holds."""
        if self._run is not None:
            self._run.stop(GoalCode.SHUTDOWN, 'the planner was deactivated')

    def teardown(self) -> None:
        """Forget what belongs to this life of the node."""
        self._paused, self._picture, self._safety = False, None, None

    def destroy_node(self) -> None:
        """End the worker with the last node of the process that uses it."""
        self._worker.close()
        super().destroy_node()

    @property
    def busy(self) -> bool:
        """Whether a goal has still to end."""
        return self._run is not None

    def observe(self, observation: EncodedObservation) -> None:
        """Take in an observation by reference."""
        if self.state in ('inactive', 'active'):
            self._tools.eyes.put(observation)
            self._picture = observation.image if self._linked else self._picture

    def diagnostics(self) -> list[Diagnostic]:
        """What the planner does and how long plans take."""
        doing = 'paused' if self._paused else 'pursuing a goal' if self._run else 'idle'
        values = self._planning.values('plan') | {'last_result': self._last_result}
        values |= memory_values(self.config.device)
        level = Level.WARN if self._paused else Level.OK
        return [Diagnostic(name='planning', level=level, message=doing, values=values)]

    # -- entities ------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self.create_subscription(
            SafetyStatus, 'safety_status', self._on_safety_status, qos.latched()
        )
        self.create_subscription(ObservationHealth, 'image_health', self._on_health, qos.sensor())
        if not self._linked:
            self.create_subscription(LatentMessage, 'latent', self._on_latent, qos.latest())
            self.create_subscription(Image, 'image', self._on_image, qos.sensor())

    def _serve(self) -> None:
        self.create_service(SetGoal, 'set_goal', self._set_goal)
        self.create_service(Trigger, 'capture_goal', self._capture_goal)
        self.create_service(Trigger, 'clear_goal', self._clear_goal)
        self.create_service(Trigger, 'send_goal', self._send_named)
        self.create_service(Trigger, 'preview_goal', self._preview_named)
        self.create_service(SetBool, 'pause', self._pause)
        PromptActionServer(
            self,
            ReachGoal,
            'reach_goal',
            execute_callback=self.guard(self._reach_goal),
            goal_callback=self._may_begin,
            cancel_callback=self._cancel,
        )

    def _on_safety_status(self, message: SafetyStatus) -> None:
        self._safety = message

    def _on_health(self, message: ObservationHealth) -> None:
        believed = not (message.frozen or message.ambiguous)
        self._tools.eyes.doubt = '' if believed else message.message

    def _on_image(self, message: Image) -> None:
        self._picture = message

    def _on_latent(self, message: LatentMessage) -> None:
        if message.bundle != self._contract.fingerprint:
            raise JepaWmError(
                f'latent: it comes from the model {message.bundle!r}, the planner uses '
                f'{self._contract.fingerprint!r}; give both nodes the same `model`'
            )
        self.observe(
            EncodedObservation(
                stamp=message.header.stamp,
                stamp_s=decode_stamp(message.header.stamp),
                latent=decode_latent(message),
                pose=decode_pose(message.ee_pose),
                gripper=message.gripper,
                bundle=message.bundle,
                encode_time_s=message.encode_time_s,
            )
        )

    # -- the action ----------------------------------------------------------------------------

    def _may_begin(self, goal: ReachGoal.Goal) -> GoalResponse:
        # a refusal would carry no reason: only what needs none is refused here
        rejected = self.config.on_new_goal == 'reject' and self._run is not None
        return GoalResponse.REJECT if rejected or not self.active else GoalResponse.ACCEPT

    def _cancel(self, handle: Any) -> CancelResponse:
        run = self._runs.get(bytes(handle.goal_id.uuid))
        if run is not None:
            run.stop(GoalCode.CANCELED, 'cancelled by the caller')
        return CancelResponse.ACCEPT

    async def _reach_goal(self, handle: Any) -> ReachGoal.Result:
        try:
            request = self._read(handle.request)
        except RequestError as error:
            handle.abort()
            return ReachGoal.Result(
                code=int(error.goal_code),
                message=str(error),
                final_cost=math.nan,
                best_cost=math.nan,
            )
        run = self._begin(request, handle.publish_feedback)
        if handle.is_cancel_requested:  # it came before there was anything to stop
            run.stop(GoalCode.CANCELED, 'cancelled by the caller')
        key = bytes(handle.goal_id.uuid)
        self._runs[key] = run
        try:
            result = await self._pursue(run)
        finally:
            del self._runs[key]
        if result.code in (GoalCode.REACHED, GoalCode.PREVIEWED):
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result

    # -- services ------------------------------------------------------------------------------

    def _set_goal(self, request: SetGoal.Request, response: SetGoal.Response) -> SetGoal.Response:
        try:
            goal = self._accept(request)
        except RequestError as error:
            response.accepted, response.error_code = False, int(error.code)
            response.message = str(error)
            return response
        response.accepted, response.goal_id = True, goal.goal_id
        response.message = '; '.join(goal.warnings)
        return response

    def _send_named(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        """Pursue the stored goals that `goal_name` names, or the captured picture."""
        goal = self._accept(SetGoal.Request(name=self.config.goal_name))
        response.success, response.message = True, '; '.join(('on the way', *goal.warnings))
        return response

    def _preview_named(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        """Preview them."""
        self._accept(SetGoal.Request(name=self.config.goal_name, preview=True))
        response.success, response.message = True, 'planning; see preview_path'
        return response

    def _accept(self, request: SetGoal.Request) -> GoalRequest:
        """Begin to pursue a goal that came by service."""
        goal = self._read(request)
        self._require_observation()
        if self.config.on_new_goal == 'reject' and self._run is not None:
            raise RequestError(RequestCode.BUSY, 'another goal is under way (on_new_goal)')
        self.executor.create_task(self.guard(self._pursue), self._begin(goal))
        return goal

    def _capture_goal(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        self._require_observation()
        seen = self._tools.eyes.newest
        if self._picture is None or seen is None:
            raise JepaWmError('capture_goal: the topic image has brought no picture yet')
        response.message = self._desk.capture(self._picture, seen)
        response.success = True
        return response

    def _clear_goal(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        response.success = True
        response.message = 'no goal was under way'
        if self._run is not None:
            self._run.stop(GoalCode.CANCELED, 'cleared by clear_goal')
            response.message = 'the goal under way was cancelled; the arm holds'
        self._desk.captured = None
        return response

    def _pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._paused = bool(request.data)
        if self._run is not None:
            self._run.pause() if self._paused else self._run.resume()
        response.success = True
        response.message = 'paused; the arm holds' if self._paused else 'going on'
        return response

    # -- goals ---------------------------------------------------------------------------------

    def _read(self, request: Any) -> GoalRequest:
        if not self.active:
            raise RequestError(
                RequestCode.NOT_ACTIVE, 'the planner is not active', GoalCode.SHUTDOWN
            )
        around = Circumstances(
            camera=self._contract.camera,
            max_steps=self.config.max_steps,
            reached_cost=self.config.reached_cost or self._contract.planning.reached_cost,
            seen=self._picture,
            captured=self._desk.captured,
            store=self._desk.store,
        )
        goal = read_request(request, around)
        if goal.preview:
            self._require_idle()
        else:
            self._require_armed()
        for warning in goal.warnings:
            self.get_logger().warning(f'goal {goal.name or goal.goal_id}: {warning}')
        return goal

    def _require_idle(self) -> None:
        if self._run is not None:
            raise RequestError(
                RequestCode.BUSY,
                'a goal is under way: a preview would take its plans away; cancel it first',
            )

    def _require_armed(self) -> None:
        safety = self._safety
        if safety is None or safety.state not in (SafetyStatus.DISARMED, SafetyStatus.FAULT):
            return  # unknown: the action publisher has the last word anyway
        if safety.state == SafetyStatus.FAULT:
            code, what, then = GoalCode.FAULT, 'has a fault', 'reset_fault, then arm'
        else:
            code, what, then = GoalCode.NOT_ARMED, 'is disarmed', 'arm'
        said = f' ({safety.message})' if safety.message else ''
        raise RequestError(
            RequestCode.NOT_ARMED, f'the arm {what}{said}; call the service {then}', code
        )

    def _require_observation(self) -> None:
        newest = self._tools.eyes.newest
        limit_s = self.config.observation_timeout_s
        age_s = math.inf if newest is None else now_s(self) - newest.stamp_s
        if age_s > limit_s:
            raise RequestError(
                RequestCode.NO_OBSERVATION,
                self._tools.eyes.absence(limit_s),
                GoalCode.NO_OBSERVATION,
            )

    def _begin(
        self, request: GoalRequest, tell: Callable[[Any], None] = lambda _: None
    ) -> GoalRun:
        config: PlannerConfig = self.config
        settings = GoalSettings(
            stop_when_reached=config.stop_when_reached,
            stall_steps=config.stall_steps,
            observation_timeout_s=config.observation_timeout_s,
            base_frame=config.base_frame,
            hold_when_worse=config.hold_when_worse,
        )
        if request.preview:
            return PreviewRun(self._previews, request, self._tools, settings, tell)
        if config.execution == 'streaming':
            return StreamingRun(self._stream, request, self._tools, settings, tell)
        return GoalRun(request, self._tools, settings, tell)

    async def _pursue(self, run: GoalRun) -> ReachGoal.Result:
        """Pursue a goal after the one under way, which is told to end, has ended."""
        previous, self._run = self._run, run
        if self._paused:
            run.pause()
        if previous is not None:
            previous.stop(GoalCode.PREEMPTED, 'replaced by a newer goal')
            await previous.done
        name = run.request.name or run.request.goal_id
        self.get_logger().info(f'goal {name}: {len(run.request.parts)} picture(s)')
        result = await run.pursue()
        if self._run is run:
            self._run = None
        self._last_result = f'{GoalCode(result.code).name}: {result.message}'
        self.get_logger().info(f'goal {name}: {self._last_result}')
        return result

    def _on_thought(self, thought: Thought) -> None:
        for listener in self.thought_listeners:
            listener(thought)

    def _show_plan(self, plan: PlanMessage) -> None:
        self._planning.add(plan.plan_time_s)
        self._plans.publish(plan)


def _check_execution(execution: str, contract: Contract) -> None:
    if execution == 'streaming' and contract.context > 1:
        raise ParameterError(
            f'execution: the model {contract.name} looks at {contract.context} pictures that lie '
            'one step apart, which streaming does not give it; use blocking'
        )


def main(args: list[str] | None = None) -> int:
    """Run the planner in a process of its own."""
    return spin(
        lambda context, executor: [PlannerNode(Worker(executor), ModelShelf(), context=context)],
        args,
    )


if __name__ == '__main__':
    raise SystemExit(main())
