"""Makes a whole bag of an MCAP file whose recorder was killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from jepa_wm_ros.data.readers.bag_file import begins_as_mcap
from jepa_wm_ros.data.writing.bag_writer import BagWriteError, BagWriter
from jepa_wm_ros.data.writing.metadata import TopicFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was saved.

    Attributes:
        folder: The new bag.
        audit: A row for each topic.
        messages: How many.
        broken: Why reading ended; empty when the file is whole.
    """

    folder: Path
    audit: list[dict[str, Any]]
    messages: int
    broken: str


def recover(source: Path, out: Path) -> Recovery:
    """Copy what can be read of a bag into a new one; the old one stays as it is.

    Args:
        source: MCAP file, or folder with exactly one.
        out: Folder of the new bag; must not exist.

    Raises:
        BagWriteError: There is nothing to be saved, or `out` exists.
    """
    path = _file_of(source)
    if not begins_as_mcap(path):
        raise BagWriteError(f'{path} does not begin as an MCAP file: there is nothing to save')
    with path.open('rb') as stream:
        rescue = _Rescue(out)
        for record in rescue.records(stream):
            rescue.take(record)
    if rescue.writer is None:
        raise BagWriteError(
            f'{path}: not a single message can be read: {rescue.broken or "empty"}'
        )
    audit = rescue.writer.close({'recovered': {'from': path.name, 'broken': rescue.broken}})
    count = sum(row['count'] for row in audit)
    return Recovery(folder=out, audit=audit, messages=count, broken=rescue.broken)


def _file_of(source: Path) -> Path:
    if source.is_file():
        return source
    files = sorted(source.glob('*.mcap')) if source.is_dir() else []
    if len(files) != 1:
        raise BagWriteError(
            f'{source} must be an MCAP file, or a folder with exactly one; found {len(files)}'
        )
    return files[0]


class _Rescue:
    """Takes records as long as they come."""

    def __init__(self, out: Path) -> None:
        if out.exists():
            raise BagWriteError(f'{out} exists already; choose another --out')
        self._out = out
        self.writer: BagWriter | None = None
        self.broken = ''
        self._schemas: dict[int, Any] = {}
        self._channels: dict[int, str] = {}

    def records(self, stream: Any) -> Iterator[Any]:
        from mcap.exceptions import McapError
        from mcap.stream_reader import StreamReader

        try:
            yield from StreamReader(stream, validate_crcs=True).records
        except (McapError, ValueError, OverflowError, MemoryError) as error:
            self.broken = f'{type(error).__name__}: {error}'.rstrip(': ')
        except Exception as error:  # decompressors and struct raise what they like on cut data
            self.broken = f'{type(error).__name__}: {error}'

    def take(self, record: Any) -> None:
        from mcap import records

        if isinstance(record, records.Schema):
            self._schemas[record.id] = record
        elif isinstance(record, records.Channel) and record.id not in self._channels:
            self._announce(record)
        elif isinstance(record, records.Message):
            topic = self._channels[record.channel_id]
            self._bag().write(topic, record.log_time, record.data, record.publish_time)
        elif isinstance(record, records.Attachment):
            self._bag().attach(record.name, record.media_type, record.data)
        elif isinstance(record, records.Metadata) and record.name == 'jepa_wm':
            self._bag(record.metadata)

    def _bag(self, custom: dict[str, str] | None = None) -> BagWriter:
        if self.writer is None:
            self.writer = BagWriter(self._out, custom)
        return self.writer

    def _announce(self, channel: Any) -> None:
        schema = self._schemas[channel.schema_id]
        qos = yaml.safe_load(channel.metadata.get('offered_qos_profiles', '') or '[]')
        facts = TopicFacts(
            name=channel.topic,
            type=schema.name,
            type_hash=channel.metadata.get('topic_type_hash', ''),
            qos=qos if isinstance(qos, list) else [],
        )
        self._channels[channel.id] = channel.topic
        self._bag().add_topic(facts, schema.data.decode(), channel.metadata)
