"""The encoder node: camera pictures and robot state in, latents out."""

from __future__ import annotations

import math
import time
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from jepa_wm_msgs.msg import Latent as LatentMessage
from jepa_wm_msgs.msg import ObservationHealth
from sensor_msgs.msg import CompressedImage, Image, JointState

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.nodes.models import ModelShelf, warm_up
from jepa_wm_ros.nodes.observations import EncodedObservation
from jepa_wm_ros.nodes.picture_watch import PictureWatch
from jepa_wm_ros.nodes.state_sources import POSE_SOURCES
from jepa_wm_ros.nodes.state_sources.flange_pose import PoseTopicSource, TfSource
from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, FLANGE_FRAME, GRIPPER_JOINT
from jepa_wm_ros.robot.gripper import PRESETS, GripperCodec
from jepa_wm_ros.robot.image_source import ImageSourceWatch
from jepa_wm_ros.robot.images import transport_topic
from jepa_wm_ros.robot.joint_buffer import JointBufferError
from jepa_wm_ros.robot.state import RobotSample, RobotState
from jepa_wm_ros.robot.tool import Tool
from jepa_wm_ros.ros import qos, sources
from jepa_wm_ros.ros.conversions import decode_stamp, encode_pose, now_s
from jepa_wm_ros.ros.diagnostics import Diagnostic, LatencyMonitor, Level, RateMonitor
from jepa_wm_ros.ros.images import decode_image, image_facts
from jepa_wm_ros.ros.lifecycle import ManagedNode
from jepa_wm_ros.ros.params import parameter
from jepa_wm_ros.ros.scheduling import become_urgent
from jepa_wm_ros.ros.spinning import spin
from jepa_wm_ros.ros.tensors import encode_latent
from jepa_wm_ros.ros.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.task import Future

    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.worldmodel.latent import Latent

# Camera and arm do not begin to speak at the same moment.
_START_S = 1.0
# A stamp that lies further back than this belongs to a clock that was reset.
_CLOCK_RESET_S = 1.0
# Joint states that could not be true are told in the diagnostics for so long.
_LATELY_S = 5.0
# Joint states that could not be true and come nearer than this are told once.
_SERIES_S = 1.0
# So long the encoder waits for the name of a node that has just been discovered.
_NAME_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Parameters of the encoder node."""

    model: str = parameter('', 'Folder of the model bundle; empty takes the shipped model.')
    device: str = parameter('cpu', 'Compute device of torch, such as cpu or cuda.')
    threads: int = parameter(1, 'CPU threads of torch.', minimum=1, maximum=256)
    image_transport: str = parameter(
        'raw',
        'How the images come: raw on the topic `image`, or compressed on `image/compressed`, as '
        'drivers publish them that use image_transport.',
        choices=('raw', 'compressed'),
    )
    camera_frame: str = parameter(
        '',
        'Frame that the images must have in `header.frame_id`; images in another one are not '
        'believed. Empty takes the frame of the first image.',
    )
    pose_source: str = parameter(
        'joint_states',
        "Where the flange pose comes from: forward kinematics, the driver's own pose on the "
        'topic `ee_pose`, or tf.',
        choices=POSE_SOURCES,
    )
    tool_position: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0),
        'the end effector whose pose is on `ee_pose`, in the flange: position',
        unit='m',
        length=3,
    )
    tool_rotation: tuple[float, ...] = parameter(
        (0.0, 0.0, 0.0), 'its roll, pitch and yaw in the flange', unit='rad', length=3
    )
    base_frame: str = parameter(
        BASE_FRAME,
        "Name of the robot's base frame, in which poses and actions are given.",
    )
    flange_frame: str = parameter(FLANGE_FRAME, 'Name of the flange in tf.')
    joint_names: tuple[str, ...] = parameter(
        ARM_JOINTS, 'Arm joints in `joint_states`, base to flange.', length=7
    )
    gripper_joint: str = parameter(
        GRIPPER_JOINT, 'Joint whose position is the gripper reading; empty when there is none.'
    )
    gripper: str = parameter(
        'sim', 'Kind of gripper, which says what its reading means.', choices=tuple(PRESETS)
    )
    max_gap_s: float = parameter(
        0.1,
        'Longest time between a picture and the robot state that is used with it.',
        unit='s',
        minimum=0.001,
        maximum=10.0,
    )
    frozen_motion_m: float = parameter(
        0.01,
        'The camera counts as frozen when its picture stays the same while the flange moves '
        'this far.',
        unit='m',
        minimum=0.001,
        maximum=1.0,
    )
    frozen_after_s: float = parameter(
        0.0,
        'The camera counts as frozen when its picture stays the same for this long, even with '
        'the arm at rest; 0 switches this off. Real cameras have noise, so 0.5 is safe there.',
        unit='s',
        minimum=0.0,
        maximum=60.0,
    )


class EncoderNode(ManagedNode):
    """Encodes the newest picture, never an older one, together with the robot's state.

    Args:
        worker: Thread for the model's work; it is closed when the node is destroyed.
        models: Loads the model.
        kwargs: What `rclpy.node.Node` accepts.
    """

    config_type: ClassVar[type] = EncoderConfig

    def __init__(self, worker: Worker, models: ModelShelf, **kwargs: Any) -> None:
        self._worker = worker
        self._models = models
        self.listeners: list[Callable[[EncodedObservation], None]] = []
        """Who gets the observations by reference, in this process."""
        self._pictures = RateMonitor()
        self._encoding, self._latency = LatencyMonitor(), LatencyMonitor()
        self._trouble = self._ambiguity = ''
        self._nameless_s: float | None = None
        self._first_stamp_s: float | None = None
        self._observed_s = -math.inf
        self._disbelieved, self._left_out = (-math.inf, ''), 0
        super().__init__('encoder', **kwargs)

    def setup(self) -> None:
        """Load the model, encode once to warm up, create the entities."""
        config: EncoderConfig = self.config
        self._model = self._models.load(config.model, config.device, config.threads)
        self._robot = self._robot_state()
        self._watch = PictureWatch(config.frozen_motion_m, config.frozen_after_s)
        self._worker.call(partial(warm_up, self._model))
        self._latents = self.create_lifecycle_publisher(LatentMessage, 'latent', qos.latest())
        self._health = self.create_lifecycle_publisher(
            ObservationHealth, 'image_health', qos.events()
        )
        self.create_subscription(JointState, 'joint_states', self._on_joints, qos.sensor(10))
        self._create_pose_source(config)
        kind = Image if config.image_transport == 'raw' else CompressedImage
        topic = transport_topic(self.resolve_topic_name('image'), config.image_transport)
        images = self.create_subscription(kind, topic, self._on_image, qos.sensor())
        self._source = ImageSourceWatch(
            config.camera_frame,
            partial(self._second_camera, images.topic_name, sources.kind_of(kind)),
        )
        self.get_logger().info(
            f'model {self._model.contract.name} ({self._model.contract.fingerprint}) on '
            f'{config.device}, {config.image_transport} pictures, pose from {config.pose_source}'
        )

    def start(self) -> None:
        """Take the camera that is there now, whichever was there before."""
        self._source.forget()

    def destroy_node(self) -> None:
        """End the worker with the last node of the process that uses it."""
        self._worker.close()
        super().destroy_node()

    def diagnostics(self) -> list[Diagnostic]:
        """Camera, robot state and encoding."""
        now = now_s(self)
        age_s = self._pictures.age_s(now)
        wrong = self._ambiguity or self._trouble
        level = Level.ERROR if wrong else Level.OK if age_s < 1.0 else Level.STALE
        camera = {'rate_hz': self._pictures.rate_hz, 'age_s': age_s, 'count': self._pictures.count}
        timing = self._encoding.values('encode') | self._latency.values('stamp_to_latent')
        return [
            Diagnostic(
                name='camera',
                level=level,
                message=wrong or ('ok' if level is Level.OK else 'no pictures arrive'),
                values=camera,
            ),
            self._joints_diagnostic(),
            Diagnostic(name='encoding', values=timing | {'replaced': self._worker.replaced}),
        ]

    def _joints_diagnostic(self) -> Diagnostic:
        """What there is to say about joint states that could not be true."""
        said_s, what = self._disbelieved
        lately = time.monotonic() - said_s < _LATELY_S
        return Diagnostic(
            name='joint states',
            level=Level.ERROR if lately else Level.OK,
            message=what if lately else 'ok',
            values={'left_out': self._left_out},
        )

    def _create_pose_source(self, config: EncoderConfig) -> None:
        if config.pose_source == 'ee_pose':
            tool = Tool.at(config.tool_position, config.tool_rotation)
            PoseTopicSource(self, 'ee_pose', tool, self._on_pose, base_frame=config.base_frame)
        elif config.pose_source == 'tf':
            TfSource(self, config.base_frame, config.flange_frame, self._on_pose)

    def _robot_state(self) -> RobotState:
        from jepa_wm_ros.robot.kinematics import Kinematics

        config: EncoderConfig = self.config
        by_joints = config.pose_source == 'joint_states'
        return RobotState(
            joint_names=config.joint_names,
            gripper_joint=config.gripper_joint,
            codec=GripperCodec.preset(config.gripper),
            kinematics=Kinematics() if by_joints else None,
            max_gap_s=config.max_gap_s,
        )

    def _on_joints(self, message: JointState) -> None:
        # as the action publisher does: who does not stamp gets the time of arrival
        stamp_s = decode_stamp(message.header.stamp) or now_s(self)
        arrived_s = time.monotonic()
        doubt = self._robot.add_joints(stamp_s, message.name, message.position, arrived_s)
        if doubt is not None and not doubt.kind.harmless:
            self._disbelieve(doubt.message)

    def _on_pose(self, stamp_s: float, pose: Pose) -> None:
        doubt = self._robot.add_pose(stamp_s, pose)
        if doubt:
            self._disbelieve(doubt)

    def _disbelieve(self, why: str) -> None:
        """Tell what could not be true, once for a series: each has other numbers."""
        moment_s = time.monotonic()
        self._left_out += 1
        if moment_s - self._disbelieved[0] > _SERIES_S:
            self.report(JepaWmError(why))
        self._disbelieved = (moment_s, why)

    def _on_image(self, message: Any) -> None:
        if not self.active:
            return
        stamp_s = decode_stamp(message.header.stamp)
        self._pictures.tick(stamp_s)
        self._ambiguity = self._source.look(image_facts(message), time.monotonic())
        if self._ambiguity and self._learning_name():
            return  # no image is believed; the fault that follows is to name the node
        checksum = zlib.crc32(message.data)
        self._trouble = self._watch.look(checksum, stamp_s, self._robot.position)
        wrong = self._ambiguity or self._trouble
        if not wrong:
            self._submit(message, stamp_s)
        # not after encoding: the age that others see shall not contain our own work
        self._publish_health(message, stamp_s)
        if wrong:
            self.report(JepaWmError(f'image: {wrong}'))

    def _second_camera(self, topic: str, kind: str) -> str:
        """Say that more than one node publishes the images."""
        found = sources.publishers_of(self, topic, kind)
        if all(one.known for one in found):
            self._nameless_s = None
        elif self._nameless_s is None:
            self._nameless_s = time.monotonic()
        return sources.second_source(topic, found)

    def _learning_name(self) -> bool:
        """Whether the node of a publisher has no name yet, and will soon have one."""
        since_s = self._nameless_s
        return since_s is not None and time.monotonic() - since_s < _NAME_S

    def _submit(self, message: Any, stamp_s: float) -> None:
        """Have a picture encoded; one that still waits gives way to it."""
        fields = self._model.contract.proprio.fields
        proprio = self._robot.at(stamp_s).proprio(fields) if fields else None
        job = self._worker.submit(partial(self._encode, message, proprio), slot='picture')
        job.add_done_callback(self.guard(partial(self._on_encoded, message)))

    def _publish_health(self, message: Any, stamp_s: float) -> None:
        health = ObservationHealth(header=message.header)
        health.rate_hz = self._pictures.rate_hz
        health.skew_s = self._robot.skew_s(stamp_s)
        # images of two cameras repeat nothing, and look as if they did
        health.ambiguous = bool(self._ambiguity)
        health.frozen = bool(self._trouble) and not health.ambiguous
        health.message = self._ambiguity or self._trouble
        self._health.publish(health)

    def _encode(self, message: Any, proprio: NDArray[np.float64] | None) -> tuple[Latent, float]:
        """Turn a camera message into a latent; runs on the worker."""
        from jepa_wm_ros.worldmodel.observation import encode_picture

        started = time.perf_counter()
        latent = encode_picture(self._model, decode_image(message), proprio)
        return latent, time.perf_counter() - started

    def _on_encoded(self, message: Any, job: Future) -> None:
        # an image that was encoded just before a second camera was seen may be that camera's
        if job.cancelled() or not self.active or self._ambiguity:
            return
        latent, encode_time_s = job.result()
        stamp_s = decode_stamp(message.header.stamp)
        # rclpy may call back in another order than the worker worked in
        if 0.0 <= self._observed_s - stamp_s < _CLOCK_RESET_S:
            return
        sample = self._robot_at(stamp_s)
        if sample is None:
            return
        self._observed_s = stamp_s
        observation = EncodedObservation(
            stamp=message.header.stamp,
            stamp_s=stamp_s,
            latent=latent,
            pose=sample.pose,
            gripper=sample.gripper,
            bundle=self._model.contract.fingerprint,
            encode_time_s=encode_time_s,
            image=message,
            joints=sample.joints,
        )
        self._encoding.add(encode_time_s)
        self._latency.add(now_s(self) - stamp_s)
        for listener in self.listeners:
            listener(observation)
        if self._latents.get_subscription_count():
            self._publish_latent(observation)

    def _robot_at(self, stamp_s: float) -> RobotSample | None:
        """The robot's state; None while it is normal that there is none yet.

        By now there are joint states on both sides of the picture: no extrapolation.
        """
        if self._first_stamp_s is None:
            self._first_stamp_s = stamp_s
        try:
            return self._robot.at(stamp_s)
        except JointBufferError:
            if 0.0 <= stamp_s - self._first_stamp_s < _START_S:
                return None
            raise

    def _publish_latent(self, observation: EncodedObservation) -> None:
        message = encode_latent(observation.latent)
        message.header = observation.image.header
        message.bundle = observation.bundle
        message.ee_pose = encode_pose(observation.pose)
        message.gripper = observation.gripper
        message.encode_time_s = observation.encode_time_s
        self._latents.publish(message)


def main(args: list[str] | None = None) -> int:
    """Run the encoder in a process of its own."""
    become_urgent()
    return spin(
        lambda context, executor: [EncoderNode(Worker(executor), ModelShelf(), context=context)],
        args,
    )


if __name__ == '__main__':
    raise SystemExit(main())
