"""A process is killed in the middle: torchrun starts all anew, and the numbers are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy_training import dots, recipe_of, silent

from jepa_wm_ros.training.pipeline import train
from jepa_wm_ros.worldmodel.bundle import load_bundle

pytestmark = pytest.mark.timeout(600)  # several processes, each of which loads torch
STEPS = 12
HERE = Path(__file__).resolve()
PROGRAM = """
import os, signal, sys
sys.path[:0] = {paths!r}
import torch
from toy_training import dots, recipe_of
from jepa_wm_ros.training.pipeline import RunOptions, train
from jepa_wm_ros.training.team import joined

torch.set_num_threads(1)
recipe = recipe_of('jepa_wm', steps={steps}, checkpoint_every=4)
first_life = os.environ['TORCHELASTIC_RESTART_COUNT'] == '0'

def report(step, steps, note=''):
    if first_life and step == 7 and os.environ['RANK'] == '1':
        os.kill(os.getpid(), signal.SIGKILL)

def log(line):
    print(line, flush=True)

with joined(torch.device('cpu')) as (team, _):
    options = RunOptions(team=team)
    train(recipe, dots(), __import__('pathlib').Path({out!r}), report, log, options)
"""


def run(folder: Path) -> str:
    """Train with two processes under torchrun, one of which dies; returns what was said."""
    program = folder / 'program.py'
    paths = [str(HERE.parents[1]), str(HERE.parents[2])]
    program.write_text(PROGRAM.format(paths=paths, steps=STEPS, out=str(folder / 'bundle')))
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc-per-node', '2', '--max-restarts', '1', str(program)]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_killed_process_costs_the_steps_since_the_checkpoint_and_no_more(tmp_path: Path) -> None:
    said = run(tmp_path)
    assert 'going on from step 4' in said
    train(recipe_of('jepa_wm', steps=STEPS), dots(), tmp_path / 'alone', silent, silent)
    alone, killed = (
        torch.cat([value.flatten().float() for value in load_bundle(place).state_dict().values()])
        for place in (tmp_path / 'alone', tmp_path / 'bundle')
    )
    torch.testing.assert_close(killed, alone, rtol=0, atol=1e-3)
