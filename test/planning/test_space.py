"""What may be planned: boxes, balls, pins and narrower bounds."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from contracts import SMALL

from jepa_wm_ros.planning.balls import length, onto_box_and_ball
from jepa_wm_ros.planning.limits import ActionSpaceError, make_space, momenta
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.search_settings import GroupSettings, PinSettings

WIDE = torch.full((2,), 10.0)


def ball(x, norm: str, radius: float, bound: torch.Tensor = WIDE) -> torch.Tensor:
    return onto_box_and_ball(torch.tensor(x), -bound, bound, norm, radius)


@pytest.mark.parametrize(
    ('norm', 'point', 'nearest'),
    [
        ('l2', [3.0, 4.0], [0.6, 0.8]),
        ('l2', [0.3, -0.4], [0.3, -0.4]),
        ('l1', [2.0, 1.0], [1.0, 0.0]),
        ('l1', [0.9, -0.5], [0.7, -0.3]),
        ('l1', [0.2, -0.3], [0.2, -0.3]),
    ],
)
def test_nearest_points_of_unit_balls_by_hand(norm, point, nearest) -> None:
    assert torch.allclose(ball(point, norm, 1.0), torch.tensor(nearest), atol=1e-5)


@pytest.mark.parametrize('norm', ['l1', 'l2'])
def test_no_other_allowed_point_is_nearer(norm) -> None:
    generator = torch.Generator().manual_seed(0)
    upper = torch.tensor([0.5, 0.2, 0.0])
    points = 2 * torch.randn(40, 3, generator=generator)
    found = onto_box_and_ball(points, -upper, upper, norm, 0.45)
    assert bool((length(found, norm) <= 0.45 + 1e-6).all())
    assert bool((found.abs() <= upper).all())
    rivals = upper * (2 * torch.rand(20_000, 3, generator=generator) - 1)
    rivals = rivals[length(rivals, norm) <= 0.45]
    assert bool(((points - found).norm(dim=1) <= torch.cdist(points, rivals).amin(1) + 1e-5).all())


def test_a_ball_of_radius_0_holds_its_fields_at_0() -> None:
    assert torch.equal(ball([3.0, -4.0], 'l2', 0.0), torch.zeros(2))


def settings(**changes) -> PlanningSettings:
    return dataclasses.replace(SMALL.planning, **changes)


def test_groups_limit_their_fields_and_no_others() -> None:
    group = GroupSettings(fields=('xyz',), ball='l2', radius=0.05)
    space = make_space(SMALL.action, settings(groups=(group,)))
    actions = space.project(torch.full((2, 6, 7), 1.0))
    assert torch.allclose(actions[..., :3].norm(dim=-1), torch.tensor(0.05), atol=1e-6)
    assert bool((actions[..., 3:] == 0).all())
    box = make_space(SMALL.action, settings())
    assert torch.allclose(box.project(torch.ones(2, 6, 7))[..., :3], torch.tensor(0.08))


def test_each_control_of_a_longer_action_has_its_own_ball() -> None:
    action = dataclasses.replace(SMALL.action, frame_skip=2)
    group = GroupSettings(fields=('dx', 'dy'), ball='l1', radius=0.06)
    space = make_space(action, settings(groups=(group,)))
    actions = space.project(torch.full((1, 6, 14), 1.0)).unflatten(-1, (2, 7))
    assert torch.allclose(actions[..., :2].sum(-1), torch.tensor(0.06), atol=1e-6)
    assert torch.allclose(actions[..., 2], torch.tensor(0.08))


def test_pins_hold_whatever_the_bounds_from_their_step_on() -> None:
    pins = (PinSettings(field='dgripper', value=1.0, from_step=4), PinSettings(field='dz'))
    actions = make_space(SMALL.action, settings(pins=pins)).project(torch.ones(1, 6, 7))
    assert actions[0, :, 6].tolist() == [0.0] * 4 + [1.0] * 2
    assert bool((actions[..., 2] == 0).all())


def test_bounds_can_be_narrower_but_not_wider() -> None:
    narrow = (0.02, 0.0, 0.08, 0.0, 0.0, 0.0, 0.0)
    space = make_space(SMALL.action, settings(upper=narrow))
    assert torch.allclose(space.project(torch.ones(1, 1, 7))[0, 0], torch.tensor(narrow))
    with pytest.raises(ActionSpaceError, match='within the bounds'):
        make_space(SMALL.action, settings(upper=(0.1,) * 7))


def test_small_values_in_the_dead_zone_are_not_meant() -> None:
    group = GroupSettings(fields=('dx',), dead_zone=0.03)
    space = make_space(SMALL.action, settings(groups=(group,)))
    settled = space.settle(torch.tensor([[[0.02, 0.02, 0, 0, 0, 0, 0], [0.04, 0, 0, 0, 0, 0, 0]]]))
    assert torch.allclose(settled[0, :, :2], torch.tensor([[0.0, 0.02], [0.04, 0.0]]))


def test_momenta_of_a_group_are_its_own() -> None:
    assert momenta(SMALL.action, settings(momentum=0.2)) == (0.2, 0.2)
    group = GroupSettings(fields=('gripper',), momentum=0.7, std_momentum=0.9)
    mean, std = momenta(SMALL.action, settings(momentum=0.2, groups=(group,)))
    assert torch.allclose(mean, torch.tensor([0.2] * 6 + [0.7]))
    assert torch.allclose(std, torch.tensor([0.2] * 6 + [0.9]))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'groups': (GroupSettings(fields=('dw',)),)}, 'no field of the action'),
        ({'groups': (GroupSettings(fields=('dx',)), GroupSettings(fields=('xyz',)))}, 'in two'),
        (
            {'groups': (GroupSettings(fields=('dx', 'dyaw'), ball='l2', radius=0.1),)},
            'share a unit',
        ),
        ({'pins': (PinSettings(field='gripper'),)}, 'no field of the action'),
        ({'lower': (0.0,)}, 'must have 7 entries'),
        ({'lower': (0.05,) * 3 + (0.0,) * 4, 'upper': (0.01,) * 3 + (0.0,) * 4}, 'exceed'),
        (
            {
                'lower': (0.01,) * 3 + (0.0,) * 4,
                'groups': (GroupSettings(fields=('xyz',), ball='l2', radius=0.1),),
            },
            'must hold 0',
        ),
    ],
)
def test_what_does_not_fit_the_action_is_refused(changes, message) -> None:
    with pytest.raises(ActionSpaceError, match=message):
        make_space(SMALL.action, settings(**changes))
