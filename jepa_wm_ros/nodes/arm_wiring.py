"""Makes the outputs of the action publisher from its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jepa_wm_ros.nodes.backends import make_backend
from jepa_wm_ros.nodes.backends.backend import CommandBackend, Wiring
from jepa_wm_ros.nodes.grippers import make_gripper
from jepa_wm_ros.nodes.grippers.gripper import GripperBackend, GripperWiring
from jepa_wm_ros.nodes.joint_reader import JointReader
from jepa_wm_ros.robot.execution import ArmExecutor
from jepa_wm_ros.robot.gate import ClearedCommand, ClearedGrip, ClearedRoute
from jepa_wm_ros.robot.gripper import GripperCodec
from jepa_wm_ros.robot.kinematics import Kinematics
from jepa_wm_ros.robot.safety import SafetySupervisor

if TYPE_CHECKING:
    from jepa_wm_ros.nodes.action_publisher_config import ActionPublisherConfig
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.ros.lifecycle import ManagedNode


def wire_backend(
    node: ManagedNode,
    config: ActionPublisherConfig,
    *,
    measured: Callable[[], Pose | None],
    complain: Callable[[str], None],
) -> CommandBackend:
    """Return what puts set-points on the wire.

    Args:
        node: Makes its publishers.
        config: Which one, and how.
        measured: Gives the flange in the base frame; None when it is not known.
        complain: Called with the reason when the controller does not do what it was told.
    """
    wiring = Wiring(
        node=node,
        base_frame=config.base_frame,
        joint_names=config.joint_names,
        command_topic=config.command_topic,
        lookahead_s=config.lookahead_s,
        hold_time_s=config.hold_time_s,
        brake_time_s=config.brake_time_s,
        tool=config.tool,
        servo=config.servo_settings(config.max_speed_m_s, config.max_rotation_speed_rad_s),
        measured=measured,
        complain=complain,
    )
    return make_backend(config.backend, wiring)


def wire_gripper(
    node: ManagedNode, config: ActionPublisherConfig, *, moves: bool
) -> GripperBackend:
    """Return what moves the gripper; a dry run, which does not move, closes none either."""
    wiring = GripperWiring(
        node=node,
        topic=config.gripper_topic,
        joint=config.gripper_joint,
        codec=config.gripper_codec,
        effort=config.gripper_effort,
        speed_m_s=config.gripper_speed_m_s,
        force_n=config.gripper_force_n,
        warn=node.get_logger().warning,
    )
    return make_gripper(config.gripper_driver if moves else 'none', wiring)


def wire_reader(config: ActionPublisherConfig) -> JointReader:
    """Return what finds the joints of arm and gripper in joint states."""
    return JointReader(
        joint_names=config.joint_names,
        gripper_joint=config.gripper_joint,
        codec=GripperCodec.preset(config.gripper),
    )


class ArmWire:
    """What lies behind the command gate: backend and gripper. Only the gate calls it."""

    def __init__(
        self,
        backend: CommandBackend,
        gripper: GripperBackend,
        on_sent: Callable[[], object] = lambda: None,
    ) -> None:
        """Put commands on their wire; `on_sent` is called after each set-point."""
        self._backend, self._gripper, self._on_sent = backend, gripper, on_sent

    def send(self, cleared: ClearedCommand) -> None:
        """Send a set-point."""
        self._backend.send(cleared)
        self._on_sent()

    def grip(self, cleared: ClearedGrip) -> None:
        """Open or close the gripper."""
        self._gripper.send(cleared)

    def play(self, cleared: ClearedRoute) -> None:
        """Have the controller play a motion."""
        self._backend.play(cleared)


def wire_executor(
    config: ActionPublisherConfig,
    backend: CommandBackend,
    gripper: GripperBackend,
    *,
    on_sent: Callable[[], object] = lambda: None,
    sources: Callable[[], str] = lambda: '',
) -> ArmExecutor:
    """Return what executes plans, disarmed.

    Args:
        config: With which limits.
        backend: What its commands go to.
        gripper: The same for the gripper.
        on_sent: Called after each set-point.
        sources: Says who publishes joint states, for messages.

    Raises:
        DescriptionError: The description of the arm cannot be read.
    """
    return ArmExecutor(
        kinematics=Kinematics(config.description),
        supervisor=SafetySupervisor(limits=config.safety_limits(moves=backend.moves)),
        settings=config.execution_settings(moves=backend.moves),
        wire=ArmWire(backend, gripper, on_sent),
        plays=backend.plays_routes,
        coast_s=config.brake_time_s,
        joint_names=config.joint_names,
        sources=sources,
    )
