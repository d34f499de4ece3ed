"""The sim node: the simulated cell behind the topics of a real arm and a real camera."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from geometry_msgs.msg import PoseStamped
from jepa_wm_msgs.srv import ResetCell
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecyclePublisher
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory

from jepa_wm_ros.nodes.sim_messages import camera_info, read_trajectory
from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    BASE_FRAME,
    CAMERA_FRAME,
    GRIPPER_CLOSED,
    GRIPPER_JOINT,
)
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.conversions import decode_pose, decode_stamp, encode_pose, encode_stamp
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level, RateMonitor
from jepa_wm_ros.ros.images import encode_image
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.params import ParameterError, parameter
from jepa_wm_ros.ros.scheduling import DEVICE, become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.sim.appearance import NOMINAL, Appearance, sample_appearance
from jepa_wm_ros.sim.pacing import Pacer, Schedule

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from jepa_wm_ros.sim.camera import Picture
    from jepa_wm_ros.sim.simulation import CellSimulation

FAULTS = (
    'none',
    'camera_frozen',
    'camera_silent',
    'camera_late',
    'camera_drops',
    'joints_silent',
    'joints_late',
    'joints_renamed',
    'joints_nan',
    'joints_degrees',
    'gripper_silent',
    'clock_back',
    'clock_forward',
)
DROPS_OF = 3
"""Of this number of pictures, all but one are lost when the camera drops some."""
LATE_S = 1.0
"""How old the stamps of late pictures and joint states are [s]."""
_CLOCK_OFFSETS_S = {'clock_back': -2.0, 'clock_forward': 2.0}
"""How far the simulated clock is set [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimConfig:
    """Parameters of the sim node."""

    time_source: str = parameter(
        'wall',
        'Clock of the stamps: wall for the clock of the machine, simulation for simulated time, '
        'which is then published on /clock for nodes with `use_sim_time`.',
        choices=('wall', 'simulation'),
    )
    rate_factor: float = parameter(
        1.0,
        'Simulated seconds per second; other than 1 only with time_source simulation.',
        minimum=0.01,
        maximum=20.0,
    )
    camera_rate_hz: float = parameter(
        15.0, 'Pictures per simulated second.', unit='Hz', minimum=0.1, maximum=120.0
    )
    joint_rate_hz: float = parameter(
        100.0,
        'Joint states and poses per simulated second.',
        unit='Hz',
        minimum=1.0,
        maximum=250.0,
    )
    variation: str = parameter(
        'none',
        'Looks of the cell: none for the nominal one, seen for one as in training, unseen for '
        'one unlike all in training.',
        choices=('none', 'seen', 'unseen'),
        dynamic=True,
    )
    appearance_seed: int = parameter(
        0, 'Which look of the variation.', minimum=0, maximum=2**31 - 1, dynamic=True
    )
    seed: int = parameter(0, 'Seed of resets without a seed.', minimum=0, maximum=2**31 - 1)
    target_time_s: float = parameter(
        0.02,
        'How long the arm takes to a pose on `target_pose`; far ones take longer, within the '
        'highest joint speeds.',
        unit='s',
        minimum=0.005,
        maximum=1.0,
    )
    fault: str = parameter(
        'none', 'A fault to try the safety of others with.', choices=FAULTS, dynamic=True
    )

    def __post_init__(self) -> None:
        """Check what the parameters mean together.

        Raises:
            ParameterError: the machine's clock shall stamp, but time shall not run like it.
        """
        if self.time_source == 'wall' and self.rate_factor != 1.0:
            raise ParameterError(
                f'rate_factor is {self.rate_factor}, but with time_source wall it must be 1; '
                'set time_source to simulation, and use_sim_time of the other nodes to true'
            )
        if self.time_source == 'wall' and self.fault in _CLOCK_OFFSETS_S:
            raise ParameterError(
                f'fault is {self.fault}, but the clock of the machine cannot be set; set '
                'time_source to simulation, and use_sim_time of the other nodes to true'
            )

    @property
    def appearance(self) -> Appearance:
        """The look of the cell."""
        if self.variation == 'none':
            return NOMINAL
        rng = np.random.default_rng(self.appearance_seed)
        return sample_appearance(rng, 'seen' if self.variation == 'seen' else 'unseen')


class SimNode(ManagedNode):
    """Runs the cell in real time, or faster on a clock of its own.

    Args:
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type: ClassVar[type] = SimConfig
    default_name: ClassVar[str] = 'sim'

    def __init__(self, **kwargs: Any) -> None:
        self._cell: Any = None
        super().__init__(self.default_name, **kwargs)

    def setup(self) -> None:
        """Build the cell and create the entities."""
        from jepa_wm_ros.sim.simulation import CellSimulation

        config: SimConfig = self.config
        # Finer than in lockstep: commands come at any time, and a real arm listens every 1 ms.
        simulation = CellSimulation(physics_step_s=0.002)
        self._cell = self._make_cell(simulation)
        self._info = camera_info(simulation.camera)
        self._rng = np.random.default_rng(config.seed)
        self._last_picture: Picture | None = None
        self._rendering, self._pictures = LatencyMonitor(), RateMonitor()
        self._due = 0
        simulation.set_appearance(config.appearance)
        self._create_publishers()
        self._create_inputs()
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / config.joint_rate_hz / config.rate_factor, self._tick, clock=clock)

    def start(self) -> None:
        """Let time run."""
        config: SimConfig = self.config
        self._pacer = Pacer(config.rate_factor)
        self._camera = Schedule(config.camera_rate_hz)

    def teardown(self) -> None:
        """Close the renderer."""
        if self._cell is not None:
            self._cell.simulation.close()
            self._cell = None

    def config_changed(self, previous: SimConfig) -> None:
        """Change the look; faults are looked at when they matter."""
        config: SimConfig = self.config
        if self._cell is not None and config.appearance != previous.appearance:
            self._cell.simulation.set_appearance(config.appearance)

    def diagnostics(self) -> list[Diagnostic]:
        """Camera and pace."""
        if self._cell is None or not self.active:
            return []
        config: SimConfig = self.config
        lost_s = self._pacer.lost_s
        return [
            Diagnostic(
                name='cell',
                level=Level.OK if config.fault == 'none' else Level.WARN,
                message='ok' if config.fault == 'none' else f'injected fault: {config.fault}',
                values={
                    'simulated_s': self._cell.simulation.time_s,
                    'lost_s': lost_s,
                    'picture_rate_hz': self._pictures.rate_hz,
                }
                | self._rendering.values('render'),
            )
        ]

    def _make_cell(self, simulation: CellSimulation) -> Any:
        from jepa_wm_ros.sim.driven import DrivenCell

        return DrivenCell(simulation)

    def _create_publishers(self) -> None:
        create = self.create_lifecycle_publisher
        self._images = create(Image, 'image', qos.latest())
        self._infos = create(CameraInfo, 'camera_info', qos.latest())
        self._joints = create(JointState, 'joint_states', qos.events())
        self._poses = create(PoseStamped, 'ee_pose', qos.events())
        self._create_truth()

    def _create_truth(self) -> None:
        """Create what only a simulation can publish."""
        create = self.create_lifecycle_publisher
        self._truth = create(PoseStamped, 'ground_truth', qos.events())
        if self.config.time_source == 'simulation':
            # The name is absolute because that is where `use_sim_time` looks.
            self._clocks = create(ClockMessage, '/clock', qos.latest())

    def _create_inputs(self) -> None:
        self.create_subscription(
            JointTrajectory, 'joint_trajectory', self._on_trajectory, qos.latest()
        )
        self.create_subscription(PoseStamped, 'target_pose', self._on_target, qos.latest())
        self.create_subscription(Float64, 'gripper_command', self._on_gripper, qos.latest())
        self._create_reset()

    def _create_reset(self) -> None:
        self.create_service(ResetCell, 'reset', self._on_reset)

    # -- commands ------------------------------------------------------------------------------

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if not self.active:
            return
        waypoints = read_trajectory(message)
        self._catch_up()
        if waypoints:
            self._cell.follow_joints(waypoints)
        else:
            self._cell.hold()

    def _on_target(self, message: PoseStamped) -> None:
        if not self.active:
            return
        frame = message.header.frame_id
        if frame not in ('', BASE_FRAME):
            raise ParameterError(f'target_pose must be in the frame {BASE_FRAME}, not {frame!r}')
        self._catch_up()
        self._cell.follow_pose(decode_pose(message.pose), self.config.target_time_s)

    def _on_gripper(self, message: Float64) -> None:
        if self.active and np.isfinite(message.data):
            self._cell.simulation.set_gripper(message.data)

    def _on_reset(
        self, request: ResetCell.Request, response: ResetCell.Response
    ) -> ResetCell.Response:
        rng = np.random.default_rng(request.seed) if request.seed >= 0 else self._rng
        point = request.position
        position = (point.x, point.y, point.z) if request.use_position else None
        self._cell.reset(position, rng)
        if self.active and self.config.fault != 'joints_silent':
            # Before the answer: who arms after it must not believe where the arm was before.
            self._publish_joints(self._stamp())
        response.success = True
        response.message = 'ok'
        response.ee_pose = encode_pose(self._cell.simulation.flange_pose)
        return response

    # -- time ----------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Bring the cell to the present, so that a command starts when it comes."""
        self._cell.advance(self._pacer.advance(time.monotonic()))

    def _tick(self) -> None:
        """Say what there is to see and feel in the present."""
        if not self.active:
            return
        self._catch_up()
        config: SimConfig = self.config
        now_s, stamp = self._cell.simulation.time_s, self._stamp()
        if config.time_source != 'wall':
            self._clocks.publish(ClockMessage(clock=stamp))
        if self._camera.due(now_s) and not self._loses_picture():
            # first: its age begins with the stamp
            self._publish_picture(_late(stamp) if config.fault == 'camera_late' else stamp)
        if config.fault != 'joints_silent':
            self._publish_joints(_late(stamp) if config.fault == 'joints_late' else stamp)
        self._publish_poses(stamp)

    def _stamp(self) -> Time:
        """Return the time of the present, on the clock that the cell is to have."""
        config: SimConfig = self.config
        if config.time_source == 'wall':
            return self.get_clock().now().to_msg()
        now_s = self._cell.simulation.time_s
        return encode_stamp(max(0.0, now_s + _CLOCK_OFFSETS_S.get(config.fault, 0.0)))

    def _loses_picture(self) -> bool:
        """Whether the picture that is due does not come."""
        self._due += 1
        fault = self.config.fault
        return fault == 'camera_silent' or (fault == 'camera_drops' and self._due % DROPS_OF > 0)

    def _publish_joints(self, stamp: Time) -> None:
        simulation = self._cell.simulation
        message = JointState(name=[*ARM_JOINTS, GRIPPER_JOINT])
        if self.config.fault == 'joints_renamed':
            message.name = [f'other_{name}' for name in message.name]
        message.header.stamp = stamp
        message.header.frame_id = BASE_FRAME
        message.position = [
            *simulation.joint_positions.tolist(),
            GRIPPER_CLOSED * simulation.gripper,
        ]
        if self.config.fault == 'joints_nan':
            message.position[0] = math.nan
        if self.config.fault == 'joints_degrees':
            message.position = [math.degrees(angle) for angle in message.position]
        if self.config.fault == 'gripper_silent':
            message.name, message.position = message.name[:-1], message.position[:-1]
        message.velocity = [*simulation.joint_velocities.tolist(), 0.0]
        message.effort = [*simulation.joint_efforts.tolist(), 0.0]
        self._joints.publish(message)

    def _publish_poses(self, stamp: Time) -> None:
        silent = self.config.fault == 'joints_silent'
        self._publish_truth(stamp, *(() if silent else (self._poses,)))

    def _publish_truth(self, stamp: Time, *others: LifecyclePublisher) -> None:
        """Publish the flange on `ground_truth` and other topics, where somebody listens."""
        wanted = [self._truth, *others]
        wanted = [publisher for publisher in wanted if publisher.get_subscription_count()]
        if not wanted:
            return
        message = PoseStamped(pose=encode_pose(self._cell.simulation.flange_pose))
        message.header.stamp = stamp
        message.header.frame_id = BASE_FRAME
        for publisher in wanted:
            publisher.publish(message)

    def _publish_picture(self, stamp: Time) -> None:
        started = time.perf_counter()
        if self._last_picture is None or self.config.fault != 'camera_frozen':
            self._last_picture = self._cell.simulation.render()
        self._rendering.add(time.perf_counter() - started)
        self._pictures.tick(time.monotonic())
        self._info.header.stamp = stamp
        self._send_picture(self._last_picture, stamp)

    def _send_picture(self, picture: Picture, stamp: Time) -> None:
        self._images.publish(encode_image(picture, stamp=stamp, frame_id=CAMERA_FRAME))
        self._infos.publish(self._info)


def _late(stamp: Time) -> Time:
    """The stamp of what took long to arrive."""
    return encode_stamp(max(0.0, decode_stamp(stamp) - LATE_S))


def main(args: list[str] | None = None) -> int:
    """Run the simulated cell in a process of its own."""
    become_urgent(DEVICE)  # a real camera does not wait for a planner to leave it a core
    return spin(lambda context, executor: [SimNode(context=context)], args)


if __name__ == '__main__':
    raise SystemExit(main())
