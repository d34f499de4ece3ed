"""A soak is judged by its notes: what grows, what is missed, and what explains it."""

import json

import numpy as np
import pytest

from jepa_wm_ros.evaluation.soak.figure import plot_soak
from jepa_wm_ros.evaluation.soak.growth import by_minute, change, grow
from jepa_wm_ros.evaluation.soak.journal import Journal, JournalError, read_journal
from jepa_wm_ros.evaluation.soak.summary import soak_summary

MIB = 2**20
HOUR_S = 3600.0


def series(per_hour, *, hours=1.5, level=400.0, noise=0.05, seed=0):
    times = np.arange(0.0, hours, 1 / 60)
    rng = np.random.default_rng(seed)
    return times, level + per_hour * times + noise * rng.standard_normal(len(times))


def test_a_slope_is_found_with_an_interval_around_it():
    growth = grow([series(2.0)])
    assert growth.low < 2.0 < growth.high
    assert growth.slope == pytest.approx(2.0, abs=0.1)
    assert growth.percent[0] == pytest.approx(0.5, abs=0.03)


def test_outliers_do_not_mislead():
    times, values = series(0.0)
    values[::7] += 80.0
    assert abs(grow([(times, values)]).slope) < 0.2


def test_lives_share_a_slope_and_not_a_level():
    growth = grow([series(3.0, level=100.0), series(3.0, level=300.0, seed=1)])
    assert growth.slope == pytest.approx(3.0, abs=0.1)


def test_steps_count_as_few_points():
    times = np.arange(0.0, 1.5, 1 / 60)
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.standard_normal(len(times)))
    alone = grow([(times, 400.0 + rng.standard_normal(len(times)))])
    together = grow([(times, 400.0 + steps)])
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_too_few_points_say_nothing():
    assert grow([(np.arange(3.0), np.ones(3))]) is None
    assert change([(np.arange(3.0), np.ones(3))]) is None


def test_minutes_are_told_by_their_medians():
    times, values = by_minute(np.array([0.0, 10.0, 50.0, 70.0]), np.array([1.0, 9.0, 2.0, 4.0]))
    np.testing.assert_allclose(values, [2.0, 4.0])
    np.testing.assert_allclose(times, [0.5 / 60, 1.5 / 60])


@pytest.mark.parametrize(
    ('values', 'more'),
    [
        ([15] * 20, 0.0),
        ([15] * 10 + [16] + [15] * 9, 0.0),  # one that came and went
        ([15] * 10 + [17] * 10, 2.0),
        ([15, 16] * 5 + [14] * 10, 0.0),
    ],
)
def test_what_stays_above_the_beginning_has_grown(values, more):
    assert change([(np.arange(20.0), np.array(values, float))]) == more


def notes_of(*, growth=0.0, threads=15, gap_reason=None, minutes=120, killed_at=None):
    """Notes of a soak of one process, as the command writes them."""
    notes = {
        'begin': [{'seed': 1, 'model': 'm@1', 'length_s': 60.0 * minutes, 'settle_s': 1200.0}],
        'sample': [],
        'minute': [],
        'gap': [],
        'goal': [],
        'machine': [],
    }
    life, rng = 1, np.random.default_rng(0)
    for t_s in np.arange(0.0, 60.0 * minutes, 10.0):
        if killed_at is not None and t_s >= killed_at:
            life = 2
        rss = 400 * MIB * (1 + growth / 100 * t_s / HOUR_S) + 1000 * rng.standard_normal()
        notes['sample'].append(
            {
                't_s': t_s,
                'process': 'policy',
                'life': life,
                'rss_bytes': rss,
                'private_bytes': rss / 2,
                'threads': threads if t_s > 60.0 * minutes / 2 else 15,
                'handles': 19,
            }
        )
    for number in range(minutes):
        notes['minute'].append(
            {
                't_s': 60.0 * (number + 1),
                'commands': 4000,
                'unseen': 0,
                'missed': 0,
                'longest_s': 0.012,
                'plans': 60,
                **{f'{n}_{p}_s': 0.1 for n in ('plan', 'first_command') for p in ('p50', 'p95')},
                'plan_max_s': 0.2,
                'first_command_max_s': None,
            }
        )
    if gap_reason is not None:
        notes['gap'].append({'t_s': 100.0, 'periods': 5.0, 'reason': gap_reason, 'lost_s': {}})
    notes['goal'] = [
        {'t_s': 5.0, 'act': 'none', 'code': 'REACHED', 'message': '', 'reason': 'regular'},
        {'t_s': 9.0, 'act': 'none', 'code': 'FAULT', 'message': 'why', 'reason': ''},
    ]
    return notes


def test_a_quiet_soak_keeps_all_bars():
    summary = soak_summary(notes_of())
    assert set(summary['verdicts'].values()) == {'kept'}
    assert summary['complete']
    assert summary['processes']['policy']['threads'] == [15, 15]
    assert summary['latencies_s']['first_command_max_s'] is None


def test_memory_that_grows_breaks_its_bar_and_no_other():
    verdicts = soak_summary(notes_of(growth=2.0))['verdicts']
    assert verdicts['memory'] == 'broken'
    assert {verdicts[name] for name in ('threads', 'handles', 'deadlines')} == {'kept'}


def test_growth_before_the_process_has_settled_does_not_count():
    notes = notes_of()
    for sample in notes['sample']:
        if sample['t_s'] < 1200.0:
            sample['rss_bytes'] *= sample['t_s'] / 1200.0
    assert soak_summary(notes)['verdicts']['memory'] == 'kept'


def test_a_new_life_is_fitted_by_itself():
    notes = notes_of(killed_at=3600.0)
    for sample in notes['sample']:
        if sample['life'] == 2:
            sample['rss_bytes'] += 50 * MIB
    summary = soak_summary(notes)
    assert summary['processes']['policy']['lives'] == 2
    assert summary['verdicts']['memory'] == 'kept'


def test_threads_that_stay_break_their_bar():
    assert soak_summary(notes_of(threads=16))['verdicts']['threads'] == 'broken'


def test_only_what_is_not_explained_breaks_the_deadlines():
    assert soak_summary(notes_of(gap_reason='kill of policy'))['verdicts']['deadlines'] == 'kept'
    summary = soak_summary(notes_of(gap_reason=''))
    assert summary['verdicts']['deadlines'] == 'broken'
    assert summary['deadlines_unexplained'][0]['periods'] == 5.0


def test_a_short_soak_leaves_the_question_open():
    assert soak_summary(notes_of(minutes=10))['verdicts']['memory'] == 'open'


def test_goals_that_ended_for_no_known_reason_are_told():
    goals = soak_summary(notes_of())['goals']
    assert goals['ends'] == {'REACHED': 1, 'FAULT': 1}
    assert [goal['code'] for goal in goals['unexpected']] == ['FAULT']


def test_the_summary_is_json_and_the_picture_is_drawn(tmp_path):
    notes = notes_of(gap_reason='')
    summary = soak_summary(notes)
    json.dumps(summary, allow_nan=False)
    plot_soak(tmp_path / 'soak.png', notes, summary)
    assert (tmp_path / 'soak.png').stat().st_size > 10_000


def test_each_note_is_in_the_file_at_once_and_a_cut_line_is_left_out(tmp_path):
    journal = Journal(tmp_path)
    journal.note('begin', seed=1)
    journal.note('life', process='policy')
    assert len(read_journal(tmp_path)['life']) == 1  # although it is not closed
    with (tmp_path / 'samples.jsonl').open('a') as file:
        file.write('{"kind": "life", "proc')
    assert len(read_journal(tmp_path)['life']) == 1
    Journal(tmp_path).note('life', process='sim')  # who goes on removes the cut line
    assert [note['process'] for note in read_journal(tmp_path)['life']] == ['policy', 'sim']


def test_what_is_no_soak_is_told(tmp_path):
    with pytest.raises(JournalError, match='give the folder of a soak'):
        read_journal(tmp_path)
    (tmp_path / 'samples.jsonl').write_text('{"kind": "begin"}\nnonsense\n{"kind": "life"}\n')
    with pytest.raises(JournalError, match='line 2'):
        read_journal(tmp_path)
