import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_wm_ros.evaluation.statistics import StatisticsError, percentile, wilson_interval


@pytest.mark.parametrize(
    ('successes', 'trials', 'low', 'high'),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_interval_has_the_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=6e-5)


def test_wilson_interval_of_nothing_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_interval_holds_the_rate_and_stays_within_one(successes, trials):
    successes = min(successes, trials)
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0


def test_wilson_interval_widens_with_confidence():
    assert wilson_interval(90, 100, 0.99)[0] < wilson_interval(90, 100, 0.95)[0]


@pytest.mark.parametrize(('successes', 'trials'), [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(StatisticsError, match='successes must be within'):
        wilson_interval(successes, trials)


def test_percentile_of_nothing_is_none():
    assert percentile([], 50) is None
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
