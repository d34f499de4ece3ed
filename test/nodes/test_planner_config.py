"""The planner's parameters in place of what a bundle recommends."""

from __future__ import annotations

import pytest

from jepa_wm_ros.nodes.planner_config import PlannerConfig
from jepa_wm_ros.ros.params import ParameterError
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

BUNDLE = PlanningSettings(samples=64, iterations=6, reduction='last')


def test_nothing_set_is_what_the_bundle_recommends() -> None:
    assert PlannerConfig().planning_settings(BUNDLE) == BUNDLE


def test_what_is_set_takes_its_place() -> None:
    config = PlannerConfig(
        samples=32, deadline_s=0.2, planning='{reduction: sum, terms: [{distance: l1}]}'
    )
    settings = config.planning_settings(BUNDLE)
    assert (settings.samples, settings.iterations, settings.deadline_s) == (32, 6, 0.2)
    assert (settings.reduction, settings.terms[0].distance) == ('sum', 'l1')


def test_another_solver_brings_the_sizes_that_suit_it() -> None:
    settings = PlannerConfig(solver='adam').planning_settings(BUNDLE)
    assert (settings.samples, settings.iterations) == (8, 40)


def test_a_mistake_names_the_setting() -> None:
    with pytest.raises(ParameterError, match=r'unknown key planning\.reducton'):
        PlannerConfig(planning='{reducton: sum}').planning_settings(BUNDLE)
