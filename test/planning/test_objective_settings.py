"""Every objective that settings can ask for, by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from contracts import SMALL

from jepa_wm_ros.planning.distances import DISTANCES
from jepa_wm_ros.planning.horizon import reduce_horizon
from jepa_wm_ros.planning.objective import GoalDistance, goal_set
from jepa_wm_ros.planning.objectives import make_objective
from jepa_wm_ros.planning.region import RegionError, grid_shape, mask_tokens, region_tokens
from jepa_wm_ros.worldmodel import search_settings
from jepa_wm_ros.worldmodel.heads.head import HeadError, LatentShape
from jepa_wm_ros.worldmodel.heads.reward import RewardHead, RewardSettings
from jepa_wm_ros.worldmodel.heads.storage import save_head
from jepa_wm_ros.worldmodel.latent import Latent
from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
from jepa_wm_ros.worldmodel.schema import SchemaError, read
from jepa_wm_ros.worldmodel.search_settings import TermSettings
from jepa_wm_ros.worldmodel.weights import fingerprint


def latents(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


PREDICTED = Latent(latents(2, 5, 3, 4, 6), latents(2, 5, 3, 2, seed=1))
GOAL = Latent(latents(2, 4, 6, seed=2), latents(2, 2, seed=3))


def objective(**changes):
    return make_objective(dataclasses.replace(SMALL.planning, **changes), SMALL)


def test_names_of_settings_and_functions_agree() -> None:
    assert tuple(DISTANCES) == search_settings.DISTANCES


@pytest.mark.parametrize('name', search_settings.DISTANCES)
def test_each_distance_is_0_at_the_goal_positive_elsewhere_and_differentiable(name) -> None:
    judge = GoalDistance(distance_name=name, reduction='last')
    at_goal = Latent(GOAL.tokens[:, None, None].expand(-1, 5, 3, -1, -1))
    assert torch.allclose(judge(at_goal, GOAL), torch.zeros(2, 5), atol=1e-5)
    tokens = PREDICTED.tokens.clone().requires_grad_()
    costs = judge(Latent(tokens), GOAL)
    assert bool((costs > 0.01).all())
    (gradient,) = torch.autograd.grad(costs.sum(), tokens)
    assert bool((gradient[:, :, -1] != 0).any())


@pytest.mark.parametrize(
    ('reduction', 'expected'),
    [('last', 4.0), ('sum', 7.0), ('mean', 7 / 3), ('discounted', 1 + 0.5 * 2 + 0.25 * 4)],
)
def test_horizons_by_hand(reduction, expected) -> None:
    costs = torch.tensor([[1.0, 2.0, 4.0]])
    assert float(reduce_horizon(costs, reduction, 0.5)) == pytest.approx(expected)


def test_slots_may_come_in_any_order() -> None:
    order = torch.tensor([2, 0, 3, 1])
    swapped = Latent(GOAL.tokens[:, order])
    assert torch.allclose(
        GoalDistance(distance_name='slots').distance(swapped, GOAL), torch.zeros(2)
    )
    assert bool((GoalDistance(distance_name='l2').distance(swapped, GOAL) > 0.1).all())
    broken = Latent(torch.full_like(GOAL.tokens, torch.nan))
    assert bool(GoalDistance(distance_name='slots').distance(broken, GOAL).isnan().all())


def test_only_patches_of_the_mask_or_region_count() -> None:
    changed = PREDICTED.tokens.clone()
    changed[..., 1:, :] += 5.0
    for limit in ({'mask': ('10', '00')}, {'region': (0.0, 0.0, 0.5, 0.5)}):
        judge = objective(**limit)
        assert torch.allclose(judge(Latent(changed), GOAL), judge(PREDICTED, GOAL))
        alone = GoalDistance()(
            PREDICTED.map(lambda part: part[..., :1, :]), GOAL.map(lambda part: part[..., :1, :])
        )
        assert torch.allclose(judge(Latent(PREDICTED.tokens), Latent(GOAL.tokens)), alone)


def test_regions_are_found_on_the_grid_of_patches() -> None:
    assert grid_shape(24, 1.5) == (4, 6)
    assert region_tokens((0.5, 0.0, 1.0, 0.5), 16, 1.0).tolist() == [2, 3, 6, 7]
    assert mask_tokens(('010', '001'), 6).tolist() == [1, 5]
    with pytest.raises(RegionError, match='no grid'):
        grid_shape(7, 1.0)
    with pytest.raises(RegionError, match='holds no centre'):
        region_tokens((0.0, 0.0, 0.1, 0.1), 4, 1.0)
    with pytest.raises(RegionError, match='has 2 rows and 4 patches, the model 9'):
        mask_tokens(('11', '11'), 9)


def test_the_nearest_of_several_goals_counts() -> None:
    other = Latent(PREDICTED.tokens[:, 0, -1], PREDICTED.proprio[:, 0, -1])
    both, judge = goal_set([GOAL, other]), objective(reduction='last')
    costs = torch.stack([judge(PREDICTED, GOAL), judge(PREDICTED, other)])
    assert torch.equal(judge(PREDICTED, both), costs.amin(0))
    assert float(judge(PREDICTED, both)[0, 0]) == 0.0
    assert torch.equal(judge.distance(other, both), torch.zeros(2))


def test_terms_are_added_with_their_weights() -> None:
    terms = (
        TermSettings(weight=0.5, distance='l1', reduction='last'),
        TermSettings(weight=2.0, distance='cosine', reduction='mean', proprio_weight=0.1),
    )
    judge = objective(distance_weight=3.0, terms=terms)
    expected = (
        3.0 * GoalDistance()(PREDICTED, GOAL)
        + 0.5 * GoalDistance(distance_name='l1', reduction='last')(PREDICTED, GOAL)
        + 2.0
        * GoalDistance(distance_name='cosine', reduction='mean', proprio_weight=0.1)(
            PREDICTED, GOAL
        )
    )
    assert torch.allclose(judge(PREDICTED, GOAL), expected)


def test_costs_of_half_precision_latents_are_summed_in_full() -> None:
    half = Latent(PREDICTED.tokens.bfloat16())
    costs = GoalDistance()(half, Latent(GOAL.tokens.bfloat16()))
    assert costs.dtype == torch.float32
    assert torch.allclose(costs, GoalDistance()(Latent(PREDICTED.tokens), GOAL), rtol=0.02)


@pytest.mark.parametrize('goal', [False, True])
def test_a_learned_head_is_read_from_the_bundle_and_wants_much(tmp_path, goal) -> None:
    torch.manual_seed(0)
    shape, settings = LatentShape(tokens=4, dim=6), RewardSettings(goal=goal, width=8, depth=1)
    head = RewardHead(shape, settings)
    (tmp_path / 'model.safetensors').write_bytes(b'weights')
    contract = dataclasses.replace(
        SMALL,
        folder=str(tmp_path),
        fingerprint=fingerprint(tmp_path / 'model.safetensors'),
        planning=dataclasses.replace(
            SMALL.planning, distance_weight=0.0, value_head='worth', value_weight=2.0
        ),
    )
    with pytest.raises(HeadError, match=r"has no head 'worth'.*jepa-wm head train reward"):
        make_objective(contract.planning, contract)
    save_head(tmp_path, 'worth', head, contract, {}, {})
    judge = make_objective(contract.planning, contract)
    values = head.value(PREDICTED, GOAL.map(lambda part: part[:, None, None]))
    assert torch.allclose(judge(PREDICTED, GOAL), -2.0 * values.sum(-1), atol=1e-5)
    assert torch.allclose(
        judge.distance(PREDICTED.map(lambda p: p[:, 0, 0]), GOAL),
        -2.0 * values[:, 0, 0],
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ('mapping', 'message'),
    [
        ({'distance': 'l3'}, 'distance must be one of l1, l2'),
        ({'region': [0.5, 0.0, 0.2, 1.0]}, 'left, top, right and bottom'),
        ({'mask': ['01', '1']}, 'equally long'),
        ({'mask': ['00']}, 'at least one 1'),
        ({'mask': ['1'], 'region': [0.0, 0.0, 1.0, 1.0]}, 'exclude each other'),
        ({'terms': [{'wieght': 1.0}]}, r'unknown key planning\.terms\[0\]\.wieght'),
        ({'distance_weight': 0.0}, 'something must be wanted'),
        ({'discount': 0.0}, 'discount must be positive'),
        ({'solver': 'cem', 'samples': 4, 'elites': 5}, 'must not exceed samples'),
        ({'groups': [{'fields': ['xyz'], 'ball': 'linf'}]}, 'ball must be one of none, l1, l2'),
        ({'pins': [{'field': 'dx', 'value': 'a'}]}, r'planning\.pins\[0\]\.value must be float'),
    ],
)
def test_settings_are_read_strictly(mapping, message) -> None:
    with pytest.raises(SchemaError, match=message):
        read(PlanningSettings, mapping, 'model.yaml', 'planning')


def test_solvers_without_elites_are_not_bound_by_them() -> None:
    settings = PlanningSettings(solver='adam', samples=1)
    assert settings.samples < settings.elites
    assert PlanningSettings(solver='adam').iterations > 20
    cem = PlanningSettings(samples=64, iterations=6)
    assert cem.for_solver('icem').samples == 64
    assert cem.for_solver('lbfgs').samples < 16
