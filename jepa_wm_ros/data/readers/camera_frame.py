"""The frame in which a bag's camera takes its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_wm_ros.data.readers.bag_file import IMAGES, find_bags, open_bag
from jepa_wm_ros.data.readers.bags import camera_topics
from jepa_wm_ros.data.readers.mapping import read_mapping

if TYPE_CHECKING:
    from pathlib import Path


def camera_frame(place: Path, camera: str = '') -> str:
    """Return `header.frame_id` of the first picture.

    Args:
        place: Bag, or folder of bags.
        camera: Camera of the mapping; empty takes the first.

    Returns:
        The frame; empty when there are no bags or no pictures, as in other recordings.
    """
    mapping = read_mapping(None)
    for path in find_bags(place)[:1]:
        with open_bag(path) as bag:
            topic = bag.find(camera_topics(mapping, camera), IMAGES, 'pictures')
            for message in bag.messages([topic] if topic else []):
                return str(bag.decode(message).header.frame_id)
    return ''
