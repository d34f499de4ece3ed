"""What a system expects of the graph that it joins: topics, joints, units, contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jepa_wm_ros.ros.bringup import ProcessSpec
    from jepa_wm_ros.ros.system import System, Values

COMMANDS = {
    'joint_trajectory': ('joint_trajectory', 'trajectory_msgs/msg/JointTrajectory'),
    'cartesian_pose': ('target_pose', 'geometry_msgs/msg/PoseStamped'),
    'servo_twist': ('delta_twist_cmds', 'geometry_msgs/msg/TwistStamped'),
}
"""Our name and the type of the command topic of each backend that has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a system expects.

    Attributes:
        namespace: Of the graph.
        image: Topic of the pictures.
        image_transport: raw or compressed.
        joint_states: Topic of the joint states.
        command: Topic of the commands; empty when the driver is spoken to otherwise.
        command_kind: Type of the commands.
        joint_names: The arm joints, base to flange.
        joint_limits: Name of the table of limits.
        lower: Lowest joint positions, in the order of the names [rad].
        upper: Highest joint positions [rad].
        gripper_joint: Joint of the gripper; empty: none.
        gripper: Preset of its units.
        max_joint_age_s: Joint states older than this are a fault [s].
        max_image_age_s: Pictures older than this are a fault [s].
        camera_rate_hz: Declared rate of the camera [Hz]; 0: none.
        model: Folder of the bundle; empty for the shipped one.
    """

    namespace: str
    image: str
    image_transport: str
    joint_states: str
    command: str
    command_kind: str
    joint_names: tuple[str, ...]
    joint_limits: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    gripper_joint: str
    gripper: str
    max_joint_age_s: float
    max_image_age_s: float
    camera_rate_hz: float
    model: str

    @property
    def topics(self) -> dict[str, str]:
        """The topics by their role."""
        found = {'image': self.image, 'joint_states': self.joint_states}
        return found | ({'command': self.command} if self.command else {})


def expectations(system: System, given: Values, real_backend: str = '') -> Expectations:
    """Return what a system expects.

    Args:
        system: A system with an action publisher and a policy.
        given: Its arguments.
        real_backend: Backend whose command topic is looked at where the system runs dry.

    Raises:
        BringupError: An argument is not possible.
    """
    values = system.complete(given)
    processes = {process.name: process for process in system.processes(given)}
    arm, policy = processes['action_publisher'], processes['policy']
    space = values['namespace']
    own = _parameters(arm, 'action_publisher', space)
    seen = _parameters(policy, 'encoder', space)
    backend = real_backend or own.backend
    ours, kind = COMMANDS.get(backend, ('', ''))
    named = getattr(own, 'command_topic', '')
    return Expectations(
        namespace=values['namespace'],
        image=policy.remappings.get('image', 'image'),
        image_transport=seen.image_transport,
        joint_states=arm.remappings.get('joint_states', 'joint_states'),
        command=(named or arm.remappings.get(ours, ours)) if ours else '',
        command_kind=kind,
        joint_names=tuple(own.joint_names),
        joint_limits=own.joint_limits,
        lower=tuple(own.joints.lower.tolist()),
        upper=tuple(own.joints.upper.tolist()),
        gripper_joint=own.gripper_joint,
        gripper=own.gripper,
        max_joint_age_s=own.max_joint_age_s,
        max_image_age_s=own.max_image_age_s,
        camera_rate_hz=own.camera_rate_hz,
        model=str(policy.parameters.get('model', '')),
    )


def _parameters(process: ProcessSpec, node: str, namespace: str) -> Any:
    """Return the parameters that a node will have, from files and arguments."""
    from jepa_wm_ros.ros.parameter_checks import StartedNode, effective
    from jepa_wm_ros.ros.params import build, parameters_of
    from jepa_wm_ros.ros.reference import config_of

    name = '/'.join(['', *filter(None, [namespace.strip('/')]), node])
    values = effective(StartedNode(name=name, kind=node, process=process))
    config = config_of(node)
    known = parameters_of(config)
    return build(config, {name: value for name, value in values.items() if name in known})
