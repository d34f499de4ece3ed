"""Quality-of-service profiles, one for each kind of topic that our nodes have."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def sensor(depth: int = 1) -> QoSProfile:
    """Best effort, volatile: accepts every camera and joint driver, reliable or not.

    Args:
        depth: How many samples wait for us; 1 for pictures (only the newest counts).
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched() -> QoSProfile:
    """Reliable and kept for late joiners, depth 1 (goal picture, status)."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def latest() -> QoSProfile:
    """Reliable, only the newest sample (latents, plans, robot commands).

    A deeper queue would replay stale commands after a stall.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


def events() -> QoSProfile:
    """Reliable with a short queue: messages that each count (diagnostics, executed actions)."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=10,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )
