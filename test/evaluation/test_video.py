import dataclasses

import cv2
import numpy as np
import pytest

from jepa_wm_ros.evaluation.foresight import foresee
from jepa_wm_ros.evaluation.goals_report import goals_summary, plot_goals, still_goals
from jepa_wm_ros.evaluation.movie import Movie, MovieError, check_movie
from jepa_wm_ros.evaluation.records import ResultsError
from jepa_wm_ros.evaluation.trace import Recorder, Trace
from jepa_wm_ros.evaluation.video import FPS, HOLD_S, SIZE, write_video

GOAL = np.array([0.5, 0.0, 0.3])


def picture(level):
    image = np.full((90, 160, 3), level, np.uint8)
    image[20:40, 30:60] = (200, 60, 20)
    return image


@pytest.fixture
def traces():
    """Two goals of one second each: ten pictures, two plans."""
    recorder = Recorder(keep_frames=True)
    traces = [Trace(index=index, goal=GOAL, picture=picture(120)) for index in range(2)]
    for trace in traces:
        recorder.begin(trace)
        for tenth in range(11):
            recorder.on_position(5.0 + tenth / 10, GOAL - [0, 0, 0.3 - 0.028 * tenth])
            recorder.on_picture(5.0 + tenth / 10, picture(40 + 10 * tenth))
        for step in range(2):
            recorder.on_plan(
                stamp_s=5.1 + step / 2, observation_stamp_s=5.0 + step / 2, step=step,
                cost=1.0 - step / 2, plan_time_s=0.03, action=(0.0,) * 7,
            )  # fmt: skip
        recorder.end()
        trace.outcome = 'REACHED'
    return traces


def read(path):
    capture = cv2.VideoCapture(str(path))
    pictures = []
    while (taken := capture.read())[0]:
        pictures.append(cv2.cvtColor(taken[1], cv2.COLOR_BGR2RGB))
    return pictures


def test_the_video_shows_every_moment_of_every_goal(tmp_path, traces):
    told = []
    path = tmp_path / 'demo.mp4'
    count = write_video(path, traces, lambda done, total: told.append((done, total)))
    pictures = read(path)
    expected = 2 * (round((1.0 + HOLD_S) * FPS) + 1)
    assert count == len(pictures) == expected
    assert told[-1] == (expected, expected)
    assert pictures[0].shape == (SIZE[1], SIZE[0], 3)


def test_camera_and_goal_picture_are_side_by_side(tmp_path, traces):
    path = tmp_path / 'demo.mp4'
    write_video(path, traces[:1])
    pictures = read(path)
    at_end = pictures[-1][380, 300].mean(), pictures[-1][380, 900].mean()
    assert at_end == pytest.approx((140, 120), abs=6)
    assert pictures[0][380, 300].mean() == pytest.approx(40, abs=6)


def test_what_is_expected_stands_beside_the_goal_from_the_first_plan_on(tmp_path, traces):
    path = tmp_path / 'demo.mp4'
    traces[0].expected = [np.full((32, 32, 3), level, np.uint8) for level in (90, 160)]
    write_video(path, traces[:1])
    pictures = read(path)
    middle = [taken[250, 1056].mean() for taken in pictures]
    assert middle[0] == pytest.approx(229, abs=8)
    assert middle[4] == pytest.approx(90, abs=6)
    assert middle[-1] == pytest.approx(160, abs=6)
    assert pictures[-1][270, 500].mean() == pytest.approx(120, abs=6)


class Colours:
    """Draws the token of a `PointModel` as the colour that it was read from."""

    def decode(self, latent):
        colour = (20.0 * latent.tokens[..., 0, :] + 100.0) / 255.0
        return colour[..., None, None].expand(*colour.shape, 4, 4)


def test_what_is_expected_is_the_end_of_each_plan(point_model, traces):
    trace = traces[0]
    trace.plans[:] = [
        dataclasses.replace(plan, planned=((0.1, 0.0, -0.05, *[0.0] * 4),) * number)
        for number, plan in enumerate(trace.plans, start=1)
    ]
    foresee(point_model, Colours(), [trace])
    seen = [trace.frames[0].picture(), trace.frames[5].picture()]
    for number, (before, after) in enumerate(zip(seen, trace.expected, strict=True), start=1):
        square = before[:, 35:125]  # what the model's camera contract cuts out
        moved = after.mean((0, 1)) - square.mean((0, 1))
        assert moved == pytest.approx(np.array([20.0, 0.0, -10.0]) * number, abs=2.0)


def test_plans_that_are_not_known_whole_have_nothing_expected(point_model, traces):
    foresee(point_model, Colours(), traces)
    assert traces[0].expected == []


def test_only_a_complete_video_has_its_name(tmp_path):
    def interrupted():
        with Movie(tmp_path / 'a.mp4', (64, 64), 10) as movie:
            movie.write(np.zeros((64, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_the_encoder_of_opencv_works_where_ffmpeg_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', '')
    with Movie(tmp_path / 'a.mp4', (64, 64), 10) as movie:
        for _ in range(5):
            movie.write(np.zeros((64, 64, 3), np.uint8))
    check_movie(tmp_path / 'a.mp4', 5)


def test_a_damaged_video_is_noticed(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'nothing')
    with pytest.raises(MovieError, match='0 of 5 pictures'):
        check_movie(tmp_path / 'a.mp4', 5)


def test_nothing_to_show_makes_no_file(tmp_path):
    silent = Trace(index=0, goal=GOAL, picture=picture(9))
    assert write_video(tmp_path / 'a.mp4', [silent]) == 0
    assert not still_goals(tmp_path / 'still.png', [silent])
    assert list(tmp_path.iterdir()) == []


def test_plot_and_still_are_pictures(tmp_path, traces):
    plot_goals(tmp_path / 'plot.png', traces, 'two goals')
    assert still_goals(tmp_path / 'still.png', traces)
    for name in ('plot.png', 'still.png'):
        assert cv2.imread(str(tmp_path / name)).std() > 10
    lower = cv2.imread(str(tmp_path / 'still.png')).shape[0]
    traces[1].expected = [picture(70)] * 2
    assert still_goals(tmp_path / 'still.png', traces)
    assert cv2.imread(str(tmp_path / 'still.png')).shape[0] == lower * 4 / 3


def test_a_plot_that_cannot_be_written_is_one_clear_line(tmp_path, traces):
    with pytest.raises(ResultsError, match=r'cannot write .* free some space'):
        plot_goals(tmp_path / 'missing' / 'plot.png', traces, 'two goals')


def test_the_summary_has_a_row_for_each_goal_even_one_that_failed(traces):
    failed = Trace(index=2, goal=GOAL, picture=picture(9), outcome='FAULT', message='camera')
    figures = goals_summary([*traces, failed], seed=1, model='m', wanted=3)
    assert [row['outcome'] for row in figures['goals']] == ['REACHED', 'REACHED', 'FAULT']
    assert figures['goals'][0]['start_distance_m'] == pytest.approx(0.3)
    assert figures['goals'][0]['final_distance_m'] == pytest.approx(0.02)
    assert figures['success_5cm'] == 1.0
    assert figures['episodes'] == 2
    assert figures['complete'] is False
