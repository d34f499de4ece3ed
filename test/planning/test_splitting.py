"""Candidates shared out to two processes: the same plan as from one."""

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from bowls import quadratic, unit_box
from test_cem import solver

from jepa_wm_ros.planning.solver import Budget
from jepa_wm_ros.planning.splitting import shared_clock, split_cost

CPU = torch.device('cpu')
SAMPLES = 7  # odd: the shares differ
TARGET = torch.full((1, 3, 2), 0.3)


def solve(cost, budget):
    return solver(samples=SAMPLES, elites=3).solve(
        cost, unit_box(), budget, torch.Generator().manual_seed(0)
    )


def member(rank, store, results):
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    seen = []

    def cost(candidates):
        seen.append(candidates.shape[1])
        return quadratic(TARGET)(candidates)

    clock = shared_clock(CPU)
    solution = solve(split_cost(cost, CPU), Budget(4, clock() + 60.0, clock))
    times = [clock() for _ in range(3)]
    torch.save((solution.actions, seen, times), f'{results}/{rank}.pt')
    dist.destroy_process_group()


def test_two_processes_find_the_plan_of_one(tmp_path):
    mp.spawn(member, (tmp_path / 'store', tmp_path), nprocs=2)
    actions, seen, times = zip(
        *(torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in range(2)),
        strict=True,
    )
    alone = solve(quadratic(TARGET), Budget(4)).actions
    assert torch.equal(actions[0], alone)
    assert torch.equal(actions[1], alone)
    assert seen[0][0] == 4
    assert seen[1][0] == 3
    assert times[0] == times[1] == sorted(times[0])
