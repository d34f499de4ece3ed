"""Writes a bag that survives being killed: MCAP chunks are closed every second."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.data.writing.metadata import TopicFacts, metadata_text
from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNK_BYTES = 256 * 1024
COMPRESSIONS = ('zstd', 'lz4', 'none')


class BagWriteError(JepaWmError):
    """A bag cannot be written."""


class BagWriter:
    """A bag under way: a folder with one MCAP file, and `metadata.yaml` in the end.

    Args:
        folder: Is made; must not exist.
        custom: Key-value pairs that say where the bag comes from.
        compression: One of `COMPRESSIONS`.
        distro: Of ROS, where it is recorded.

    Raises:
        BagWriteError: The folder exists, or cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        custom: Mapping[str, str] | None = None,
        *,
        compression: str = 'zstd',
        distro: str = '',
    ) -> None:
        from mcap.writer import CompressionType, Writer

        if compression not in COMPRESSIONS:
            raise BagWriteError(
                f'compression must be one of {", ".join(COMPRESSIONS)}, got {compression!r}'
            )
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise BagWriteError(f'{folder} exists already; choose another --out') from None
        except (OSError, ValueError) as error:
            reason = getattr(error, 'strerror', None) or str(error)
            raise BagWriteError(
                f'{folder} cannot be made: {reason}; choose another --out'
            ) from error
        self.folder, self._custom, self._distro = folder, dict(custom or {}), distro
        self.path = folder / f'{folder.name}_0.mcap'
        self._stream: IO[bytes] = self.path.open('wb')
        kind = CompressionType[compression.upper()]
        self._writer = Writer(self._stream, chunk_size=CHUNK_BYTES, compression=kind)
        self._writer.start(profile='ros2', library='jepa_wm_ros')
        self._topics: dict[str, TopicFacts] = {}
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        if self._custom:
            self._writer.add_metadata('jepa_wm', self._custom)
        self._stream.flush()

    def __enter__(self) -> BagWriter:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file; without `close` before, it stays as of a killed recorder."""
        self._stream.close()

    @property
    def topics(self) -> list[TopicFacts]:
        """The topics, in the order in which they came."""
        return list(self._topics.values())

    def add_topic(
        self, topic: TopicFacts, definition: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Announce a topic; the second time changes nothing.

        Args:
            topic: What is known of it.
            definition: Its type's full definition, `ros2msg`.
            metadata: Of the MCAP channel; made from `topic` when None.
        """
        if topic.name in self._topics:
            return
        if topic.type not in self._schemas:
            text = definition.encode()
            self._schemas[topic.type] = self._writer.register_schema(topic.type, 'ros2msg', text)
        own = {
            'offered_qos_profiles': yaml.safe_dump(topic.qos, sort_keys=False),
            'topic_type_hash': topic.type_hash,
        }
        self._topics[topic.name] = topic
        self._channels[topic.name] = self._writer.register_channel(
            topic.name,
            'cdr',
            self._schemas[topic.type],
            dict(own if metadata is None else metadata),
        )

    def write(self, topic: str, log_ns: int, data: bytes, publish_ns: int | None = None) -> None:
        """Write a message.

        Args:
            topic: Announced before.
            log_ns: When it arrived [ns].
            data: CDR bytes.
            publish_ns: When it was sent, where that is known [ns].
        """
        facts = self._topics[topic]
        facts.tick(log_ns)
        sent = log_ns if publish_ns is None else publish_ns
        self._writer.add_message(self._channels[topic], log_ns, data, sent, facts.count)

    def attach(self, name: str, media_type: str, data: bytes) -> None:
        """Add a file, such as a goal picture."""
        self.flush()
        now = time.time_ns()
        self._writer.add_attachment(now, now, name, media_type, data)
        self._stream.flush()

    def flush(self) -> None:
        """Close the chunk under way, so that what was written is safe from a dying process."""
        self._writer.flush()

    def close(self, extra: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Write the audit, the indexes and `metadata.yaml`.

        Args:
            extra: Further records for the metadata, each as JSON.

        Returns:
            The audit: a row for each topic, silent ones with a count of 0.
        """
        audit = [topic.audit() for topic in self._topics.values()]
        self.flush()
        records = {'audit': audit, **(extra or {})}
        for name, content in records.items():
            self._writer.add_metadata(f'jepa_wm/{name}', {'json': json.dumps(content)})
        self._writer.finish()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        text = metadata_text(self.path.name, self.topics, self._custom, self._distro)
        (self.folder / 'metadata.yaml').write_text(text, encoding='utf-8')
        return audit
