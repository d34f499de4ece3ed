import numpy as np
import pytest

from jepa_wm_ros.evaluation.trace import Recorder, Trace

GOAL = np.array([0.5, 0.0, 0.3])
PICTURE = np.tile(np.arange(0, 240, 10, dtype=np.uint8)[:, None, None], (1, 32, 3))


def plan(step, observed_s):
    return {
        'stamp_s': observed_s + 0.05,
        'observation_stamp_s': observed_s,
        'step': step,
        'cost': 1.0 - 0.3 * step,
        'plan_time_s': 0.03,
        'action': (0.08,) + (0.0,) * 6,
    }


@pytest.fixture
def trace():
    """Three steps towards the goal: 30, 20, 10 cm, and 1 cm at the end."""
    trace = Trace(index=2, goal=GOAL, picture=PICTURE)
    recorder = Recorder(keep_frames=True)
    recorder.begin(trace)
    for step, distance in enumerate((0.3, 0.2, 0.1)):
        recorder.on_position(10.0 + step, GOAL - [0, 0, distance])
        recorder.on_picture(10.0 + step, PICTURE)
        recorder.on_plan(**plan(step, 10.0 + step))
    recorder.on_position(13.0, GOAL - [0, 0, 0.01])
    recorder.end()
    recorder.on_position(14.0, GOAL - [0, 0, 0.9])
    trace.outcome = 'MAX_STEPS'
    return trace


def test_a_trace_becomes_the_episode_that_lockstep_would_have_written(trace):
    record = trace.record()
    np.testing.assert_allclose(record.distances_m, [0.3, 0.2, 0.1, 0.01])
    assert [step.cost for step in record.steps] == pytest.approx([1.0, 0.7, 0.4])
    assert (record.index, record.outcome) == (2, 'MAX_STEPS')


def test_the_distance_is_that_of_the_last_sample_before(trace):
    assert trace.distance_at(11.9) == pytest.approx(0.2)
    assert trace.distance_at(5.0) == pytest.approx(0.3)
    assert trace.final_distance_m == pytest.approx(0.01)


def test_a_goal_that_never_moved_has_no_record():
    silent = Trace(index=0, goal=GOAL, picture=PICTURE)
    assert silent.record() is None
    assert silent.final_distance_m is None


def test_pictures_are_kept_small_and_nearly_as_they_were(trace):
    frame = trace.frames[0]
    assert len(frame.jpeg) < PICTURE.nbytes
    assert np.abs(frame.picture().astype(int) - PICTURE).max() <= 6


def test_pictures_are_dropped_when_nobody_wants_a_video():
    trace = Trace(index=0, goal=GOAL, picture=PICTURE)
    recorder = Recorder(keep_frames=False)
    recorder.begin(trace)
    recorder.on_picture(1.0, PICTURE)
    assert trace.frames == []
