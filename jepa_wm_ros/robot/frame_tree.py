"""The chain of frames from a base to a tip, out of transforms that come one by one."""

from __future__ import annotations

from jepa_wm_ros.robot.poses import Pose


class FrameTree:
    """Keeps the newest transform of each frame and multiplies those on the way to the tip.

    Names are compared without a leading slash, which old drivers put there.
    """

    def __init__(self, base: str, tip: str) -> None:
        """Ask for the pose of frame `tip` in frame `base`."""
        self._base, self._tip = _plain(base), _plain(tip)
        self._parents: dict[str, tuple[str, Pose]] = {}

    def set(self, child: str, parent: str, pose: Pose) -> bool:
        """Keep the pose of a frame in its parent.

        Returns:
            Whether it lies between base and tip, as far as that is known by now.
        """
        self._parents[_plain(child)] = (_plain(parent), pose)
        return _plain(child) in self._chain()

    def tip(self) -> Pose | None:
        """Return the pose of the tip in the base; None while a link is missing."""
        pose = Pose.identity()
        chain = self._chain()
        if self._tip != self._base and (not chain or self._parents[chain[-1]][0] != self._base):
            return None
        for frame in chain:
            pose = self._parents[frame][1].compose(pose)
        return pose

    def _chain(self) -> list[str]:
        """Return the frames from the tip towards the base, the base left out."""
        chain: list[str] = []
        frame = self._tip
        while frame != self._base and frame in self._parents and frame not in chain:
            chain.append(frame)
            frame = self._parents[frame][0]
        return chain


def _plain(name: str) -> str:
    return name.lstrip('/')
