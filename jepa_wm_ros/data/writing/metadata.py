"""`metadata.yaml` of rosbag2, version 9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECOND = 1_000_000_000
_BURST = _SECOND // 10
VERSION = 9


@dataclass(slots=True, kw_only=True)
class TopicFacts:
    """A topic of a bag under way.

    Attributes:
        name: With its leading slash.
        type: Message type.
        type_hash: RIHS01.
        qos: Profiles of its publishers, as rosbag2 writes them.
        count: Messages so far.
        first_ns: When the first one arrived.
        last_ns: When the last one arrived.
        longest_gap_ns: Longest time between two.
    """

    name: str
    type: str
    type_hash: str = ''
    qos: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    longest_gap_ns: int = 0

    def tick(self, log_ns: int) -> None:
        """Count a message."""
        if self.count:
            self.longest_gap_ns = max(self.longest_gap_ns, log_ns - self.last_ns)
        else:
            self.first_ns = log_ns
        self.count += 1
        self.last_ns = log_ns

    @property
    def rate_hz(self) -> float:
        """Messages a second; 0 where there is none to tell: fewer than two, or one burst."""
        span = self.last_ns - self.first_ns
        return (self.count - 1) * _SECOND / span if span > _BURST else 0.0

    def audit(self) -> dict[str, Any]:
        """Return what there is to know, as plain data."""
        return {
            'topic': self.name,
            'type': self.type,
            'count': self.count,
            'rate_hz': round(self.rate_hz, 3),
            'longest_gap_s': round(self.longest_gap_ns / _SECOND, 3),
        }


def metadata_text(
    file: str, topics: Sequence[TopicFacts], custom: Mapping[str, str], distro: str
) -> str:
    """Return the text of `metadata.yaml` for a bag of one MCAP file.

    Args:
        file: Name of the file beside it.
        topics: All topics, silent ones too.
        custom: Key-value pairs for `custom_data`.
        distro: Of ROS, where it was recorded.
    """
    heard = [topic for topic in topics if topic.count]
    start = min((topic.first_ns for topic in heard), default=0)
    length = max((topic.last_ns for topic in heard), default=0) - start
    count = sum(topic.count for topic in topics)
    duration = {'nanoseconds': length}
    starting = {'nanoseconds_since_epoch': start}
    facts = {
        'path': file,
        'starting_time': starting,
        'duration': duration,
        'message_count': count,
    }
    information = {
        'version': VERSION,
        'storage_identifier': 'mcap',
        'duration': dict(duration),
        'starting_time': dict(starting),
        'message_count': count,
        'topics_with_message_count': [_topic(topic) for topic in topics],
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [file],
        'files': [facts],
        'custom_data': dict(custom) or None,
        'ros_distro': distro,
    }
    return yaml.safe_dump({'rosbag2_bagfile_information': information}, sort_keys=False)


def _topic(topic: TopicFacts) -> dict[str, Any]:
    own = {
        'name': topic.name,
        'type': topic.type,
        'serialization_format': 'cdr',
        'offered_qos_profiles': topic.qos,
        'type_description_hash': topic.type_hash,
    }
    return {'topic_metadata': own, 'message_count': topic.count}
