"""What can be brought up by name, with which arguments: for launch files and `jepa-wm up`.

A system turns the values of its arguments, all of them text, into processes. Imports no ROS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jepa_wm_ros.ros import bringup
from jepa_wm_ros.ros.arguments import (
    CALIBRATION,
    IMAGE,
    MODEL,
    NODES,
    RECORD,
    RVIZ,
    SWITCH,
    Argument,
)
from jepa_wm_ros.ros.bringup import BringupError, ParameterValue, ProcessSpec
from jepa_wm_ros.ros.drivers import ARMS, CAMERAS, GRIPPERS, ROBOTS
from jepa_wm_ros.ros.emulated import emulated
from jepa_wm_ros.ros.system import System, Values


def _given(values: Values, *names: str) -> dict[str, ParameterValue]:
    """Those arguments that were given; empty ones leave the parameter files their say."""
    return {name: values[name] for name in names if values[name]}


# -- the simulated cell --------------------------------------------------------------------------


def _sim(values: Values) -> Iterable[ProcessSpec]:
    both = _given(values, 'model', 'device')
    arm = _given(values, 'backend', 'calibration_file')
    return bringup.cell(
        {
            'encoder': both,
            'planner': both,
            'action_publisher': arm,
            'sim': _given(values, 'variation'),
        }
    )


# -- a real arm ----------------------------------------------------------------------------------

_READ_BY_ENCODER = ('gripper', 'gripper_joint')


def _franka(values: Values) -> Iterable[ProcessSpec]:
    driver, robot = ARMS[values['driver']], values['robot_type']
    image = values['image_topic'] or CAMERAS[values['camera']].image_topic
    topics = {ours: theirs.format(robot=robot) for ours, theirs in driver.topics.items()}
    topics |= {'image': image, **_given_topics(values)}
    gripper = _named_for(robot, GRIPPERS[values['gripper']])
    both = _given(values, 'model', 'device')
    nodes = bringup.franka(
        parameter_files=('franka.yaml', *driver.parameter_files, ROBOTS[robot]),
        remappings=topics,
        defaults={
            'encoder': {name: gripper[name] for name in _READ_BY_ENCODER if name in gripper},
            'action_publisher': {**_named_for(robot, driver.parameters), **gripper},
        },
        overrides={
            'encoder': {**both, **_given(values, 'image_transport')},
            'planner': both,
            'action_publisher': {
                **_given(values, 'calibration_file'),
                'backend': 'dry_run' if values['dry_run'] == 'true' else driver.backend,
            },
        },
    )
    return (*_drivers(values), *nodes)


def _named_for(robot: str, parameters: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
    """Put the type of the robot into the names that have it."""
    return {
        name: value.format(robot=robot) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _emulated(values: Values) -> Iterable[ProcessSpec]:
    return emulated(
        _franka({**values, 'robot_ip': '', 'start_camera': 'false'}),
        driver=values['driver'],
        robot=values['robot_type'],
        gripper=values['gripper'],
        camera=values['camera'],
    )


def _given_topics(values: Values) -> dict[str, str]:
    """Topics that were named one by one win over those of the driver."""
    named = {'joint_states': values['joint_states_topic']}
    return {ours: theirs for ours, theirs in named.items() if theirs}


def _drivers(values: Values) -> Iterable[ProcessSpec]:
    """The drivers that are to be started, too."""
    if values['robot_ip']:
        command = ARMS[values['driver']].launch
        if not command:
            startable = ', '.join(name for name, arm in ARMS.items() if arm.launch)
            raise BringupError(
                f'robot_ip starts the driver of the arm, which is possible for {startable}; '
                f'start {values["driver"]} yourself and leave robot_ip empty'
            )
        facts = {
            'robot': values['robot_type'],
            'ip': values['robot_ip'],
            'hand': str(values['gripper'] == 'franka_hand').lower(),
        }
        yield _driver('arm_driver', command, values, facts)
    if values['start_camera'] == 'true':
        command = CAMERAS[values['camera']].launch
        if not command:
            raise BringupError(
                f'start_camera:=true is not possible with camera:={values["camera"]}; start the '
                'camera yourself'
            )
        yield _driver('camera_driver', command, values, {})


def _driver(
    name: str, command: tuple[str, ...], values: Values, facts: Mapping[str, str]
) -> ProcessSpec:
    words = [word.format(**facts) for word in command]
    if values['namespace']:
        words.append(f'namespace:={values["namespace"].strip("/")}')
    return ProcessSpec(name=name, command=tuple(words), device=True)


# -- a bag ---------------------------------------------------------------------------------------


def _replay(values: Values) -> Iterable[ProcessSpec]:
    if not values['bag']:
        raise BringupError('replay needs a bag: give bag:=FOLDER')
    if not Path(values['bag']).exists():
        raise BringupError(f'there is no bag {values["bag"]}')
    _check_rate(values['rate'])
    both = _given(values, 'model', 'device')
    files = ('franka.yaml', ROBOTS[values['robot_type']]) if values['robot_type'] else ()
    nodes = bringup.franka(
        parameter_files=files,
        remappings=_given_topics(values) | _image(values),
        overrides={
            'encoder': {**both, **_given(values, 'image_transport')},
            'planner': both,
            'action_publisher': {'backend': 'dry_run'},
        },
    )
    followers = [
        replace(node, parameters={**node.parameters, 'use_sim_time': True}) for node in nodes
    ]
    player = bringup.player_process(
        values['bag'], rate=values['rate'], loop=values['loop'] == 'true'
    )
    # the messages of a bag are nobody else's business than this machine's
    local = {bringup.DISCOVERY: 'LOCALHOST'}
    return [
        replace(process, environment={**process.environment, **local})
        for process in (*followers, player)
    ]


def _check_rate(text: str) -> None:
    try:
        fine = 0.0 < float(text) < float('inf')
    except ValueError:
        fine = False
    if not fine:
        raise BringupError(f'rate:={text} is not possible for replay; accepted: a number above 0')


def _image(values: Values) -> dict[str, str]:
    return {'image': values['image_topic']} if values['image_topic'] else {}


# -- displays only -------------------------------------------------------------------------------


def _viz(values: Values) -> Iterable[ProcessSpec]:
    files = ('franka.yaml', ROBOTS[values['robot_type']]) if values['robot_type'] else ()
    visualizer = bringup.visualizer_process()
    own: dict[str, ParameterValue] = {
        name: values[name] == 'true' for name in ('publish_robot', 'use_sim_time')
    }
    return [
        replace(
            visualizer,
            parameter_files=(*visualizer.parameter_files, *files),
            parameters=own,
            remappings=_given_topics(values) | _image(values),
        )
    ]


# -- the table -----------------------------------------------------------------------------------

_SIM = System(
    name='sim',
    title='the simulated cell with encoder, planner and action publisher',
    arguments=(
        *NODES,
        *MODEL,
        Argument(
            name='variation',
            default='',
            description='Looks of the cell: nominal, as in training, or unlike training; empty: '
            'as configured.',
            choices=('', 'none', 'seen', 'unseen'),
        ),
        Argument(
            name='backend',
            default='',
            description='How commands reach the arm; empty: as configured.',
        ),
        CALIBRATION,
        *RECORD,
        RVIZ,
    ),
    build=_sim,
)

_FRANKA = System(
    name='franka',
    title='encoder, planner and action publisher for a real Franka arm',
    arguments=(
        Argument(
            name='dry_run',
            default='true',
            description='Whether commands are shown only; false moves the arm.',
            choices=SWITCH,
        ),
        Argument(
            name='driver',
            default='franka_ros2',
            description='Driver and controller of the arm.',
            choices=tuple(ARMS),
        ),
        Argument(
            name='robot_type',
            default='fr3',
            description='Type of the arm.',
            choices=tuple(ROBOTS),
        ),
        Argument(
            name='gripper',
            default='franka_hand',
            description='Gripper of the arm.',
            choices=tuple(GRIPPERS),
        ),
        Argument(
            name='camera',
            default='realsense',
            description='Exterior camera; topic: that of image_topic.',
            choices=tuple(CAMERAS),
        ),
        *IMAGE,
        Argument(
            name='robot_ip',
            default='',
            description='Address of the robot; given, its driver is started, too.',
        ),
        Argument(
            name='start_camera',
            default='false',
            description='Whether the driver of the camera is started, too.',
            choices=SWITCH,
        ),
        *NODES,
        *MODEL,
        CALIBRATION,
        *RECORD,
        RVIZ,
    ),
    build=_franka,
)

_EMULATED_ONLY: Mapping[str, Mapping[str, Any]] = {
    'dry_run': {'default': 'false'},
    'driver': {'choices': tuple(name for name, arm in ARMS.items() if arm.emulator)},
    'camera': {
        'default': 'zed',
        'choices': tuple(name for name, camera in CAMERAS.items() if camera.emulated),
        'description': 'Exterior camera.',
    },
}
"""How arguments of a real arm differ where its drivers are emulated."""

_EMULATED = System(
    name='emulated',
    title='the same nodes as for a real arm, with emulated drivers of arm, gripper and camera',
    arguments=tuple(
        replace(argument, **_EMULATED_ONLY.get(argument.name, {}))
        for argument in _FRANKA.arguments
        if argument.name not in ('robot_ip', 'start_camera')
    ),
    build=_emulated,
)

_REPLAY = System(
    name='replay',
    title='a bag, played to encoder, planner and an action publisher that moves nothing',
    arguments=(
        Argument(name='bag', default='', description='Folder of the bag; needed.'),
        Argument(name='rate', default='1.0', description='How fast time runs.'),
        Argument(
            name='loop',
            default='false',
            description='Whether the bag begins anew at its end.',
            choices=SWITCH,
        ),
        Argument(
            name='robot_type',
            default='',
            description="The arm in the bag; empty: the simulated cell's.",
            choices=('', *ROBOTS),
        ),
        *IMAGE,
        *NODES,
        *MODEL,
        RVIZ,
    ),
    build=_replay,
)

_VIZ = System(
    name='viz',
    title='RViz and the visualizer, for a graph that runs already',
    arguments=(
        Argument(
            name='robot_type',
            default='',
            description="The arm; empty: the simulated cell's.",
            choices=('', *ROBOTS),
        ),
        Argument(
            name='publish_robot',
            default='true',
            description='Whether robot_description and /tf come from us; false where '
            'robot_state_publisher runs.',
            choices=SWITCH,
        ),
        Argument(
            name='use_sim_time',
            default='false',
            description='Whether the graph runs on /clock, as with a bag.',
            choices=SWITCH,
        ),
        *(argument for argument in IMAGE if argument.name != 'image_transport'),
        *NODES,
        replace(RVIZ, default='true'),
    ),
    build=_viz,
)

SYSTEMS: Mapping[str, System] = {
    system.name: system for system in (_SIM, _FRANKA, _EMULATED, _REPLAY, _VIZ)
}
"""All systems by name."""
