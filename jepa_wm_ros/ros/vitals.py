"""The vital signs of a running graph: who lives, what flows how fast, what the plans cost."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import deque
from dataclasses import dataclass

from jepa_wm_msgs.msg import ExecutedAction, ObservationHealth, Plan, SafetyStatus
from rcl_interfaces.msg import Log
from sensor_msgs.msg import JointState

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.connection import GraphConnection
from jepa_wm_ros.ros.conversions import decode_stamp
from jepa_wm_ros.ros.diagnostics import LatencyMonitor, RateMonitor
from jepa_wm_ros.ros.states import StatePoll

NEEDED = ('encoder', 'planner', 'action_publisher')
"""Nodes that are missed when they are not there."""
COSTS = 40
"""Plans that the trend goes back."""
LATEST_LATENCIES = 50
STOPPED_AFTER = 10.0
"""Periods without a message after which something has stopped."""
_OTHER_CLOCK_S = 60.0
"""Stamps further away are of another clock (simulated time, a bag)."""
_STATES = {
    getattr(SafetyStatus, name): name for name in ('DISARMED', 'ARMED', 'EXECUTING', 'FAULT')
}
_LEVELS = {10: 'DEBUG', 20: 'INFO', 30: 'WARN', 40: 'ERROR', 50: 'FATAL'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How something flows.

    Attributes:
        name: What.
        rate_hz: Messages per second, averaged.
        age_s: Since the last one came [s]; infinite before the first.
        latency_s: Median of what `latency_of` says [s]; NaN where it is not known.
        latency_of: From where to where, in words.
    """

    name: str
    rate_hz: float
    age_s: float
    latency_s: float
    latency_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """All vital signs at one moment.

    Attributes:
        nodes: Life-cycle states by node; `absent` where one is missed, `?` before it has answered.
        streams: Pictures, joint states, plans, executed actions.
        state: Of the safety supervisor; empty before it has spoken.
        message: Its words.
        clamped: Commands that it has cut to a limit.
        refused: Plans that it has refused.
        held: Times that it has held the arm because of doubt.
        goal: Id of the goal of the last plan.
        step: Number of that plan within its goal.
        costs: Latent distances of the goal's plans, oldest first.
        expected: What the last plan expects to reach; NaN before the first.
        surprise: Of the last plan, in usual deviations; NaN where it is not known.
        said: The last line of a log: level, node and words; empty before the first.
    """

    nodes: dict[str, str]
    streams: tuple[Stream, ...]
    state: str
    message: str
    clamped: int
    refused: int
    held: int
    goal: str
    step: int
    costs: tuple[float, ...]
    expected: float
    surprise: float
    said: tuple[str, str, str]


class _Flow:
    """Rate and latency of one topic."""

    def __init__(self, latency_of: str = '') -> None:
        self.latency_of = latency_of
        self.rate, self.latency = RateMonitor(), LatencyMonitor(LATEST_LATENCIES)

    def stream(self, name: str, now_s: float) -> Stream:
        age_s = self.rate.age_s(now_s)
        return Stream(
            name=name,
            # what has stopped flows no more, however fast it was
            rate_hz=0.0 if age_s * self.rate.rate_hz > STOPPED_AFTER else self.rate.rate_hz,
            age_s=age_s,
            latency_s=self.latency.percentile_s(50),
            latency_of=self.latency_of,
        )


class Vitals(GraphConnection):
    """Listens to a graph; cheap: no pictures, no latents, joint states are counted unread.

    Args:
        domain_id: DDS domain; the environment's (`ROS_DOMAIN_ID`) when None.
        namespace: Namespace of the graph.
    """

    def __init__(self, *, domain_id: int | None = None, namespace: str = '') -> None:
        super().__init__(domain_id=domain_id, namespace=namespace)
        self._lock = threading.Lock()
        self._flows = {
            'camera': _Flow('picture taken -> encoder has it'),
            'joint states': _Flow(),
            'plans': _Flow('picture taken -> plan'),
            'executed actions': _Flow(),
        }
        self._safety: SafetyStatus | None = None
        self._plan: Plan | None = None
        self._costs: deque[float] = deque(maxlen=COSTS)
        self._said = ('', '', '')
        self._poll = StatePoll(self)
        self._subscribe()
        self.begin()

    def signs(self) -> Signs:
        """Return what is known now."""
        nodes = self._states()
        now_s = time.monotonic()
        with self._lock:
            safety, plan = self._safety or SafetyStatus(), self._plan or Plan()
            return Signs(
                nodes=nodes,
                streams=tuple(flow.stream(name, now_s) for name, flow in self._flows.items()),
                state='' if self._safety is None else _STATES.get(safety.state, '?'),
                message=safety.message,
                clamped=safety.clamp_count,
                refused=safety.refused_count,
                held=safety.hold_count,
                goal=plan.goal_id,
                step=plan.step,
                costs=tuple(self._costs),
                expected=math.nan if self._plan is None else plan.cost,
                surprise=math.nan if self._plan is None else plan.surprise,
                said=self._said,
            )

    def _subscribe(self) -> None:
        make = self.node.create_subscription
        make(ObservationHealth, 'image_health', self._on_picture, qos.sensor(depth=5))
        make(JointState, 'joint_states', self._on_joints, qos.sensor(depth=10), raw=True)
        make(Plan, 'plan', self._on_plan, qos.events())
        make(ExecutedAction, 'executed_action', self._on_action, qos.events())
        make(SafetyStatus, 'safety_status', self._on_safety, qos.latched())
        make(Log, '/rosout', self._on_log, qos.events())

    def _on_picture(self, message: ObservationHealth) -> None:
        latency_s = time.time() - decode_stamp(message.header.stamp)
        self._tick('camera', latency_s if 0 <= latency_s < _OTHER_CLOCK_S else None)

    def _on_joints(self, _: bytes) -> None:
        self._tick('joint states')

    def _on_action(self, _: ExecutedAction) -> None:
        self._tick('executed actions')

    def _on_plan(self, message: Plan) -> None:
        taken_s = decode_stamp(message.observation_stamp)
        self._tick('plans', decode_stamp(message.header.stamp) - taken_s)
        with self._lock:
            if self._plan is None or message.goal_id != self._plan.goal_id:
                self._costs.clear()
            self._plan = message
            self._costs.append(message.cost_now)

    def _on_safety(self, message: SafetyStatus) -> None:
        with self._lock:
            self._safety = message

    def _on_log(self, message: Log) -> None:
        with self._lock:
            self._said = (_LEVELS.get(message.level, '?'), message.name, message.msg)

    def _tick(self, name: str, latency_s: float | None = None) -> None:
        with self._lock:
            self._flows[name].rate.tick(time.monotonic())
            if latency_s is not None:
                self._flows[name].latency.add(latency_s)

    def _states(self) -> dict[str, str]:
        """Ask the managed nodes of the namespace again, and return what they said last."""
        there = self._managed()
        labels = self._poll.look(there)
        names = [*NEEDED, *sorted(there - set(NEEDED))]
        return {name: labels[name] or '?' if name in there else 'absent' for name in names}

    def _managed(self) -> set[str]:
        """Return the nodes of the namespace that have a life cycle."""
        here = '/' + self.namespace.strip('/')
        pattern = re.compile(re.escape(here.rstrip('/')) + '/([^/]+)/get_state')
        found = (
            pattern.fullmatch(service)
            for service, types in self.node.get_service_names_and_types()
            if 'lifecycle_msgs/srv/GetState' in types
        )
        return {match.group(1) for match in found if match}
