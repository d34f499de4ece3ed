"""Which topics and fields of a bag are what: read from a YAML file, see `config/mappings/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jepa_wm_ros import paths
from jepa_wm_ros.robot.gripper import PRESETS, GripperCodec, GripperError
from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.schema import SchemaError, read

DEFAULT = ('config', 'mappings', 'droid_franka.yaml')
"""The mapping that comes with the package."""
POSE_OF = ('flange', 'hand_tcp')
STAMPS = ('header', 'log')


@dataclass(frozen=True, slots=True, kw_only=True)
class GripperMapping:
    """One way in which a gripper may report; the first of a mapping that is in the bag counts.

    Attributes:
        joint: Joint whose position is the reading, in a `JointState`; empty for a topic with a
            number (`std_msgs/Float32`, `Float64`).
        topic: Where it reports; empty: among the joint states of the arm.
        kind: Preset of the codec, which says unit and direction.
        open_value: Reading when it is open, instead of a preset.
        closed_value: Reading when it is closed, instead of a preset.
    """

    joint: str = ''
    topic: str = ''
    kind: str | None = None
    open_value: float | None = None
    closed_value: float | None = None

    def __post_init__(self) -> None:
        """Require a place, and a preset or two values."""
        require(bool(self.joint or self.topic), 'a gripper needs a joint or a topic')
        if self.kind is not None:
            one_of('kind', self.kind, tuple(PRESETS))
        values = (self.open_value, self.closed_value)
        complete = None not in values if self.kind is None else values == (None, None)
        require(complete, 'a gripper needs either a kind, or open_value and closed_value')
        try:
            self.codec()
        except GripperError as error:
            raise ValueError(str(error)) from error

    def codec(self) -> GripperCodec:
        """The codec that turns its readings into closedness."""
        if self.kind is not None:
            return GripperCodec.preset(self.kind)
        assert self.open_value is not None
        assert self.closed_value is not None
        return GripperCodec(open_value=self.open_value, closed_value=self.closed_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class BagMapping:
    """Where pictures and robot states are in a bag. Of several topics the first present is taken.

    Attributes:
        cameras: Topics of each camera, `Image` or `CompressedImage`; the first camera is taken
            when none is asked for.
        joint_states: Topics with the arm's joint states.
        joint_names: Alternatives for the seven arm joints, base to flange.
        poses: Topics with poses (`PoseStamped`, base frame), which are taken instead of forward
            kinematics when one is in the bag.
        pose_of: Whose pose it is: `flange` (link8, as in DROID), or `hand_tcp` of the Franka
            Hand, which is turned into the flange's.
        grippers: Ways in which a gripper may report; none of them: it counts as open.
        stamps: `header`: when it was measured; `log`: when it reached the recorder.
    """

    cameras: dict[str, Any]
    joint_states: tuple[str, ...]
    joint_names: tuple[tuple[str, ...], ...]
    poses: tuple[str, ...] = ()
    pose_of: str = 'flange'
    grippers: tuple[GripperMapping, ...] = field(default=())
    stamps: str = 'header'

    def __post_init__(self) -> None:
        """Check the choices, and that topics are lists."""
        one_of('pose_of', self.pose_of, POSE_OF)
        one_of('stamps', self.stamps, STAMPS)
        require(bool(self.cameras), 'cameras must name at least one camera')
        for name, topics in self.cameras.items():
            listed = isinstance(topics, list) and topics
            named = listed and all(isinstance(topic, str) for topic in topics)
            require(bool(named), f'cameras.{name} must be a list of topics, got {topics!r}')
        for names in self.joint_names:
            require(len(names) == 7, f'joint_names must be lists of 7 names, got {list(names)}')


def read_mapping(path: Path | None = None) -> BagMapping:
    """Read a mapping.

    Args:
        path: YAML file; None takes the one that comes with the package.

    Raises:
        SchemaError: The file is missing or wrong; names the file, the key and what is accepted.
    """
    path = paths.share(*DEFAULT) if path is None else path
    try:
        mapping = yaml.safe_load(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise SchemaError(f'{path} is missing; a mapping is like {"/".join(DEFAULT)}') from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SchemaError(f'{path}: not valid YAML: {error}') from error
    return read(BagMapping, mapping, path)
