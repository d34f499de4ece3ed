"""The soak: who watches, what happens when, and what explains a missed deadline."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from contracts import small_contract

from jepa_wm_ros.ros.soak import procfs
from jepa_wm_ros.ros.soak.agenda import ACTS, KILLED, LIFE_CYCLE, draw_act, draw_events
from jepa_wm_ros.ros.soak.sampling import Sampler, explain
from jepa_wm_ros.ros.soak.stalls import Stall, StallMeter
from jepa_wm_ros.ros.soak.wire import CommandWatch, WireFigures
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.families import build


def watched(commands):
    figures, watch = WireFigures(), CommandWatch()
    for sent_s, speed in commands:
        watch.seen(sent_s, speed, figures)
    return figures


def test_a_regular_motion_misses_nothing():
    figures = watched([(0.01 * n, 0.1) for n in range(50)])
    assert (figures.missed, figures.gaps) == (0, [])
    assert figures.longest_s == pytest.approx(0.01)


def test_a_motion_that_ended_may_be_followed_by_silence():
    figures = watched([(0.00, 0.1), (0.01, 0.0), (3.0, 0.1), (3.01, 0.1)])
    assert (figures.missed, figures.gaps) == (0, [])


def test_silence_in_a_motion_is_missed_periods_and_a_long_one_a_missed_deadline():
    figures = watched([(0.00, 0.1), (0.02, 0.1), (0.06, 0.1)])
    assert figures.missed == 1 + 3
    (gap,) = figures.gaps
    assert gap.periods == pytest.approx(4.0)


def test_messages_that_did_not_reach_us_are_no_silence():
    figures, watch = WireFigures(), CommandWatch()
    for sent_s, number in ((0.00, 7), (0.01, 8), (0.30, 12), (0.31, 13)):
        watch.seen(sent_s, 0.1, figures, number)
    assert (figures.missed, figures.gaps, figures.unseen) == (0, [], 3)
    watch.seen(0.61, 0.1, figures, 1)  # of another life of the sender
    assert len(figures.gaps) == 1


class Watcher:
    """Stands for a sampler that knows what was lost."""

    def __init__(self, crowd=1.0, **lost):
        self.lost, self._crowd = lost, crowd

    def crowd(self, began_s, ended_s):
        return self._crowd

    def lost_s(self, began_s, ended_s):
        return self.lost


@pytest.mark.parametrize(
    ('events', 'stalls', 'lost', 'reason'),
    [
        ([], [], {}, ''),
        ([(9.0, 10.5, 'kill of policy')], [], {}, 'kill of policy'),
        ([(7.0, 9.0, 'kill of policy')], [], {}, ''),
        ([], [Stall(began_s=9.99, ended_s=10.05, what='core')], {}, 'a core stood still'),
        ([], [Stall(began_s=10.0, ended_s=10.005, what='core')], {}, ''),
        ([], [], {'waiting for a core': 0.03}, 'waited for a core'),
        ([], [], {'waiting for a core': 0.01}, ''),
        ([], [], {'steal': 0.05}, 'steal'),
        ([], [], {'crowd': 5.0}, 'overloaded'),
    ],
)
def test_a_missed_deadline_is_explained_by_what_took_as_much_time(events, stalls, lost, reason):
    meter = StallMeter()
    for stall in stalls:
        meter.add(stall)
    said, _ = explain(10.0, 10.05, events, meter, Watcher(**lost), allowed_s=0.03)
    assert (reason in said) if reason else said == ''


def test_a_watcher_of_a_core_is_heard(tmp_path):
    meter = StallMeter()
    meter.listen(['core 1.0 1.5\n', 'nonsense\n', 'clock 2.0 2.2\n'])
    assert meter.during(1.2, 2.1) == pytest.approx({'core': 0.3, 'clock': 0.1})


def test_events_come_by_seed_each_kind_at_least_once_and_late_ones_not():
    events = draw_events(1, 120.0, kill_every_s=2700.0)
    assert events == draw_events(1, 120.0, kill_every_s=2700.0)
    assert events != draw_events(2, 120.0, kill_every_s=2700.0)
    assert {event.what for event in events} == {'drops', 'sound', 'life cycle', 'kill'}
    assert all(0.0 < event.at_s < 120.0 for event in events)
    later = draw_events(1, 120.0, kill_every_s=2700.0, begin_s=60.0)
    assert later == [event for event in events if event.at_s >= 60.0]
    long = draw_events(1, 7200.0, kill_every_s=2700.0)
    assert {e.who for e in long if e.what == 'life cycle'} == set(LIFE_CYCLE)
    assert {e.who for e in long if e.what == 'kill'} == set(KILLED)
    assert not any(e.what == 'kill' for e in draw_events(1, 7200.0, kill_every_s=0.0))


def test_acts_of_all_kinds_are_drawn():
    rng = np.random.default_rng(0)
    assert {draw_act(rng).name for _ in range(400)} == set(ACTS)
    assert sum(ACTS.values()) == pytest.approx(1.0)


def test_a_process_is_looked_at_and_one_that_is_gone_is_none():
    sample = procfs.sample_process(os.getpid())
    assert sample.rss_bytes > 10_000_000
    assert sample.threads >= threading.active_count()
    with open(os.devnull):
        assert procfs.sample_process(os.getpid()).handles == sample.handles + 1
    assert procfs.sample_memory(os.getpid()).private_bytes > 0
    assert procfs.waited_s(os.getpid()) >= 0.0
    child = subprocess.Popen([sys.executable, '-c', ''])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert procfs.sample_process(child.pid) is None  # it has ended, and nobody has looked
    child.wait()
    assert procfs.sample_process(child.pid) is None
    assert procfs.sample_memory(child.pid) is None
    assert np.isnan(procfs.waited_s(child.pid))


def test_the_sampler_notes_each_process_with_its_life():
    notes, seen = [], threading.Event()

    def note(kind, **values):
        notes.append((kind, values))
        if kind == 'sample':
            seen.set()

    sampler = Sampler(lambda: {'me': (os.getpid(), 3)}, note, every_s=60.0, watched='me')
    sampler.start()
    assert seen.wait(20.0)
    sampler.end()
    values = dict(notes)['sample']
    assert (values['process'], values['life'], values['pid']) == ('me', 3, os.getpid())
    assert values['private_bytes'] > 0
    assert 'machine' in dict(notes)


@pytest.fixture
def bundle(tmp_path):
    contract = small_contract({'samples': 16, 'elites': 4, 'iterations': 1}, name='untrained')
    return save_bundle(tmp_path / 'untrained', build(contract, tmp_path / 'untrained'), contract)


@pytest.mark.timeout(400)  # the whole graph starts, and parts of it again
def test_a_soak_runs_restarts_and_reports(tmp_path, bundle, capsys):
    from jepa_wm_ros.cli.main import main

    run = tmp_path / 'run'
    words = ['bench', 'soak', '--model', str(bundle), '--minutes', '0.7', '--sample-s', '1']
    assert main([*words, '--out', str(run)]) in (0, 1)
    summary = json.loads((run / 'summary.json').read_text())
    assert summary['processes']['policy']['lives'] == 2
    assert summary['goals']['count'] > 1
    assert {'kill of policy', 'life cycle of planner', 'drops of sim'} <= set(summary['events'])
    assert summary['complete']
    assert (run / 'soak.png').exists()
    capsys.readouterr()
    (run / 'summary.json').unlink()
    main(['bench', 'soak', '--report', str(run)])
    assert json.loads((run / 'summary.json').read_text()) == summary
    assert 'memory: open' in capsys.readouterr().out
    assert main([*words, '--out', str(run)]) == 1
    assert '--resume' in capsys.readouterr().err
