"""The cross-entropy method on problems whose answers are known."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import torch
from bowls import FIELDS, HORIZON, FitSpy, Spy, quadratic, unit_box

from jepa_wm_ros.planning.distribution import ActionDistribution
from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.solvers.cem import EliteFit
from jepa_wm_ros.planning.solvers.noise import SharedNoise
from jepa_wm_ros.planning.solvers.sampling import SamplingSolver


def solver(samples: int = 200, elites: int = 20, **changes) -> SamplingSolver:
    fit = EliteFit(mean_momentum=0.1, std_momentum=0.1, std_floor=torch.full((FIELDS,), 1e-4))
    noise = SharedNoise(correlation=0.0)
    return SamplingSolver(samples=samples, elites=elites, noise=noise, fit=fit, **changes)


def solve(cost, *, batch: int = 1, iterations: int = 25, seed: int = 0, **changes):
    generator = torch.Generator().manual_seed(seed)
    return solver(**changes).solve(cost, unit_box(batch), Budget(iterations), generator)


def test_it_finds_an_optimum_within_the_bounds() -> None:
    target = torch.tensor([[[0.3, -0.6], [0.1, 0.9], [-0.4, 0.0]]])
    solution = solve(quadratic(target))
    assert torch.allclose(solution.actions, target, atol=0.02)
    assert solution.best[-1] < solution.best[0]
    assert len(solution.best) == 25


def test_an_optimum_outside_the_bounds_ends_at_the_bound() -> None:
    solution = solve(quadratic(torch.full((1, HORIZON, FIELDS), 5.0)))
    assert torch.allclose(solution.actions, torch.ones(1, HORIZON, FIELDS), atol=0.02)
    assert bool((solution.actions <= 1.0).all())


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    first, again, other = (solve(cost, iterations=3, seed=s).actions for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_costs_that_are_not_numbers_are_the_worst() -> None:
    def cost(actions: torch.Tensor) -> torch.Tensor:
        values = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))(actions)
        return torch.where(actions[..., 0, 0] > 0.5, torch.nan, values)

    solution = solve(cost)
    assert bool(solution.actions.isfinite().all())
    assert float(solution.actions[0, 0, 0]) <= 0.5
    assert float(solution.cost) < 0.05


def test_one_elite_is_allowed() -> None:
    solution = solve(quadratic(torch.zeros(1, HORIZON, FIELDS)), elites=1)
    assert bool(solution.actions.isfinite().all())


def test_a_pinned_dimension_does_not_move() -> None:
    pinned = unit_box()
    pinned.std[..., 1] = 0.0
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    actions = solver().solve(cost, pinned, Budget(10), torch.Generator().manual_seed(0)).actions
    assert bool((actions[..., 1] == 0).all())
    assert torch.allclose(actions[..., 0], torch.tensor(0.5), atol=0.02)


def test_problems_in_a_batch_are_solved_each_for_itself() -> None:
    target = torch.stack([torch.full((HORIZON, FIELDS), 0.7), torch.full((HORIZON, FIELDS), -0.2)])
    assert torch.allclose(solve(quadratic(target), batch=2).actions, target, atol=0.02)


def test_a_deadline_ends_the_search_after_the_iteration_under_way() -> None:
    now = iter(range(100))
    budget = Budget(iterations=50, deadline=3.0, clock=lambda: float(next(now)))
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    solution = solver().solve(cost, unit_box(), budget, torch.Generator().manual_seed(0))
    assert solution.deadline_hit
    assert len(solution.best) == 4
    assert bool(solution.actions.isfinite().all())


def test_an_expired_deadline_still_gives_one_iteration() -> None:
    budget = Budget(iterations=50, deadline=0.0, clock=lambda: 1.0)
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    solution = solver().solve(cost, unit_box(), budget, torch.Generator().manual_seed(0))
    assert len(solution.best) == 1


def test_a_good_warm_start_is_never_lost() -> None:
    target = torch.full((1, HORIZON, FIELDS), 0.25)
    start = ActionDistribution(
        mean=target, std=torch.ones(1, HORIZON, FIELDS), space=unit_box().space
    )
    solution = solver(samples=20, elites=5).solve(
        quadratic(target), start, Budget(1), torch.Generator().manual_seed(0)
    )
    assert float(solution.cost) == 0.0


def bad_start() -> ActionDistribution:
    """A mean far from the good actions, with so little spread that no candidate comes near."""
    return ActionDistribution(
        mean=torch.full((1, HORIZON, FIELDS), -0.9),
        std=torch.full((1, HORIZON, FIELDS), 0.01),
        space=unit_box().space,
        seeds=torch.full((1, 1, HORIZON, FIELDS), 0.5),
    )


def test_the_best_candidate_can_be_the_result_and_so_can_the_mean() -> None:
    cost = quadratic(torch.full((1, HORIZON, FIELDS), 0.5))
    solutions = {
        result: solver(result=result, samples=20, elites=5).solve(
            cost, bad_start(), Budget(1), torch.Generator().manual_seed(0)
        )
        for result in ('best', 'mean', 'cheapest')
    }
    assert float(solutions['best'].cost) == float(solutions['cheapest'].cost) == 0.0
    assert float(solutions['mean'].cost) > 1.0
    assert torch.allclose(solutions['mean'].cost, cost(solutions['mean'].actions[:, None])[:, 0])


def test_kept_elites_and_fewer_samples_as_the_search_narrows() -> None:
    spy = Spy(quadratic(torch.full((1, HORIZON, FIELDS), 0.5)))
    search = solver(samples=100, elites=10, kept=3, decay=2.0)
    solution = search.solve(spy, unit_box(), Budget(5), torch.Generator().manual_seed(0))
    assert [c.shape[1] for c in spy.candidates] == [100, 50, 25, 20, 20, 1]
    assert solution.seeds.shape == (1, 3, HORIZON, FIELDS)
    assert all(later <= best for best, later in pairwise(solution.best))


def test_the_mean_is_a_candidate_when_asked_for() -> None:
    for when, expected in (
        ('always', [True, True, True]),
        ('last', [False, False, True]),
        ('never', [False, False, False]),
    ):
        spy = Spy(quadratic(torch.full((1, HORIZON, FIELDS), 0.5)))
        search = solver(samples=30, elites=5, mean_candidate=when)
        fit = FitSpy(search.fit)
        search = dataclasses.replace(search, fit=fit)
        start = unit_box()
        search.solve(spy, start, Budget(3), torch.Generator().manual_seed(0))
        means = [start.mean, *(made.mean for made in fit.made)]
        found = [
            bool((candidates == mean[:, None]).all((-2, -1)).any())
            for candidates, mean in zip(spy.candidates[:3], means[:3], strict=True)
        ]
        assert found == expected, when
