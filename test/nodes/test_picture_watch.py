import numpy as np
import pytest

from jepa_wm_ros.nodes.picture_watch import PictureWatch

HERE, NEAR, FAR = np.zeros(3), np.array([0.005, 0, 0]), np.array([0.0, 0.02, 0])


@pytest.fixture
def watch():
    """A watch that has seen one picture, and its first repetition."""
    watch = PictureWatch(motion_m=0.01)
    assert watch.look(1, 10.0, HERE) == ''
    assert watch.look(1, 10.1, HERE) == ''
    return watch


def test_equal_pictures_of_an_arm_at_rest_are_fine(watch):
    assert watch.look(1, 10.2, HERE) == ''
    assert watch.look(1, 99.0, NEAR) == ''


def test_equal_pictures_of_a_moving_arm_are_frozen(watch):
    watch.look(1, 10.2, NEAR)
    assert 'while the arm moved 20 mm' in watch.look(1, 10.3, FAR)
    assert watch.look(1, 10.4, FAR)


def test_slow_motion_adds_up(watch):
    for step in range(1, 5):
        assert watch.look(1, 10.1 + step / 10, np.array([0.002 * step, 0, 0])) == ''
    assert watch.look(1, 10.6, np.array([0.0101, 0, 0]))


def test_a_new_picture_ends_it(watch):
    assert watch.look(1, 10.2, FAR)
    assert watch.look(2, 10.3, FAR) == ''
    assert watch.look(2, 10.4, FAR) == ''


def test_a_position_that_comes_late_is_not_taken_for_a_motion():
    watch = PictureWatch(motion_m=0.01)
    # a picture after a reset, still paired with the position before it
    assert watch.look(1, 10.0, np.array([0.3, 0.3, 0])) == ''
    assert watch.look(1, 10.07, HERE) == ''
    assert watch.look(1, 10.13, HERE) == ''


def test_an_arm_that_is_suddenly_elsewhere_has_been_reset(watch):
    elsewhere = np.array([0.0, 0.4, 0.2])
    assert watch.look(1, 10.17, elsewhere) == ''
    assert watch.look(1, 10.24, elsewhere) == ''
    assert watch.look(1, 10.31, elsewhere + FAR)


def test_without_a_position_nothing_is_proven(watch):
    assert watch.look(1, 10.2, None) == ''
    assert watch.look(1, 10.3, FAR)


def test_a_stamp_that_does_not_advance_is_an_old_picture(watch):
    assert 'stamp 10.100 s again' in watch.look(2, 10.1, HERE)
    assert 'again' in watch.look(3, 10.0, HERE)
    assert watch.look(3, 10.2, HERE) == ''


def test_a_clock_that_was_reset_begins_a_new_life(watch):
    assert watch.look(1, 2.0, FAR) == ''
    assert watch.look(1, 2.1, FAR) == ''


def test_time_alone_proves_it_where_cameras_have_noise():
    watch = PictureWatch(after_s=0.5)
    assert watch.look(1, 10.0) == ''
    assert watch.look(1, 10.4) == ''
    assert 'repeated one picture for 0.60 s' in watch.look(1, 10.6)
