"""Images of one topic that come from more than one camera, on clocks that the test moves."""

import itertools

import pytest

from jepa_wm_ros.robot.image_source import DOUBT_S, ImageFacts, ImageSourceWatch

PERIOD_S = 1.0 / 30.0


class Stream:
    """Cameras on one topic, and what is said of their images."""

    def __init__(self, **settings) -> None:
        self.publishers = ''
        self.counted = 0
        self.watch = ImageSourceWatch(count=self._count, **settings)
        self.now_s = 100.0

    def _count(self):
        self.counted += 1
        return self.publishers

    def image(self, frame='eye', size=(640, 360), encoding='rgb8', late_s=0.0, after_s=PERIOD_S):
        self.now_s += after_s
        facts = ImageFacts(frame=frame, stamp_s=self.now_s - late_s, encoding=encoding, size=size)
        return self.watch.look(facts, self.now_s)

    def images(self, seconds, **named):
        """What was said of each of some images."""
        return [self.image(**named) for _ in range(round(seconds / PERIOD_S))]


@pytest.fixture
def stream():
    stream = Stream()
    assert set(stream.images(1.0)) == {''}
    return stream


def test_one_camera_is_believed_and_publishers_are_counted_now_and_then(stream):
    counted = stream.counted
    assert set(stream.images(10.0)) == {''}
    assert 60 <= stream.counted - counted <= 110


def test_publishers_are_counted_again_and_what_is_wrong_ends_with_them(stream):
    stream.publishers = '/camera has /a, /b (2 publishers)'
    said = stream.images(0.5)
    assert said[-1] == stream.publishers
    assert said.count('') <= 4
    stream.publishers = ''
    assert stream.images(0.5)[-1] == ''


def test_publishers_are_counted_at_once_when_an_image_comes_early(stream):
    stream.publishers = 'two'
    assert stream.image(after_s=0.3 * PERIOD_S) == 'two'


def test_another_frame_is_not_believed_nor_the_first_one_beside_it(stream):
    said = stream.image('other')
    assert "in the frame 'eye', now one is in 'other'" in said
    assert stream.image('eye') == said
    assert all(stream.images(DOUBT_S - 0.1))
    assert stream.images(0.5)[-1] == ''


def test_another_frame_for_good_is_believed_when_that_is_wanted(stream):
    assert all(stream.images(3 * DOUBT_S, frame='other'))
    stream.watch.forget()
    assert set(stream.images(1.0, frame='other')) == {''}


def test_a_camera_that_begins_anew_in_its_frame_goes_on(stream):
    assert stream.image(after_s=30.0) == ''
    assert set(stream.images(1.0)) == {''}


def test_a_wanted_frame_is_wanted_from_the_first_image_on():
    stream = Stream(camera_frame='eye')
    assert "camera_frame says 'eye'" in stream.image('other')
    assert stream.images(DOUBT_S + 0.1)[-1] == ''


@pytest.mark.parametrize('change', [{'size': (320, 240)}, {'encoding': 'bgra8'}])
def test_size_and_encoding_may_change_but_not_in_turn(stream, change):
    assert set(stream.images(1.0, **change)) == {''}
    kinds = itertools.cycle([{}, change])
    said = [stream.image(**next(kinds)) for _ in range(100)]
    assert all(said[3:])
    assert 'two cameras' in said[-1]
    assert stream.images(DOUBT_S + 0.1, **change)[-1] == ''


@pytest.mark.parametrize('late_s', [0.2, 7.0], ids=['a little', 'as after a reset'])
def test_stamps_that_go_back_again_and_again_are_those_of_two_cameras(stream, late_s):
    lates = itertools.cycle([late_s, 0.0])
    said = [stream.image(late_s=next(lates)) for _ in range(20)]
    assert 'back and forth' in said[-1]
    assert said.index(said[-1]) <= 6
    assert stream.images(DOUBT_S + 0.1)[-1] == ''


def test_a_clock_that_is_reset_once_is_none(stream):
    assert set(stream.images(5.0, late_s=50.0)) == {''}


def test_an_image_that_comes_twice_is_not_that_of_another_camera(stream):
    stamp_s = stream.now_s
    for _ in range(20):
        stream.now_s += PERIOD_S
        facts = ImageFacts(frame='eye', stamp_s=stamp_s, encoding='rgb8', size=(640, 360))
        assert stream.watch.look(facts, stream.now_s) == ''


def test_compressed_images_have_a_format_only():
    stream = Stream()
    assert set(stream.images(1.0, size=None, encoding='jpeg')) == {''}
    assert stream.image(size=None, encoding='png') == ''
    assert 'between png and jpeg' in stream.image(size=None, encoding='jpeg')
