"""The frame in which a bag's arm was moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.data.readers.bag_file import find_bags, open_bag

if TYPE_CHECKING:
    from pathlib import Path

_TOPIC = 'safety_status'
_TYPES = ('jepa_wm_msgs/msg/SafetyStatus',)


def base_frame(place: Path) -> str:
    """Return the base frame that our action publisher told.

    Args:
        place: Bag, or folder of bags.

    Returns:
        The frame; empty when the bag has no state of it.
    """
    for path in find_bags(place)[:1]:
        with open_bag(path) as bag:
            names = [name for name in bag.topics if name.rsplit('/', 1)[-1] == _TOPIC]
            topic = bag.find(names, _TYPES, 'states of the action publisher')
            for message in bag.messages([topic] if topic else []):
                return message.frame_id
    return ''
