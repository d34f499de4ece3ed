import math

import pytest
from jepa_wm_msgs.action import ReachGoal
from jepa_wm_msgs.srv import SetGoal

from jepa_wm_ros.nodes.goal_requests import RequestCode
from jepa_wm_ros.nodes.goals import (
    GoalCode,
    GoalError,
    GoalSession,
    SubGoal,
    Verdict,
    budgets,
    thresholds,
)


def session(*max_steps, **kwargs):
    sub_goals = [SubGoal(latent=None, max_steps=steps, reached_cost=0.1) for steps in max_steps]
    return GoalSession(sub_goals=sub_goals, **kwargs)


@pytest.mark.parametrize(
    ('codes', 'kind'), [(GoalCode, ReachGoal.Result), (RequestCode, SetGoal.Response)]
)
def test_the_codes_are_those_of_the_messages(codes, kind):
    # a message's constants live in its metaclass
    constants = {name: getattr(kind, name) for name in type(kind).__prepare__('', ())}
    of_message = {name: value for name, value in constants.items() if isinstance(value, int)}
    assert {code.name: code.value for code in codes} == of_message


def test_a_goal_goes_on_until_it_is_near_enough():
    goal = session(5)
    assert goal.judge(1.0) is Verdict.GO_ON
    goal.executed(1)
    assert goal.judge(0.1) is Verdict.END
    assert goal.ending() == (GoalCode.REACHED, 'reached after 1 steps')


def test_a_goal_ends_when_its_steps_are_used_up():
    goal = session(2)
    for cost in (1.0, 0.5):
        assert goal.judge(cost) is Verdict.GO_ON
        goal.executed(1)
    assert goal.judge(0.4) is Verdict.END
    code, message = goal.ending()
    assert code is GoalCode.MAX_STEPS
    assert '0.4' in message
    assert goal.best_cost == 0.4


def test_what_counts_is_the_last_observation_not_the_best():
    goal = session(2, stop_when_reached=False)
    for cost in (0.05, 1.0):
        assert goal.judge(cost) is Verdict.GO_ON
        goal.executed(1)
    assert goal.judge(0.5) is Verdict.END
    assert goal.ending()[0] is GoalCode.MAX_STEPS
    assert goal.best_cost == 0.05


def test_a_sub_goal_ends_by_reaching_or_by_budget_and_its_record_starts_afresh():
    goal = session(1, 3)
    assert goal.judge(2.0) is Verdict.GO_ON
    goal.executed(1)
    assert goal.judge(2.0) is Verdict.NEXT
    goal.advance()
    assert goal.steps_left == 3
    assert (math.isnan(goal.cost), goal.best_cost) == (True, math.inf)
    assert goal.judge(0.0) is Verdict.END
    assert goal.steps == 1


def stalling_at(cost, goal):
    while goal.judge(cost) is Verdict.GO_ON:
        goal.executed(1)
    return goal.steps


def test_a_goal_that_comes_no_nearer_ends_with_the_reason():
    goal = session(20, stall_steps=4)
    goal.judge(1.0)
    goal.executed(1)
    assert stalling_at(0.5, goal) == 5
    code, message = goal.ending()
    assert code is GoalCode.STALLED
    assert 'stall_steps' in message


def test_a_fall_too_small_to_count_is_no_progress():
    goal = session(20, stall_steps=2)
    costs = iter([1.0, 0.99, 0.98])
    while goal.judge(next(costs)) is Verdict.GO_ON:
        goal.executed(1)
    assert goal.ending()[0] is GoalCode.STALLED


def test_nothing_stalls_when_it_is_not_asked_for_or_all_steps_are_used():
    assert stalling_at(1.0, session(9)) == 9
    assert stalling_at(1.0, session(9, stall_steps=2, stop_when_reached=False)) == 9


def test_stalling_is_counted_afresh_for_each_sub_goal():
    goal = session(3, 20, stall_steps=3)
    assert goal.judge(1.0) is Verdict.GO_ON
    goal.executed(2)
    goal.judge(0.5)
    goal.executed(1)
    assert goal.judge(0.5) is Verdict.NEXT
    goal.advance()
    assert stalling_at(1.0, goal) == 3 + 3


@pytest.mark.parametrize('cost', [math.nan, math.inf])
def test_a_distance_that_is_no_number_ends_the_goal(cost):
    with pytest.raises(GoalError) as error:
        session(3).judge(cost)
    assert error.value.code is GoalCode.PLANNING_FAILED


@pytest.mark.parametrize(
    ('given', 'pictures', 'expected'),
    [([], 2, [25, 25]), ([7], 3, [7, 7, 7]), ([1, 2], 2, [1, 2])],
)
def test_budgets_are_for_each_for_all_or_the_default(given, pictures, expected):
    assert budgets(given, pictures, default=[25] * pictures) == expected


@pytest.mark.parametrize(('given', 'pictures'), [([1, 2], 3), ([1, 2], 1), ([0], 1), ([3, 0], 2)])
def test_budgets_that_do_not_match_are_refused(given, pictures):
    with pytest.raises(ValueError, match='max_steps'):
        budgets(given, pictures, default=[25] * pictures)


def test_each_sub_goal_has_its_own_threshold():
    rough, fine = (SubGoal(latent=None, max_steps=3, reached_cost=cost) for cost in (1.0, 0.1))
    goal = GoalSession(sub_goals=[rough, fine])
    assert goal.judge(0.9) is Verdict.NEXT
    goal.advance()
    assert goal.judge(0.9) is Verdict.GO_ON
    assert goal.judge(0.1) is Verdict.END
    assert goal.ending()[0] is GoalCode.REACHED


def test_thresholds_are_for_each_for_all_or_the_default():
    assert thresholds([], 2, [0.1, 0.2]) == [0.1, 0.2]
    assert thresholds([0.5], 2, [0.1, 0.2]) == [0.5, 0.5]
    assert thresholds([0.5, 0.6], 2, [0.1, 0.2]) == [0.5, 0.6]


def test_a_model_without_a_threshold_of_its_own_takes_goals_all_the_same():
    assert thresholds([], 2, [0.0, 0.0]) == [0.0, 0.0]


@pytest.mark.parametrize('given', [[0.1, 0.2, 0.3], [0.0], [float('nan')], [float('inf')]])
def test_thresholds_that_make_no_sense_are_refused(given):
    with pytest.raises(ValueError, match='reached_costs'):
        thresholds(given, 2, [0.1, 0.2])
