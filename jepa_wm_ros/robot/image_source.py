"""Notices that the images of one topic are not those of one camera."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DOUBT_S = 2.0
"""How long images are not believed after a sign of a second camera [s]."""
_COUNT_S = 0.1
_STEPS_BACK = 3
_CHANGES = 2
_EARLY = 0.6
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What an image says of its camera.

    Attributes:
        frame: Its `header.frame_id`.
        stamp_s: When it was taken [s].
        encoding: Of its numbers; of a compressed image its format.
        size: Width and height; None where decoding would tell.
    """

    frame: str
    stamp_s: float
    encoding: str
    size: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        """Size and encoding, for people."""
        if self.size is None:
            return self.encoding
        return f'{self.size[0]} x {self.size[1]} {self.encoding}'


@dataclass(slots=True)
class ImageSourceWatch:
    """Says which images are not to be believed, because they may come from another camera.

    Nothing in a latent tells which camera it comes from: a planner that gets two views in turn
    sees a world that jumps. So there must be one publisher, and its images say one frame, which
    is `camera_frame` or that of the first image; another frame for good is another camera, and
    is believed only after `forget`. Size and encoding may change, but images that alternate are
    those of two cameras, and so are those whose stamps go back again and again.

    Args:
        camera_frame: The frame that images must have; empty takes that of the first one.
        count: Says what is wrong with the publishers of the topic, empty when all is well; it is
            asked a few times a second, and at once on any sign of a second camera. Bags have none.
    """

    camera_frame: str = ''
    count: Callable[[], str] = lambda: ''
    _home: str | None = None
    _last: ImageFacts | None = None
    _publishers: str = ''
    _counted_s: float = field(default=float('-inf'))
    _doubt: str = ''
    _doubt_until_s: float = field(default=float('-inf'))
    _period_s: float | None = None
    _back_s: deque[float] = field(default_factory=lambda: deque(maxlen=_STEPS_BACK))
    _changed_s: deque[float] = field(default_factory=lambda: deque(maxlen=_CHANGES))

    def look(self, image: ImageFacts, now_s: float) -> str:
        """Take in an image.

        Args:
            image: What it says of its camera.
            now_s: When it came, on a clock that never jumps [s]; for bags when it was recorded.

        Returns:
            Why it is not to be believed, for people; empty when all is well.
        """
        last, self._last = self._last, image
        sign = self._sign(image, last, now_s)
        due = not 0.0 <= now_s - self._counted_s < _COUNT_S
        if due or sign or self._publishers:
            self._counted_s = now_s
            self._publishers = self.count()
        return self._publishers or self._stranger(image, now_s) or self._doubted(now_s)

    def forget(self) -> None:
        """Believe the next image, whatever its frame."""
        self._home = self._last = self._period_s = None
        self._publishers = self._doubt = ''
        self._counted_s = self._doubt_until_s = float('-inf')
        self._back_s.clear()
        self._changed_s.clear()

    def _sign(self, image: ImageFacts, last: ImageFacts | None, now_s: float) -> bool:
        """Compare an image with the one before; true when it may be another camera's."""
        if last is None:
            return True
        step_s = image.stamp_s - last.stamp_s
        if step_s <= 0.0:
            self._step_back(step_s, now_s)
            return True
        if image.kind != last.kind:
            if _again_and_again(self._changed_s, now_s):
                what = f'the images change between {last.kind} and {image.kind}'
                self._begin_doubt(what, now_s)
            return True
        usual_s = self._period_s
        early = usual_s is not None and step_s < _EARLY * usual_s
        self._period_s = step_s if usual_s is None else usual_s + _SMOOTHING * (step_s - usual_s)
        return early or image.frame != last.frame

    def _step_back(self, step_s: float, now_s: float) -> None:
        """One step back is a clock that was reset, or a bag that begins anew."""
        if step_s == 0.0:
            return  # the camera repeats an image, or somebody does
        if _again_and_again(self._back_s, now_s):
            self._begin_doubt(
                f'the stamps of the images go back and forth, now by {-step_s:.3f} s', now_s
            )

    def _begin_doubt(self, what: str, now_s: float) -> None:
        self._doubt = f'{what}: they look like those of two cameras'
        self._doubt_until_s = now_s + DOUBT_S

    def _stranger(self, image: ImageFacts, now_s: float) -> str:
        """Judge the frame of an image."""
        wanted = self.camera_frame or self._home
        if wanted is None:
            self._home = image.frame
            return ''
        if image.frame == wanted:
            return ''
        if self.camera_frame:
            found = f'an image is in the frame {image.frame!r}, camera_frame says {wanted!r}'
            advice = 'stop that camera, or set camera_frame'
        else:
            found = f'the images were in the frame {wanted!r}, now one is in {image.frame!r}'
            advice = (
                'that is another camera; stop one of them, or deactivate and activate the encoder '
                'to use the other'
            )
        self._doubt = f'{found}: {advice}'
        self._doubt_until_s = now_s + DOUBT_S
        return self._doubt

    def _doubted(self, now_s: float) -> str:
        """Keep a doubt for a while: the other camera may only be slower."""
        if 0.0 < self._doubt_until_s - now_s <= DOUBT_S:
            return self._doubt
        return ''


def _again_and_again(moments_s: deque[float], now_s: float) -> bool:
    """Note that something has happened; true when it happens often."""
    moments_s.append(now_s)
    return len(moments_s) == moments_s.maxlen and now_s - moments_s[0] <= DOUBT_S
