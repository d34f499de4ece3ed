import json

import cv2
import pytest

from jepa_wm_ros.evaluation.episodes import EpisodeSettings
from jepa_wm_ros.evaluation.records import EpisodeRecord, ResultsError, StepRecord, write_json
from jepa_wm_ros.evaluation.report import Report
from jepa_wm_ros.evaluation.summary import summarise

WANTED = (
    'episodes',
    'success_5cm',
    'success_3cm',
    'success_2cm',
    'ever_5cm',
    'final_distance_m_median',
    'plan_time_s_p50',
    'plan_time_s_p95',
    'seed',
    'model',
)


def record(index, *distances, plan_time_s=0.03):
    steps = tuple(
        StepRecord(action=(0.0,) * 7, distance_m=distance, cost=1.0, plan_time_s=plan_time_s)
        for distance in distances
    )
    return EpisodeRecord(
        index=index, start=(0, 0, 0), goal=(0, 0, 0.3), start_distance_m=0.3, steps=steps
    )


RECORDS = [
    record(0, 0.10, 0.01),
    record(1, 0.02, 0.025),
    record(2, 0.04, 0.045),
    record(3, 0.01, 0.20, plan_time_s=0.07),
]


def test_success_is_judged_at_the_last_step():
    figures = summarise(RECORDS, seed=5, model='m')
    assert figures['success_5cm'] == 0.75
    assert figures['success_3cm'] == 0.5
    assert figures['success_2cm'] == 0.25
    assert figures['ever_5cm'] == 1.0
    assert figures['final_distance_m_median'] == pytest.approx(0.035)
    assert figures['plan_time_s_p50'] == pytest.approx(0.03)
    low, high = figures['success_5cm_interval']
    assert 0.30 < low < 0.75 < high < 0.96


def test_exactly_at_the_threshold_is_a_success():
    assert summarise([record(0, 0.05)], seed=0, model='m')['success_5cm'] == 1.0


@pytest.fixture
def report(tmp_path):
    report = Report(folder=tmp_path / 'run', settings=EpisodeSettings(episodes=4), model='m@1')
    for entry in RECORDS:
        report.add('planner', entry)
        for baseline in ('random', 'nothing'):
            report.add(baseline, record(entry.index, 0.3, 0.31, plan_time_s=None))
    return report


def test_summary_file_has_every_key_for_planner_and_baselines(report):
    report.write()
    figures = json.loads((report.folder / 'summary.json').read_text())
    assert set(figures['baselines']) == {'random', 'nothing'}
    for part in (figures, *figures['baselines'].values()):
        assert set(WANTED) <= set(part)
    assert figures['complete'] is True
    assert figures['baselines']['nothing']['plan_time_s_p95'] is None


def test_every_step_of_every_episode_is_kept(report):
    report.write()
    episodes = json.loads((report.folder / 'episodes.json').read_text())
    assert [len(episode['steps']) for episode in episodes] == [2, 2, 2, 2]
    assert len((report.folder / 'episodes.csv').read_text().splitlines()) == 5
    assert (report.folder / 'episodes_random.csv').is_file()


def test_the_plot_is_a_picture(report):
    report.write()
    picture = cv2.imread(str(report.folder / 'plot.png'))
    assert picture is not None
    assert picture.shape[1] > 1200


def test_an_interrupted_evaluation_is_marked(report):
    report.records['planner'].pop()
    figures = report.summary()
    assert figures['complete'] is False
    assert (figures['episodes'], figures['episodes_wanted']) == (3, 4)


def test_a_missing_baseline_is_left_out_and_does_not_hide_completeness(report):
    del report.records['random']
    assert set(report.summary()['baselines']) == {'nothing'}


def test_a_file_is_whole_or_not_there(tmp_path):
    with pytest.raises(ValueError, match='Out of range float'):
        write_json(tmp_path / 'x.json', {'a': float('nan')})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ResultsError, match='choose another folder with --out'):
        write_json(tmp_path / 'file' / 'x.json', {})
