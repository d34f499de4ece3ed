"""The faults: how each is made in a running graph, and what has to be seen then."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jepa_wm_msgs.msg import SafetyStatus
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.faults.observer import foreign_picture

if TYPE_CHECKING:
    from jepa_wm_ros.ros.faults.system import FaultSystem

SIDEWAYS = (0.0, 0.07, 0.0)
STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        name: For tables.
        act: Makes it; returns when it happened [s, clock of the machine].
        states: States of the supervisor that are right afterwards.
        words: Part of what is said about it; '' when nothing is said.
        moving: Whether the arm is in the middle of a motion when it happens.
        deadly: Whether the graph has to be started anew afterwards.
        braking: Whether a stop is expected on the command topic.
    """

    name: str
    act: Callable[[FaultSystem], float]
    states: tuple[int, ...] = (SafetyStatus.FAULT,)
    words: str = ''
    moving: bool = True
    deadly: bool = False
    braking: bool = True


def _sim(fault: str) -> Callable[[FaultSystem], float]:
    def act(system: FaultSystem) -> float:
        began_s = time.time()
        system.observer.configure('sim', fault=fault)
        return began_s

    return act


def _kill(process: str, number: signal.Signals) -> Callable[[FaultSystem], float]:
    def act(system: FaultSystem) -> float:
        began_s = time.time()
        os.kill(system.process_ids[process], number)
        return began_s

    return act


def _cancel(system: FaultSystem) -> float:
    began_s = time.time()
    system.cancel_s = system.observer.cancel()
    return began_s


def _stop(system: FaultSystem) -> float:
    began_s = time.time()
    system.observer.stop()
    return began_s


def _not_ready(system: FaultSystem) -> float:
    began_s = time.time()
    system.observer.say_ready(ready=False)
    return began_s


def _second_publisher(system: FaultSystem) -> float:
    began_s = time.time()
    node = system.observer.node
    system.intruder = node.create_publisher(JointTrajectory, 'joint_trajectory', qos.latest())
    return began_s


def _plan_with_nan(system: FaultSystem) -> float:
    began_s = time.time()
    action = [0.0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0]
    system.observer.ask(system.observer.plan(action, 1))
    return began_s


def _limit_of_zero(system: FaultSystem) -> float:
    system.observer.configure('action_publisher', max_plan_age_s=0.0)
    began_s = time.time()
    try:
        system.observer.ask(system.observer.plan([*SIDEWAYS, 0.0, 0.0, 0.0, 0.0], 1))
    finally:
        system.observer.configure('action_publisher', max_plan_age_s=2.0)
    return began_s


def _foreign_goal(system: FaultSystem) -> float:
    began_s = time.time()
    outcome = system.observer.reach([foreign_picture()], max_steps=4)
    system.observer.result = f'{outcome.code}: {outcome.message}'
    return began_s


def _cut_network(system: FaultSystem) -> float:
    began_s = time.time()
    system.network.cut()
    return began_s


REST = (SafetyStatus.ARMED, SafetyStatus.DISARMED)
ROWS = (
    Row(name='camera stops', act=_sim('camera_silent'), words='pictures are'),
    Row(
        name='camera repeats one picture', act=_sim('camera_frozen'), words='repeated one picture'
    ),
    Row(name='pictures 1 s late', act=_sim('camera_late'), words='stamp'),
    Row(name='joint states stop', act=_sim('joints_silent'), words='joint states are'),
    Row(name='joint states 1 s late', act=_sim('joints_late'), words='joint states are'),
    Row(name='joint states of other names', act=_sim('joints_renamed'), words='lacks'),
    Row(name='second publisher', act=_second_publisher, words='other publisher'),
    Row(name='robot must not move (mode, switch)', act=_not_ready, words='robot_ready says no'),
    Row(name='cancel', act=_cancel, states=REST),
    Row(name='service stop', act=_stop, states=(SafetyStatus.DISARMED,)),
    Row(
        name='plan with NaN',
        act=_plan_with_nan,
        words='not finite',
        moving=False,
        braking=False,
    ),
    Row(
        name='limit of zero (max_plan_age_s)',
        act=_limit_of_zero,
        states=(SafetyStatus.ARMED,),
        moving=False,
        braking=False,
    ),
    Row(
        name='goal picture of a foreign scene',
        act=_foreign_goal,
        states=(SafetyStatus.ARMED,),
        moving=False,
        braking=False,
    ),
    Row(
        name='policy killed (-9)',
        act=_kill('policy', signal.SIGKILL),
        states=(SafetyStatus.FAULT, SafetyStatus.ARMED),
        deadly=True,
    ),
    Row(
        name='Ctrl-C of the action publisher',
        act=_kill('action_publisher', signal.SIGINT),
        states=(SafetyStatus.DISARMED,),
        deadly=True,
    ),
    Row(
        name='action publisher killed (-9)',
        act=_kill('action_publisher', signal.SIGKILL),
        states=(SafetyStatus.EXECUTING,),
        deadly=True,
        braking=False,
    ),
)
NETWORK = Row(
    name='network cut between policy and robot',
    act=_cut_network,
    words='pictures are',
    deadly=True,
)
