"""Planning settings changed by a command line or a node's parameters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contracts import SMALL

from jepa_wm_ros.planning.limits import make_space
from jepa_wm_ros.worldmodel.planning_changes import changed, parse_mapping
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.schema import SchemaError
from jepa_wm_ros.worldmodel.search_settings import GroupSettings


def test_values_are_written_as_in_yaml_groups_too() -> None:
    text = """
        reduction: last
        groups: [{fields: [xyz], ball: l2, radius: 0.05}]
        std_floor: 0
        warm_start: false
    """
    settings = changed(PlanningSettings(), parse_mapping(text, 'planning'))
    assert settings.reduction == 'last'
    assert settings.groups == (GroupSettings(fields=('xyz',), ball='l2', radius=0.05),)
    assert (settings.std_floor, settings.warm_start) == (0.0, False)
    assert changed(settings, parse_mapping('', 'planning')) == settings


def test_another_solver_brings_its_sizes_unless_they_are_given() -> None:
    bundle = PlanningSettings(samples=128, iterations=4)
    assert changed(bundle, {'solver': 'adam'}).iterations > 20
    assert changed(bundle, {'solver': 'adam', 'iterations': 7}).iterations == 7
    assert changed(bundle, {'solver': 'mppi'}).iterations == 4


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('reduction', 'planning must be a YAML mapping'),
        ('{samples: [1}', 'planning: not valid YAML'),
        ('{smaples: 3}', r'unknown key planning\.smaples'),
        ('{solver: best}', 'solver must be one of cem'),
        ('{horizon: 2.5}', r'planning\.horizon must be int'),
    ],
)
def test_mistakes_are_named(text, message) -> None:
    with pytest.raises(SchemaError, match=message):
        changed(PlanningSettings(), parse_mapping(text, 'planning'), 'planning')


def test_the_example_of_the_documentation_makes_a_space() -> None:
    page = (Path(__file__).parents[2] / 'docs' / 'planning.md').read_text()
    (example,) = re.findall(r'```yaml\nplanning:\n(.*?)```', page, re.DOTALL)
    space = make_space(SMALL.action, changed(SMALL.planning, parse_mapping(example, 'page')))
    assert space.balls[0].radius == 0.06
    assert space.lower[0] == pytest.approx(-0.05)
    assert space.pinned is not None
