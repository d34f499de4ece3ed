"""Robot states of a bag: joint states or poses, and a gripper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jepa_wm_ros.data.readers import bag_file
from jepa_wm_ros.data.recordings import RecordingError, check_clock
from jepa_wm_ros.data.tracks import ArmPath, JointEvent, PoseEvent, StateTrack
from jepa_wm_ros.robot.belief import JointBelief
from jepa_wm_ros.robot.gripper import GripperCodec
from jepa_wm_ros.robot.messages import decode_pose
from jepa_wm_ros.robot.poses import Pose, from_euler
from jepa_wm_ros.robot.state import BELIEVABLE, RobotState

if TYPE_CHECKING:
    from collections.abc import Callable

    from jepa_wm_ros.data.readers.bag_file import BagFile, RawMessage
    from jepa_wm_ros.data.readers.mapping import BagMapping, GripperMapping
    from jepa_wm_ros.robot.kinematics import Kinematics

FASTEST_JOINT_RAD_S = 6.0
"""Twice what a Franka's joints can do."""
FASTEST_FLANGE_M_S = 4.0
"""Twice what its flange can do."""
_NUMBER = 'value'
"""Name under which a gripper's number goes through the joint states."""
_FLANGE_OF_HAND_TCP = from_euler([0.0, 0.0, 0.1034], [0.0, 0.0, -np.pi / 4]).inverse()


class StateReader:
    """Collects the state messages of a bag, then makes a track of them.

    Args:
        bag: Open.
        mapping: Which topics are what.

    Raises:
        RecordingError: The bag has neither joint states nor poses.
    """

    def __init__(self, bag: BagFile, mapping: BagMapping) -> None:
        self._bag, self._mapping = bag, mapping
        self._poses = bag.find(mapping.poses, bag_file.POSES, 'poses')
        self._joints = bag.find(mapping.joint_states, bag_file.JOINT_STATES, 'joint states')
        if self._poses is None and self._joints is None:
            looked = [*mapping.joint_states, *mapping.poses]
            raise RecordingError(bag_file.topics_lacking('robot states', looked, bag.topics))
        self._events: dict[str, list[JointEvent | PoseEvent]] = {}
        self._arrivals: dict[str, list[float]] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.note = ''
        """What is worth knowing, once the track is made."""

    @property
    def topics(self) -> list[str]:
        """Topics whose messages it wants."""
        grippers = [
            topic
            for choice in self._mapping.grippers
            if choice.topic and (topic := self._gripper_topic(choice)) is not None
        ]
        own = [topic for topic in (self._poses, self._joints) if topic is not None]
        return sorted({*own, *grippers})

    def add(self, raw: RawMessage) -> None:
        """Take in a message.

        Raises:
            RecordingError: It cannot be decoded.
            PoseError: A pose has no unit quaternion.
        """
        message = self._bag.decode(raw)
        stamp_s = raw.log_s if self._mapping.stamps == 'log' else raw.stamp_s
        event: JointEvent | PoseEvent
        if raw.topic == self._poses:
            event = PoseEvent(stamp_s, self._flange(decode_pose(message.pose)))
        elif raw.type in bag_file.NUMBERS:
            event = JointEvent(stamp_s, (_NUMBER,), (float(message.data),), raw.log_s)
        else:
            names = tuple(message.name)
            # thousands of messages repeat the same names: keep them once
            names = self._names.setdefault(names, names)
            event = JointEvent(stamp_s, names, message.position, raw.log_s)
        self._events.setdefault(raw.topic, []).append(event)
        self._arrivals.setdefault(raw.topic, []).append(raw.log_s)

    def track(self, kinematics: Callable[[], Kinematics], max_gap_s: float) -> StateTrack:
        """Make the track.

        Args:
            kinematics: Called when forward kinematics is needed.
            max_gap_s: Longest time without a state that is bridged [s].

        Raises:
            RecordingError: The arm's joints are not in it, or a clock jumps.
        """
        for topic, events in self._events.items():
            stamps = np.array([event.stamp_s for event in events])
            check_clock(stamps, f'robot states on {topic}', np.array(self._arrivals[topic]))
        names = () if self._poses is not None else self._arm_names()
        joint, codec, gripper_topic = self._gripper()
        robot = RobotState(
            joint_names=names,
            gripper_joint=joint,
            codec=codec,
            kinematics=None if self._poses is not None else kinematics(),
            max_gap_s=max_gap_s,
        )
        # the gripper first: of equal stamps, the track takes events until the arm is known
        used = dict.fromkeys((gripper_topic, self._poses or self._joints))
        events = [event for name in used if name for event in self._events.get(name, [])]
        return StateTrack(
            robot, events, self._path(names), self._first_reading(joint, gripper_topic)
        )

    def _path(self, names: tuple[str, ...]) -> ArmPath:
        if self._poses is not None:
            poses = [event for event in self._events[self._poses] if isinstance(event, PoseEvent)]
            return ArmPath(
                np.array([event.stamp_s for event in poses]),
                np.array([event.pose.position for event in poses]),
                FASTEST_FLANGE_M_S,
            )
        joints = [
            event
            for event in self._events.get(self._joints or '', [])
            if isinstance(event, JointEvent)
            and len(event.positions) == len(event.names)
            and all(name in event.names for name in names)
        ]
        rows = [[event.positions[event.names.index(name)] for name in names] for event in joints]
        self._note_disbelief(joints, rows, names)
        stamps = np.array([event.stamp_s for event in joints])
        return ArmPath(stamps, np.reshape(rows, (-1, len(names))), FASTEST_JOINT_RAD_S)

    def _note_disbelief(
        self, events: list[JointEvent], rows: list[list[float]], names: tuple[str, ...]
    ) -> None:
        """Say how many joint states could not be true, as the live node does."""
        belief, first = JointBelief(BELIEVABLE, names), ''
        for event, row in zip(events, rows, strict=True):
            arrived_s = event.stamp_s if event.arrived_s is None else event.arrived_s
            disbelief = belief.judge(event.stamp_s, row, arrived_s)
            if disbelief is not None and not disbelief.kind.harmless:
                first = first or disbelief.message
        if belief.rejected:
            said = f'{belief.rejected} of {len(rows)} joint states are left out: {first}'
            self.note = '; '.join(filter(None, [self.note, said]))

    def _arm_names(self) -> tuple[str, ...]:
        seen = {name for names in self._names for name in names}
        for names in self._mapping.joint_names:
            if any(set(names) <= set(group) for group in self._names):
                return names
        wanted = ' or '.join(f'{names[0]} … {names[-1]}' for names in self._mapping.joint_names)
        raise RecordingError(
            f'{self._joints} has the joints {", ".join(sorted(seen)) or "none"}, not {wanted}; '
            'name those of the arm in the --mapping'
        )

    def _gripper(self) -> tuple[str, GripperCodec, str | None]:
        """Joint, codec and topic of the first gripper that reports."""
        for choice in self._mapping.grippers:
            topic = self._gripper_topic(choice)
            joint = choice.joint or _NUMBER
            if topic is not None and self._reports(topic, joint):
                return joint, choice.codec(), topic
        self.note = 'no gripper reports: it counts as open'
        return '', GripperCodec.preset('closedness'), None

    def _first_reading(self, joint: str, topic: str | None) -> float:
        """When the gripper reports first [s]; there is nothing to wait for without one."""
        events = self._events.get(topic or '', [])
        stamps = [e.stamp_s for e in events if isinstance(e, JointEvent) and joint in e.names]
        return min(stamps, default=-math.inf)

    def _gripper_topic(self, choice: GripperMapping) -> str | None:
        if not choice.topic:
            return self._joints
        types = bag_file.JOINT_STATES if choice.joint else bag_file.NUMBERS
        return self._bag.find([choice.topic], types, 'gripper readings')

    def _reports(self, topic: str, joint: str) -> bool:
        events = self._events.get(topic, [])
        return any(isinstance(event, JointEvent) and joint in event.names for event in events)

    def _flange(self, pose: Pose) -> Pose:
        return pose.compose(_FLANGE_OF_HAND_TCP) if self._mapping.pose_of == 'hand_tcp' else pose
