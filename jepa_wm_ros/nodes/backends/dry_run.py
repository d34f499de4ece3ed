"""Shows set-points and moves nothing."""

from __future__ import annotations

from dataclasses import replace

from jepa_wm_ros.nodes.backends.backend import ServoSettings, Wiring
from jepa_wm_ros.nodes.backends.cartesian_pose import CartesianPoseBackend
from jepa_wm_ros.robot.tool import Tool


class DryRunBackend(CartesianPoseBackend):
    """Publishes the flange that would be commanded on `dry_run_pose`; no arm listens to that."""

    moves = False
    default_topic = 'dry_run_pose'

    def __init__(self, wiring: Wiring) -> None:
        """Create the publisher, whatever the driver's own topic is called."""
        super().__init__(replace(wiring, command_topic='', tool=Tool(), servo=ServoSettings()))

    @property
    def topic(self) -> str | None:
        """None: a dry run disturbs nobody."""
        return None

    def obstacle(self) -> str:
        """Nothing is in the way: nobody has to listen."""
        return ''
