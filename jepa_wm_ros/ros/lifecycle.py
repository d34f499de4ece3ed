"""The base class of our nodes: who starts them, stops them, and has the last word on the wire."""

from __future__ import annotations

import functools
import inspect
import math
import time
import traceback
from typing import TYPE_CHECKING, Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.action import ActionClient, ActionServer
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

try:
    from rclpy.event_handler import EventHandler
except ImportError:  # Humble
    from rclpy.qos_event import QoSEventHandler as EventHandler

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.ros import params, qos
from jepa_wm_ros.ros.diagnostics import Diagnostic, Level
from jepa_wm_ros.ros.transitions import TransitionDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rclpy.parameter import Parameter
    from rclpy.waitable import Waitable

AUTOSTART = (
    'Whether the node configures and activates itself; false leaves that to a life-cycle manager '
    '(`ros2 lifecycle set`).'
)
_SUCCESS = TransitionCallbackReturn.SUCCESS
_REPEAT_S = 5.0
_REPORT_S = 1.0
_EVENTS_S = 0.05


class ManagedNode(LifecycleNode):
    """A managed (lifecycle) node in which no error goes unseen.

    A subclass names its config dataclass in `config_type`, its parameters come from it, and
    fills the hooks `setup`, `start`, `stop`, `safe_stop`, `teardown`, `diagnostics`,
    `config_changed` and `busy`. It never overrides `on_*`: the order in there is the guarantee
    that `safe_stop` runs, with publishers still enabled, whatever else goes wrong.

    Entities made in `setup` or later are destroyed with `teardown`. Callbacks of subscriptions,
    timers and services are guarded: an error for people (`JepaWmError`) is logged and counted,
    any other error stops the node safely and ends the process (`failure`).

    Args:
        name: Node name.
        kwargs: What `rclpy.node.Node` accepts (context, namespace, parameter_overrides, ...).
    """

    config_type: ClassVar[type]

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.failure: BaseException | None = None
        self._state = 'unconfigured'
        self._error_count = 0
        self._last_error = ('', -_REPEAT_S)
        self._kept: set[int] = set()
        self._events_until_s = math.inf
        self._answering = 0
        self._ending = False
        self.changed_names: frozenset[str] = frozenset()
        """Parameters that were set last, also those that kept their value."""
        super().__init__(name, **kwargs)
        TransitionDesk(self)
        self.declare_parameter(
            'autostart', True, ParameterDescriptor(description=AUTOSTART, read_only=True)
        )
        self.config: Any = params.declare(self, self.config_type)
        self.add_on_set_parameters_callback(self._change_parameters)
        self._diagnostics_publisher = self.create_publisher(
            DiagnosticArray, '/diagnostics', qos.events()
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_REPORT_S, self._publish_diagnostics, clock=steady)
        self._kept = {id(entity) for entity in self._entities()}

    # -- hooks ---------------------------------------------------------------------------------

    def setup(self) -> None:
        """Load what is slow to load and create the entities (configure)."""

    def start(self) -> None:
        """Begin to work (activate); publishers are enabled."""

    def stop(self) -> None:
        """Give up the work under way (deactivate)."""

    def safe_stop(self) -> None:
        """Send the last safe command; publishers are still enabled. Must not wait for anything."""

    def teardown(self) -> None:
        """Free what `setup` made besides ROS entities (clean up). May run after half a setup."""

    def diagnostics(self) -> Sequence[Diagnostic]:
        """What there is to say about each component, asked once a second while configured."""
        return ()

    def config_changed(self, previous: Any) -> None:
        """React to a change of dynamic parameters; `self.config` is the new one."""

    @property
    def busy(self) -> bool:
        """Whether something must still be sent (results of actions) before the node goes."""
        return False

    # -- what a subclass uses ------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether the node works: between activation and deactivation."""
        return self._state == 'active'

    @property
    def state(self) -> str:
        """unconfigured, inactive, active or finalized."""
        return self._state

    @property
    def owing(self) -> bool:
        """Whether somebody waits for an answer: of a goal, or of a service that takes its time."""
        goals = (goal for server in self._servers() for goal in server._result_futures.values())
        return self.busy or self._answering > 0 or not all(goal.done() for goal in goals)

    @property
    def has_goals(self) -> bool:
        """Whether there are goals whose clients may not have the result yet."""
        return self.owing or any(server._goal_handles for server in self._servers())

    @property
    def waitables(self) -> Iterator[Waitable]:
        """What the executor waits on besides topics, services and timers.

        That includes two QoS events for each topic, which tell of peers that do not fit and can
        wait: the executor sees them for a moment each second. To wait on them all in each round
        costs about half as much again as all other entities of a node.
        """
        with_events = time.monotonic() < self._events_until_s
        for waitable in super().waitables:
            if with_events or not isinstance(waitable, EventHandler):
                yield waitable

    def report(self, error: JepaWmError) -> None:
        """Log and count an error that people can do something about; repeats only each 5 s."""
        self._error_count += 1
        text, now = str(error), time.monotonic()
        if text != self._last_error[0] or now - self._last_error[1] >= _REPEAT_S:
            self.get_logger().error(text)
            self._last_error = (text, now)

    def guard(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a callback, plain or async, so that what it raises is seen and acted upon."""
        if inspect.iscoroutinefunction(callback):

            @functools.wraps(callback)
            async def guarded_coroutine(*args: Any) -> Any:
                self._answering += 1
                try:
                    return await callback(*args)
                except Exception as error:
                    return self._caught(error, args)
                finally:
                    self._answering -= 1

            return guarded_coroutine

        @functools.wraps(callback)
        def guarded(*args: Any) -> Any:
            try:
                return callback(*args)
            except Exception as error:
                return self._caught(error, args)

        return guarded

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Any, *a: Any, **k: Any
    ) -> Any:
        """As `rclpy.node.Node.create_subscription`, with a guarded callback."""
        return super().create_subscription(msg_type, topic, self.guard(callback), *a, **k)

    def create_timer(self, timer_period_sec: float, callback: Any, *a: Any, **k: Any) -> Any:
        """As `rclpy.node.Node.create_timer`, with a guarded callback."""
        return super().create_timer(timer_period_sec, self.guard(callback), *a, **k)

    def create_service(self, srv_type: Any, srv_name: str, callback: Any, **k: Any) -> Any:
        """As `rclpy.node.Node.create_service`, with a guarded callback."""
        return super().create_service(srv_type, srv_name, self.guard(callback), **k)

    # -- transitions ---------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run `setup`; undo it when it fails."""
        result = self._attempt('configure', self.setup)
        if result == _SUCCESS:
            self._state = 'inactive'
        else:
            self._dismantle()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the publishers, then run `start`; undo it when it fails."""
        super().on_activate(state)
        self._state = 'active'
        result = self._attempt('activate', self.start)
        if result != _SUCCESS:
            self._halt()
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run `stop` and `safe_stop`, then disable the publishers."""
        result = self._halt()
        super().on_deactivate(state)
        return result

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run `teardown` and destroy the entities; refused while results must still be sent."""
        if self.busy:
            self.get_logger().error('cannot clean up: the node still has to send results')
            return TransitionCallbackReturn.FAILURE
        return self._dismantle()

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop safely from whatever state, then tear down; the end, also after an error."""
        self._ending = True
        result = self._halt()
        super().on_deactivate(state)
        dismantled = self._dismantle()
        self._state = 'finalized'
        return result if result != _SUCCESS else dismantled

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop safely and tear down; the node can be configured again, unless it was to end."""
        self.on_deactivate(state)
        if self._dismantle() == _SUCCESS and not self._ending:
            return _SUCCESS
        self._state = 'finalized'
        return TransitionCallbackReturn.FAILURE

    def _attempt(self, what: str, hook: Callable[[], object]) -> TransitionCallbackReturn:
        """Run a hook; failure for an error that people can mend, error for any other."""
        try:
            hook()
        except JepaWmError as error:
            self._error_count += 1
            self.get_logger().error(f'cannot {what}: {error}')
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self._error_count += 1
            self.get_logger().fatal(f'cannot {what}, unexpected error:\n{traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR
        return _SUCCESS

    def _halt(self) -> TransitionCallbackReturn:
        """Leave the active state: stop working, then send the last safe command in any case."""
        if not self.active:
            return _SUCCESS
        # both run, whatever the first one raises
        results = (self._attempt('stop', self.stop), self._attempt('hold', self.safe_stop))
        self._state = 'inactive'
        failed = any(result != _SUCCESS for result in results)
        return TransitionCallbackReturn.ERROR if failed else _SUCCESS

    def _dismantle(self) -> TransitionCallbackReturn:
        result = self._attempt('tear down', self.teardown)
        for entity in self._entities():
            if id(entity) not in self._kept:
                self._destroy(entity)
        self._state = 'unconfigured'
        return _SUCCESS if result == _SUCCESS else TransitionCallbackReturn.ERROR

    def _servers(self) -> list[ActionServer]:
        return [waitable for waitable in super().waitables if isinstance(waitable, ActionServer)]

    def _entities(self) -> list[Any]:
        actions = [w for w in self.waitables if isinstance(w, ActionServer | ActionClient)]
        plain = (self.timers, self.subscriptions, self.services, self.clients, self.publishers)
        return actions + [entity for kind in plain for entity in kind]

    def _destroy(self, entity: Any) -> None:
        if isinstance(entity, ActionServer | ActionClient):
            entity.destroy()
        elif isinstance(entity, LifecyclePublisher):
            self.destroy_lifecycle_publisher(entity)
        elif isinstance(entity, Subscription):
            self.destroy_subscription(entity)
        elif isinstance(entity, Timer):
            self.destroy_timer(entity)
        elif isinstance(entity, Service):
            self.destroy_service(entity)
        elif isinstance(entity, Client):
            self.destroy_client(entity)
        else:
            self.destroy_publisher(entity)

    # -- guarding ------------------------------------------------------------------------------

    def _caught(self, error: Exception, args: tuple[Any, ...]) -> Any:
        if not isinstance(error, JepaWmError):
            self.failure = error
            self.get_logger().fatal(f'unexpected error, stopping:\n{traceback.format_exc()}')
            self._halt()
            raise error
        self.report(error)
        response: Any = args[1] if len(args) == 2 else None  # of a service
        if hasattr(response, 'message'):
            response.message = str(error)
        return response

    def _change_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        names = params.parameters_of(self.config_type)
        updates = {change.name: change.value for change in changes if change.name in names}
        if not updates:
            return SetParametersResult(successful=True)
        previous, self.changed_names = self.config, frozenset(updates)
        try:
            self.config = params.changed(previous, updates)
            self.config_changed(previous)
        except JepaWmError as error:
            self.config = previous
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _forget_destroyed(self) -> None:
        """Take out of the callback group what is no longer there.

        rclpy leaves a weak reference in it to each entity that it ever had: also to the timer of
        each wait with a time limit, of which there are some for each plan. References that are
        dead are nobody's any more; to remove those of the living would break the executor.
        """
        entities = self.default_callback_group.entities
        entities -= {reference for reference in entities if reference() is None}

    def _publish_diagnostics(self) -> None:
        self._forget_destroyed()
        own = Diagnostic(
            name='life cycle',
            level=Level.OK if self.failure is None else Level.ERROR,
            message=self._state,
            values={'errors': self._error_count, 'last_error': self._last_error[0]},
        )
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        name = self.get_fully_qualified_name()
        # what was taken down has nothing to say, and its entities cannot be asked
        parts = self.diagnostics() if self._state in ('inactive', 'active') else ()
        message.status = [item.status(name) for item in (own, *parts)]
        self._diagnostics_publisher.publish(message)
        self._events_until_s = time.monotonic() + _EVENTS_S
