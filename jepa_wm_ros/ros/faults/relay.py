"""Passes latents from the encoder to the planner, and spoils them when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jepa_wm_msgs.msg import Latent

from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.faults.graphs import LATENT_HERE
from jepa_wm_ros.ros.tensors import decode_array, encode_array

if TYPE_CHECKING:
    from rclpy.node import Node


class LatentRelay:
    """A wire between two nodes.

    Args:
        node: Ours.

    Attributes:
        spoiled: Whether NaN is passed on instead.
    """

    def __init__(self, node: Node) -> None:
        self.spoiled = False
        self._out = node.create_publisher(Latent, 'latent', qos.latest())
        node.create_subscription(Latent, LATENT_HERE, self._on_latent, qos.latest())

    def _on_latent(self, message: Latent) -> None:
        if self.spoiled:
            message.tokens = encode_array(np.full_like(decode_array(message.tokens), np.nan))
        self._out.publish(message)
