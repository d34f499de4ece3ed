"""What a system expects of the graph that it joins: topics, joints, units, contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jepa_wm_ros.robot.limits import JointLimits
    from jepa_wm_ros.robot.tool import Tool
    from jepa_wm_ros.ros.bringup import ProcessSpec
    from jepa_wm_ros.ros.system import System, Values

COMMANDS = {
    'joint_trajectory': ('joint_trajectory', 'trajectory_msgs/msg/JointTrajectory'),
    'cartesian_pose': ('target_pose', 'geometry_msgs/msg/PoseStamped'),
    'servo_twist': ('delta_twist_cmds', 'geometry_msgs/msg/TwistStamped'),
}
"""Our name and the type of the command topic of each backend that has one."""
_ACTION = 'follow_joint_trajectory'
OWN_ACTIONS = ('execute', 'reach_goal')
"""Actions that a system serves, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a system expects.

    Attributes:
        namespace: Of the graph.
        image: Topic of the pictures, in their transport.
        camera_frame: Frame that they must have; empty: any.
        image_transport: raw or compressed.
        joint_states: Topic of the joint states.
        command: Topic of the commands; empty when the driver is spoken to otherwise.
        command_kind: Type of the commands.
        commanded_by_action: Whether our commands are goals of the controller's action.
        controller_action: Action on which the controller can be commanded, too; empty: none.
        nodes: The nodes of the system, with namespace.
        joint_names: The arm joints, base to flange.
        joint_limits: Name of the table of limits.
        joints: The limits, in the order of the names.
        gripper_joint: Joint of the gripper; empty: none.
        gripper: Preset of its units.
        max_joint_age_s: Joint states older than this are a fault [s].
        max_image_age_s: Pictures older than this are a fault [s].
        camera_rate_hz: Declared rate of the camera [Hz]; 0: none.
        driver_pose: Topic of the driver's pose of its end effector; empty: not compared.
        tool: That end effector.
        pose_tolerance_m: How far it may be from where the joints put it [m].
        pose_tolerance_rad: How far it may be turned against that [rad].
        model: Folder of the bundle; empty for the shipped one.
    """

    namespace: str
    image: str
    camera_frame: str
    image_transport: str
    joint_states: str
    command: str
    command_kind: str
    commanded_by_action: bool
    controller_action: str
    nodes: tuple[str, ...]
    joint_names: tuple[str, ...]
    joint_limits: str
    joints: JointLimits
    gripper_joint: str
    gripper: str
    max_joint_age_s: float
    max_image_age_s: float
    camera_rate_hz: float
    driver_pose: str
    tool: Tool
    pose_tolerance_m: float
    pose_tolerance_rad: float
    model: str

    @property
    def topics(self) -> dict[str, str]:
        """The topics by their role."""
        found = {'image': self.image, 'joint_states': self.joint_states}
        optional = {'command': self.command, 'driver_pose': self.driver_pose}
        return found | {role: topic for role, topic in optional.items() if topic}

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that are looked at: ours, and the controller's."""
        return (*OWN_ACTIONS, *filter(None, [self.controller_action]))


def expectations(system: System, given: Values, real_backend: str = '') -> Expectations:
    """Return what a system expects.

    Args:
        system: A system with an action publisher and a policy.
        given: Its arguments.
        real_backend: Backend whose command topic is looked at where the system runs dry.

    Raises:
        BringupError: An argument is not possible.
    """
    from jepa_wm_ros.robot.images import transport_topic

    values = system.complete(given)
    processes = {process.name: process for process in system.processes(given)}
    arm, policy = processes['action_publisher'], processes['policy']
    space = values['namespace']
    own = _parameters(arm, 'action_publisher', space)
    seen = _parameters(policy, 'encoder', space)
    backend = real_backend or own.backend
    ours, kind = COMMANDS.get(backend, ('', ''))
    named = getattr(own, 'command_topic', '')
    command = (named or arm.remappings.get(ours, ours)) if ours else ''
    by_action = backend == 'joint_trajectory_action'
    return Expectations(
        namespace=values['namespace'],
        image=transport_topic(policy.remappings.get('image', 'image'), seen.image_transport),
        camera_frame=seen.camera_frame,
        image_transport=seen.image_transport,
        joint_states=arm.remappings.get('joint_states', 'joint_states'),
        command=command,
        command_kind=kind,
        commanded_by_action=by_action,
        controller_action=(named or _ACTION) if by_action else _beside(command, kind),
        nodes=tuple(
            full_name(node, space) for process in processes.values() for node in process.nodes
        ),
        joint_names=tuple(own.joint_names),
        joint_limits=own.joint_limits,
        joints=own.joints,
        gripper_joint=own.gripper_joint,
        gripper=own.gripper,
        max_joint_age_s=own.max_joint_age_s,
        max_image_age_s=own.max_image_age_s,
        camera_rate_hz=own.camera_rate_hz,
        driver_pose=own.driver_pose_topic,
        tool=own.tool,
        pose_tolerance_m=own.driver_pose_tolerance_m,
        pose_tolerance_rad=own.driver_pose_tolerance_rad,
        model=str(policy.parameters.get('model', '')),
    )


def full_name(name: str, namespace: str) -> str:
    """Return the full name of a topic, an action or a node."""
    if name.startswith('/'):
        return name
    return '/'.join(['', *filter(None, [namespace.strip('/')]), name])


def _beside(command: str, kind: str) -> str:
    """Return the action that a trajectory controller has beside its topic."""
    if kind != COMMANDS['joint_trajectory'][1]:
        return ''
    controller, _, _ = command.rpartition('/')
    return f'{controller}/{_ACTION}' if controller else ''


def _parameters(process: ProcessSpec, node: str, namespace: str) -> Any:
    """Return the parameters that a node will have, from files and arguments."""
    from jepa_wm_ros.ros.parameter_checks import StartedNode, effective
    from jepa_wm_ros.ros.params import build, parameters_of
    from jepa_wm_ros.ros.reference import config_of

    values = effective(StartedNode(name=full_name(node, namespace), kind=node, process=process))
    config = config_of(node)
    known = parameters_of(config)
    return build(config, {name: value for name, value in values.items() if name in known})
