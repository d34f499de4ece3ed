"""The driver emulator: the simulated cell behind the topics of drivers that labs have.

It speaks the names, types, qualities of service and quirks of a controller of the arm, a gripper,
a camera and a Franka's state broadcaster, so that everything in front of them can be tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sensor_msgs.msg import JointState

from jepa_wm_ros.nodes.emulation.cameras import CameraFace
from jepa_wm_ros.nodes.emulation.franka_state import MODES, STOPPED, FrankaStateFace
from jepa_wm_ros.nodes.emulation.grippers import FrankaHandFace, RobotiqFace
from jepa_wm_ros.nodes.emulation.host import Host
from jepa_wm_ros.nodes.emulation.joint_trajectory import TrajectoryFace
from jepa_wm_ros.nodes.emulation.poses import ComplianceFace, CrispFace
from jepa_wm_ros.nodes.emulation.servo import ServoFace
from jepa_wm_ros.nodes.sim import SimConfig, SimNode
from jepa_wm_ros.robot.tool import Tool
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.params import parameter
from jepa_wm_ros.ros.scheduling import DEVICE, become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.sim.drivers.cameras import CAMERAS
from jepa_wm_ros.sim.drivers.grippers import FrankaHand, Robotiq
from jepa_wm_ros.sim.drivers.joint_trajectory import TrajectoryControllerSettings
from jepa_wm_ros.sim.drivers.servo import MoveItServoSettings

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from jepa_wm_ros.nodes.emulation.grippers import GripperFace
    from jepa_wm_ros.nodes.emulation.host import ArmFace
    from jepa_wm_ros.sim.camera import Picture
    from jepa_wm_ros.sim.simulation import CellSimulation

ARMS = ('crisp', 'compliance', 'joint_trajectory', 'servo', 'servo_humble')
GRIPPERS = (
    'franka_hand',
    'robotiq',
    'robotiq_humble',
    'robotiq_trajectory',
    'robotiq_float64',
    'none',
)
_ROBOTIQ_KINDS = {
    'robotiq': 'parallel_gripper',
    'robotiq_humble': 'gripper_command',
    'robotiq_trajectory': 'trajectory',
    'robotiq_float64': 'float64',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverEmulatorConfig(SimConfig):
    """Parameters of the driver emulator, beside those of the sim node."""

    controller: str = parameter('joint_trajectory', 'which controller moves the arm', choices=ARMS)
    hand: str = parameter('franka_hand', 'which gripper there is', choices=GRIPPERS)
    camera: str = parameter('zed', 'which camera there is', choices=tuple(CAMERAS))
    robot: str = parameter('fr3', 'type of the robot, in the names of joints and frames')
    tool_position: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        'end effector that the driver means, in the flange: position',
        unit='m',
        length=3,
    )
    tool_rotation: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), 'its roll, pitch and yaw', unit='rad', length=3
    )
    interpolate_from_desired_state: bool = parameter(
        False, 'whether new trajectories begin at the desired state and not at the measured one'
    )
    path_tolerance_rad: float = parameter(
        0.0, 'most tracking error of trajectories; 0 does not look', unit='rad', minimum=0.0
    )
    goal_tolerance_rad: float = parameter(
        0.0, 'the same at the end of trajectories; 0 does not look', unit='rad', minimum=0.0
    )
    aborts_replaced_goals: bool = parameter(
        False,
        'whether a replaced goal of trajectories ends ABORTED, as since 4.41 of the controllers '
        '(Jazzy, July 2026), and not CANCELED',
    )
    controller_active: bool = parameter(
        True, 'whether the controller of the arm is active', dynamic=True
    )
    servo_unitless: bool = parameter(
        True, 'whether Servo takes twists as parts of its scales (command_in_type: unitless)'
    )
    object_width_m: float = parameter(
        0.0, 'object between the fingers; 0 for none', unit='m', minimum=0.0, maximum=0.08
    )
    mode: str = parameter(
        'idle',
        'mode of the robot; in other modes than idle and move it follows no commands',
        choices=MODES,
        dynamic=True,
    )


class DriverEmulator(SimNode):
    """The cell as drivers show it."""

    config_type: ClassVar[type] = DriverEmulatorConfig
    default_name: ClassVar[str] = 'driver_emulator'

    def config_changed(self, previous: SimConfig) -> None:
        """Stop the robot, or let it listen again."""
        super().config_changed(previous)
        if self._cell is not None:
            self._cell.stop(self.config.mode in STOPPED)
            self._cell.activate(self.config.controller_active)

    def _make_cell(self, simulation: CellSimulation) -> Any:
        from jepa_wm_ros.sim.drivers.controller import ControlledCell

        config: DriverEmulatorConfig = self.config
        self._host = Host(
            node=self,
            simulation=simulation,
            present_s=self._present_s,
            joint_names=tuple(f'{config.robot}_joint{number}' for number in range(1, 8)),
            base_frame=f'{config.robot}_link0',
            tool=Tool.at(config.tool_position, config.tool_rotation),
        )
        self._arm = self._make_arm(self._host, config)
        cell = ControlledCell(simulation, self._arm.controller)
        cell.stop(config.mode in STOPPED)
        cell.activate(config.controller_active)
        return cell

    def _make_arm(self, host: Host, config: DriverEmulatorConfig) -> ArmFace:
        if config.controller == 'crisp':
            return CrispFace(host)
        if config.controller == 'compliance':
            return ComplianceFace(host)
        if config.controller == 'joint_trajectory':
            settings = TrajectoryControllerSettings(
                joints=host.joint_names,
                interpolate_from_desired_state=config.interpolate_from_desired_state,
                path_tolerance_rad=config.path_tolerance_rad,
                goal_tolerance_rad=config.goal_tolerance_rad,
                aborts_replaced_goals=config.aborts_replaced_goals,
            )
            return TrajectoryFace(host, f'{config.robot}_arm_controller', settings)
        servo = MoveItServoSettings(unitless=config.servo_unitless)
        return ServoFace(host, 'start' if config.controller == 'servo_humble' else 'switch', servo)

    def _make_gripper(self, config: DriverEmulatorConfig) -> GripperFace | None:
        width = config.object_width_m
        if config.hand == 'franka_hand':
            return FrankaHandFace(self._host, FrankaHand(width or None))
        if config.hand == 'none':
            return None
        angle = 0.7929 * (1.0 - width / 0.085) if width else None
        return RobotiqFace(self._host, _ROBOTIQ_KINDS[config.hand], Robotiq(angle))

    def _create_publishers(self) -> None:
        config: DriverEmulatorConfig = self.config
        self._camera_face = CameraFace(self._host, config.camera, self._info)
        self._joints = self.create_lifecycle_publisher(JointState, 'joint_states', qos.events())
        self._robot_state = FrankaStateFace(self._host)
        self._create_truth()

    def _create_inputs(self) -> None:
        self._hand = self._make_gripper(self.config)
        self._ticked_s = self._cell.simulation.time_s
        self._create_reset()

    def _present_s(self) -> float:
        """Bring the cell to the present; return its time [s]."""
        if self.active:
            self._catch_up()
        return float(self._host.simulation.time_s)

    def _publish_joints(self, stamp: Time) -> None:
        simulation = self._host.simulation
        names, positions = list(self._host.joint_names), simulation.joint_positions.tolist()
        fingers = {} if self._hand is None else self._hand.joints()
        message = JointState(name=[*names, *fingers], position=[*positions, *fingers.values()])
        message.header.stamp = stamp
        message.velocity = [*simulation.joint_velocities.tolist(), *(0.0 for _ in fingers)]
        self._joints.publish(message)

    def _publish_poses(self, stamp: Time) -> None:
        self._publish_truth(stamp)
        now_s = self._host.simulation.time_s
        self._arm.tick(stamp)
        if self._hand is not None:
            self._hand.tick(stamp, now_s, now_s - self._ticked_s)
            self._host.simulation.set_gripper(self._hand.closedness)
        self._ticked_s = now_s
        if self.config.fault != 'joints_silent':
            self._robot_state.tick(stamp, self.config.mode)

    def _send_picture(self, picture: Picture, stamp: Time) -> None:
        self._camera_face.send(picture, stamp)


def main(args: list[str] | None = None) -> int:
    """Run the emulated drivers in a process of their own."""
    become_urgent(DEVICE)
    return spin(lambda context, executor: [DriverEmulator(context=context)], args)


if __name__ == '__main__':
    raise SystemExit(main())
