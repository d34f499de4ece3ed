"""Rows of a study: known answers."""

from __future__ import annotations

from typing import Any

import pytest

from jepa_wm_ros.evaluation.statistics import wilson_interval
from jepa_wm_ros.evaluation.studies.page import label_of, page
from jepa_wm_ros.evaluation.studies.summary import marginals_of, rows_of


def result(labels: dict[str, str], final_cm: list[float], seed: int | None = 0) -> dict[str, Any]:
    hits = sum(value <= 5 for value in final_cm)
    return {
        'labels': labels,
        'seed': seed,
        'model': 'm@0',
        'trained': seed is not None,
        'summary': {
            'success_5cm': hits / len(final_cm),
            'plan_time_s_p50': 0.1,
            'deadline_hits': 0,
        },
        'look_cpu_s_p50': 0.05,
        'look_cpu_s_p95': 0.08,
        'numbers_in_bundle': 1000,
        'validation': {'rollout_error_over_copy': [0.2, 0.1], 'training_cpu_s': 60.0},
        'episodes': [
            {
                'index': i,
                'start_distance_m': 0.3,
                'final_distance_m': value / 100,
                'best_distance_m': min(value, 4.0) / 100,
            }
            for i, value in enumerate(final_cm)
        ],
    }


def test_a_row_has_rates_with_wilson_intervals_and_means_with_bootstrap_ones() -> None:
    (row,) = rows_of([result({'W': '1'}, [1.0, 2.5, 4.0, 9.0])])
    assert row['success_5cm'] == 0.75
    assert row['success_5cm_interval'] == list(wilson_interval(3, 4))
    assert row['success_2cm'] == 0.25
    assert row['ever_5cm'] == 1.0
    assert row['final_distance_m_mean'] == pytest.approx(0.04125)
    low, high = row['final_distance_m_mean_interval']
    assert 0.01 <= low < 0.04125 < high <= 0.09


def test_seeds_of_one_choice_are_one_row_of_all_their_episodes() -> None:
    (row,) = rows_of([result({'W': '1'}, [1, 9], 0), result({'W': '1'}, [1, 1], 1)])
    assert (row['episodes'], row['seeds']) == (4, [0, 1])
    assert row['success_5cm'] == 0.75
    assert row['success_5cm_of_seeds'] == [0.5, 1.0]


def test_the_gain_compares_the_same_draws() -> None:
    """One that fails where the other does gains nothing for certain, however rare success is."""
    first = result({'W': '1'}, [1, 9, 1, 9, 1, 9])
    rows = rows_of([first, result({'W': '2'}, [2, 8, 2, 8, 2, 8]), result({'W': '3'}, [1] * 6)])
    assert rows[1]['gain_5cm'] == 0
    assert rows[1]['gain_5cm_interval'] == [0, 0]
    assert rows[2]['gain_5cm'] == 0.5
    assert rows[2]['gain_5cm_interval'][0] > 0


def test_marginals_take_each_choice_over_all_others() -> None:
    grid = [
        result({'W': w, 'd': d}, [1, 1] if w == '1' else [1, 9])
        for w in '12'
        for d in ('l1', 'l2')
    ]
    found = {(row['axis'], row['choice']): row['success_5cm'] for row in marginals_of(grid)}
    assert found == {('W', '1'): 1.0, ('W', '2'): 0.5, ('d', 'l1'): 0.75, ('d', 'l2'): 0.75}
    assert marginals_of([result({'W': '1'}, [1])]) == []


def test_the_page_says_what_is_missing() -> None:
    rows = rows_of([result({'W': '1'}, [1, 9]), result({'W': '2'}, [1, 1])])
    content = {
        'name': 'window', 'question': 'How many?', 'jobs': 3, 'done': 2, 'failed': ['W=3, seed 0'],
        'rows': rows, 'marginals': [], 'conditions': {'episodes': 2},
    }  # fmt: skip
    text = page(content, ['success.png'])
    assert '2 of 3 jobs are done. 1 failed: W=3, seed 0.' in text
    assert '| 1 | 50.0 (9..91) | +0.0 (+0..+0) |' in text
    assert '0.200 0.100' in text
    assert 'rank' not in text, 'no row has one'


def test_labels_name_the_axis_where_the_choice_does_not_speak_for_itself() -> None:
    assert (
        label_of({'labels': {'W': '1', 'solver': 'cem', 'proprio': 'on'}})
        == 'W 1, cem, proprio on'
    )
