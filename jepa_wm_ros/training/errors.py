"""What goes wrong in a training."""

from __future__ import annotations

from jepa_wm_ros.errors import JepaWmError


class TrainingError(JepaWmError):
    """Training cannot go on."""
