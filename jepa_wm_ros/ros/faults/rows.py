"""The faults: how each is made in a running graph, and what has to be seen then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jepa_wm_msgs.msg import SafetyStatus

from jepa_wm_ros.robot.description import CAMERA_FRAME
from jepa_wm_ros.ros.faults import acts, controller_acts, input_acts, life_acts, second_acts
from jepa_wm_ros.ros.faults.graphs import (
    ACTED,
    BREAKABLE,
    CABLE,
    CANCEL_GOALS,
    CLOCK,
    DEMO,
    DRIVEN,
    FAIL,
    RECORDED,
    RELAYED,
    SEND_GOAL,
    SERVOED,
    SWITCH_SERVO,
    TURNED,
    FaultGraph,
)

if TYPE_CHECKING:
    from jepa_wm_ros.ros.faults.system import FaultSystem

TWO_PICTURES_S = 2.0 / 15.0
STOP_S = 0.15
"""How long a stop takes."""
PERIODS_S = 0.02
"""Two periods of the commands."""
_MODE_S = 0.04
"""Two periods in which a Franka's state is looked into."""


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
        notice_s: Most time from the fault to the first command that brakes [s].
        stop_s: Most time from there to a standstill [s].
        told_s: Most time from the fault to the state that says so [s]; None: any.
        limits: Parameters of the action publisher that are not those of the cell (`PATIENCE`).
        graph: Where it is made.
    """

    name: str
    act: Callable[[FaultSystem], float]
    states: tuple[int, ...] = (SafetyStatus.FAULT,)
    words: str = ''
    moving: bool = True
    deadly: bool = False
    braking: bool = True
    notice_s: float = TWO_PICTURES_S
    stop_s: float = STOP_S
    told_s: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    graph: FaultGraph = DEMO


REST = (SafetyStatus.ARMED, SafetyStatus.DISARMED)
_JOINTS_S = 0.1
"""How long the cell, where joint states come every 10 ms, waits for them (`hold_floor_s`)."""
_ROBOT_JOINTS_S = 0.03
"""How long a robot waits for them."""
_GRIPPER_S = 1.0
"""How long the gripper may be silent (`max_gripper_age_s`): it moves slowly."""
_LOOK_S = 0.1
"""How often somebody looks who else publishes."""
_SECOND_CAMERA_S = 0.3
"""Until a publisher is known in the graph, the encoder looks, and its next image comes."""
_REACTION_S = 0.1
"""How long a controller takes to do what another client asks for, with the way there."""
_RESULT_S = 0.15
"""How long it takes until that is a fault: the controller looks at its goals 20 times a second."""
_ARM_STOPS_S = 0.25
"""How long the arm itself takes to stand still, where only that is seen."""
_SERVO_HALTS_S = 0.25
"""Servo halts 0.1 s after the last command that it takes."""
_HEED_S = 1.2
"""Until an arm that stays where it is has lacked 2 cm for 0.3 s, in a slow beginning."""
ROWS = (
    Row(name='camera stops', act=acts.device(fault='camera_silent'), words='pictures are'),
    Row(
        name='camera repeats one picture',
        act=acts.device(fault='camera_frozen'),
        words='repeated one picture',
    ),
    Row(name='pictures 1 s late', act=acts.device(fault='camera_late'), words='stamp'),
    Row(
        name='joint states stop',
        act=acts.device(fault='joints_silent'),
        words='joint states are',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states stop (hold_floor_s as for a robot)',
        act=acts.device(fault='joints_silent'),
        words='joint states are',
        notice_s=_ROBOT_JOINTS_S,
        limits={'hold_floor_s': _ROBOT_JOINTS_S},
    ),
    Row(
        name='joint states 1 s late',
        act=acts.device(fault='joints_late'),
        words='joint states are',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states of other names',
        act=acts.device(fault='joints_renamed'),
        words='lacks',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='joint states with NaN',
        act=acts.device(fault='joints_nan'),
        words='finite',
        notice_s=_JOINTS_S,
    ),
    Row(
        name='gripper reading stops',
        act=acts.device(fault='gripper_silent'),
        words='reading of the gripper is',
        notice_s=_GRIPPER_S,
    ),
    Row(
        name='second publisher',
        act=acts.second_publisher,
        words='others command the arm',
        notice_s=_LOOK_S,
    ),
    Row(
        name='robot must not move (mode, switch)',
        act=acts.not_ready,
        words='robot_ready says no',
        notice_s=PERIODS_S,
    ),
    Row(name='cancel', act=acts.cancel, states=REST, notice_s=PERIODS_S),
    Row(name='service stop', act=acts.stop, states=(SafetyStatus.DISARMED,), notice_s=PERIODS_S),
    Row(
        name='plan with NaN',
        act=acts.plan_with_nan,
        words='not finite',
        moving=False,
        braking=False,
    ),
    *(
        Row(
            name=f'limit of zero ({limit})',
            act=acts.limit_of_zero(limit, usual),
            states=(SafetyStatus.ARMED,),
            words=words,
            moving=False,
            braking=False,
        )
        for limit, usual, words in (
            ('max_plan_age_s', 2.0, 'observation of the plan'),
            ('max_joint_age_s', 0.4, 'joint states are'),
            ('max_image_age_s', 0.5, 'pictures are'),
        )
    ),
    Row(
        name='goal picture of a foreign scene',
        act=acts.foreign_goal,
        states=(SafetyStatus.ARMED,),
        words='MAX_STEPS',
        moving=False,
        braking=False,
    ),
    Row(
        name='policy killed (-9)',
        act=acts.kill('policy', signal.SIGKILL),
        words='pictures are',
        deadly=True,
    ),
    Row(
        name='Ctrl-C of the action publisher',
        act=acts.kill('action_publisher', signal.SIGINT),
        states=(SafetyStatus.DISARMED,),
        deadly=True,
        notice_s=_LOOK_S,
    ),
    Row(
        name='action publisher killed (-9)',
        act=acts.kill('action_publisher', signal.SIGKILL),
        states=(SafetyStatus.EXECUTING,),
        deadly=True,
        braking=False,
    ),
    Row(
        name='clock jumps back',
        act=acts.device(fault='clock_back'),
        words='went backwards',
        notice_s=PERIODS_S,
        graph=CLOCK,
    ),
    Row(
        name='clock jumps forward',
        act=acts.device(fault='clock_forward'),
        words='jumped forward',
        notice_s=PERIODS_S,
        graph=CLOCK,
    ),
    Row(
        name='reflex of the robot',
        act=acts.device(mode='reflex'),
        words='stopped by a reflex',
        notice_s=_MODE_S,
        graph=DRIVEN,
    ),
    Row(
        name='user stop',
        act=acts.device(mode='user_stopped'),
        words='user stop',
        notice_s=_MODE_S,
        graph=DRIVEN,
    ),
    Row(
        name='NaN in a latent',
        act=acts.latent_of_nan,
        states=(SafetyStatus.ARMED,),
        words='PLANNING_FAILED',
        moving=False,
        braking=False,
        graph=RELAYED,
    ),
    Row(
        name='NaN in a command',
        act=acts.kill('action_publisher', FAIL),
        words='not finite',
        notice_s=PERIODS_S,
        deadly=True,
        graph=BREAKABLE,
    ),
    Row(
        name='disk full while recording',
        act=acts.full_disk,
        states=(SafetyStatus.ARMED,),
        words='make room',
        deadly=True,
        braking=False,
        graph=RECORDED,
    ),
    Row(
        name='network cut between policy and robot',
        act=acts.cut_network,
        words='pictures are',
        deadly=True,
        graph=CABLE,
    ),
    *(
        Row(
            name=f'two cameras on one image topic ({which})',
            act=second_acts.second_camera(frame),
            # the graph learns the name of its node later, on a busy machine too late for the fault
            words='(2 publishers); stop all but one',
            moving=False,
            notice_s=_SECOND_CAMERA_S,
        )
        for which, frame in (('another frame', 'other'), ('the same frame', CAMERA_FRAME))
    ),
    Row(
        name='a second complete system on the domain',
        act=second_acts.second_system,
        states=(SafetyStatus.DISARMED,),
        words='more than one node is called /action_publisher',
        moving=False,
        braking=False,
        deadly=True,
    ),
    Row(
        name="controller's goal cancelled by an operator",
        act=controller_acts.rival(CANCEL_GOALS),
        words='cancelled, and not by us',
        notice_s=_REACTION_S,
        stop_s=_ARM_STOPS_S,
        told_s=_RESULT_S,
        graph=ACTED,
    ),
    Row(
        name="another client's goal on the controller",
        act=controller_acts.rival(SEND_GOAL),
        words='else commands the arm',
        notice_s=2.0 * _REACTION_S,
        stop_s=_ARM_STOPS_S,
        told_s=_RESULT_S,
        graph=ACTED,
    ),
    Row(
        name="Servo's command type switched",
        act=controller_acts.rival(SWITCH_SERVO),
        words='switched its command type',
        notice_s=_SERVO_HALTS_S,
        stop_s=_ARM_STOPS_S,
        told_s=_HEED_S,
        graph=SERVOED,
    ),
    Row(
        name='camera drops two of three pictures',
        act=acts.device(fault='camera_drops'),
        states=REST,
        words='completed',
        braking=False,
    ),
    *(
        Row(
            name=f'second source of joint states, {rate_hz:g} Hz',
            act=second_acts.ghost(rate_hz),
            words='joint_state_publisher',
            moving=False,
            notice_s=1.0 / rate_hz + PERIODS_S,
        )
        for rate_hz in (100.0, 10.0)
    ),
    Row(
        name='second source of joint states before arming',
        act=second_acts.ghost_before_arming,
        states=(SafetyStatus.DISARMED,),
        words='joint_state_publisher, /sim (2 publishers); stop all but one',
        moving=False,
        braking=False,
    ),
    Row(
        name='stop of an armed arm before any motion',
        act=second_acts.stop_before_any_motion,
        states=(SafetyStatus.DISARMED,),
        words='no commands were sent',
        moving=False,
        braking=False,
    ),
    Row(
        name='joint states in degrees',
        act=acts.device(fault='joints_degrees'),
        words='does the driver report degrees',
        notice_s=PERIODS_S,
    ),
    Row(
        name='life-cycle transitions that are not possible',
        act=life_acts.wrong_transitions,
        states=REST,
        words='completed',
        braking=False,
    ),
    Row(
        name='planner shut down during a goal',
        act=life_acts.shut_planner_down,
        states=REST,
        words='SHUTDOWN',
        moving=False,
        deadly=True,
        notice_s=_MODE_S,
    ),
    Row(
        name="driver's end effector turned by 20 degrees",
        act=second_acts.arm_a_turned_tool,
        states=(SafetyStatus.DISARMED,),
        words='is turned by 20.0 degrees',
        moving=False,
        braking=False,
        graph=TURNED,
    ),
    Row(
        name='params_file with a misspelt limit',
        act=input_acts.file_without_effect,
        states=REST,
        words='did you mean max_speed_m_s',
        moving=False,
        braking=False,
    ),
    Row(
        name='bag play beside a disarmed arm',
        act=input_acts.bag_beside,
        states=(SafetyStatus.DISARMED,),
        words='others publish what the bag would',
        moving=False,
        braking=False,
    ),
)
