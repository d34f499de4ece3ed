"""From a recipe and a table of episodes to a bundle on disk."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from jepa_wm_ros.training.features import FEATURES_FILE, cached_features
from jepa_wm_ros.training.heads.material import excerpt
from jepa_wm_ros.training.heads.painting import decoder_results
from jepa_wm_ros.training.team import ALONE, Team
from jepa_wm_ros.training.trainer import Trainer, begin, check_data
from jepa_wm_ros.training.validation import validate
from jepa_wm_ros.worldmodel.bundle import load_contract, save_bundle
from jepa_wm_ros.worldmodel.heads.storage import save_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.board import Board
    from jepa_wm_ros.training.recipe import Recipe
    from jepa_wm_ros.training.trainer import Progress
    from jepa_wm_ros.training.validation import Validation
    from jepa_wm_ros.worldmodel.contract import Contract
    from jepa_wm_ros.worldmodel.protocol import WorldModel

CHECKPOINT_FILE = 'checkpoint.pt'
HEAD_EPISODES = 16
"""Held-out episodes on which heads that were trained along are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a training is run; none of it is for the model.

    Attributes:
        team: The processes that share each batch.
        device: Where the model is trained.
        cache_features: Whether a frozen encoder is run once, before training.
        sharded: Whether the weights are spread over the processes, not replicated.
        board: Where figures are drawn, if anywhere.
    """

    team: Team = ALONE
    device: torch.device = dataclasses.field(default_factory=lambda: torch.device('cpu'))
    cache_features: bool = False
    sharded: bool = False
    board: Board | None = None


def train(
    recipe: Recipe,
    table: EpisodeTable,
    out: Path,
    report: Callable[..., None],
    log: Callable[[str], None],
    options: RunOptions | None = None,
) -> Validation | None:
    """Train a model and write its bundle, with the validation figures in its contract.

    Args:
        recipe: What to train, and how.
        table: The episodes.
        out: The bundle's folder; `checkpoint.pt` lives there while training is under way, and a
            run that was interrupted goes on from it.
        report: Called with (steps done, steps in all, note=…).
        log: Called with a line after each validation.
        options: How to run.

    Returns:
        The figures of the finished model; None in processes that write nothing.
    """
    options = options or RunOptions()
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, table, out, log, options)
    run.go_on()

    def on_step(progress: Progress) -> None:
        report(progress.step, progress.steps, note=_note(progress))
        run.watch(progress)

    run.trainer.run(on_step, out / CHECKPOINT_FILE)
    run.say_how_data_came()
    return run.finish()


class _Run:
    """One training, with its files and what it says."""

    def __init__(
        self,
        recipe: Recipe,
        table: EpisodeTable,
        out: Path,
        log: Callable[[str], None],
        options: RunOptions,
    ) -> None:
        self.recipe, self.table, self.out, self.options = recipe, table, out, options
        self.log = log if options.team.writes else _silent
        self.features: NDArray[Any] | None = None
        model = None
        if options.cache_features:
            check_data(recipe.model, table)
            model = begin(recipe).to(options.device)
            self.features = self._cached(model)
        self.trainer = Trainer(
            recipe,
            table,
            team=options.team,
            device=options.device,
            features=self.features,
            model=model,
            sharded=options.sharded,
        )
        self._last: Progress | None = None

    def _cached(self, model: torch.nn.Module) -> NDArray[Any]:
        """Let one process compute the features; the others map them when they are there."""

        def told(done: int, count: int) -> None:
            if done == count:
                self.log(f'{count} pictures encoded: {self.out / FEATURES_FILE}')

        team = self.options.team
        for turn in (True, False):
            if team.writes is turn:
                features = cached_features(self.recipe, model, self.table, self.out, told)
            team.wait()
        return features

    def go_on(self) -> None:
        """Resume, if there is something to resume."""
        checkpoint = self.out / CHECKPOINT_FILE
        if checkpoint.exists():
            self.trainer.resume(checkpoint)
            self.log(f'going on from step {self.trainer.step}')

    def watch(self, progress: Progress) -> None:
        """Draw figures, and validate every so often."""
        self._last = progress
        board, every = self.options.board, self.recipe.training.validate_every
        if board is not None and self.options.team.writes:
            board.step(progress)
        if progress.step % every == 0 and progress.step < progress.steps:
            model = self.trainer.whole_model()
            if self.options.team.writes:
                self.measure(model)
            self.options.team.wait()

    def measure(self, model: nn.Module) -> Validation:
        """Validate a whole model, say what came of it, and warn of a collapse."""
        settings, trainer = self.recipe.training, self.trainer
        figures = validate(
            cast('WorldModel', model),
            self.table,
            trainer.held_out,
            settings.rollout,
            settings.seed,
            self.features,
        )
        self.log(
            f'step {trainer.step}: {settings.rollout}-step error / copying '
            f'{figures.rollout_error[-1]:.3f}, probe {100 * figures.probe_rmse_m:.2f} cm, '
            f'effective rank {figures.effective_rank:.1f} of {figures.numbers}, '
            f'SIGReg/null {figures.sigreg_ratio:.1f}'
        )
        for warning in _warnings(figures):
            self.log(f'warning: {warning}')
        if self.options.board is not None:
            self.options.board.validation(trainer.step, figures)
        return figures

    def say_how_data_came(self) -> None:
        """Say how fast data came, compared with how fast they were used."""
        if self._last is not None:
            times = self._last.times
            self.log(
                f'data feeds {times.ratio:.1f} times what training takes; training waited for '
                f'data {100 * times.waiting_share:.1f} % of the time'
            )

    def finish(self) -> Validation | None:
        """Measure, write the bundle and remove what was needed on the way."""
        figures = None
        model = self.trainer.whole_model()
        if self.options.team.writes:
            figures = self.measure(model)
            contract = _finished(self.recipe, figures, self.trainer.cpu_s)
            save_bundle(self.out, model, contract)
            self._save_heads()
            for name in (CHECKPOINT_FILE, FEATURES_FILE, 'features.json'):
                (self.out / name).unlink(missing_ok=True)
        self.options.team.wait()
        return figures

    def _save_heads(self) -> None:
        """Write heads that were trained along, with what they do on held-out episodes."""
        heads = self.trainer.criterion.heads()
        if not heads:
            return
        contract = load_contract(self.out)
        model = cast('WorldModel', self.trainer.model)
        material = excerpt(model, self.table, self.trainer.held_out[:HEAD_EPISODES])
        for name, head in heads.items():
            said = {'recipe': self.recipe.model.name, 'steps': self.trainer.step}
            results = decoder_results(head.eval(), material)
            save_head(self.out, name, head, contract, said, results)


def _silent(line: str) -> None:
    """Say nothing: another process does."""


def _note(progress: Progress) -> str:
    """Return a few words on a step: the parts of its loss, and where the time goes."""
    parts = [f'prediction {progress.prediction:.4f}']
    if progress.sigreg_ratio is not None:
        parts.append(f'SIGReg/null {progress.sigreg_ratio:.2f}')
    parts.append(f'data {100 * progress.times.waiting_share:.0f} %')
    return ', '.join(parts)


def _warnings(figures: Validation) -> list[str]:
    """Return what the figures warn of: errors are small, too, where nothing is left to predict."""
    remedy = 'raise training.sigreg_weight (or the VICReg terms)'
    said = []
    if figures.collapsed:
        said.append(
            'the embeddings have collapsed: pictures look alike to the model, and small errors '
            f'mean nothing; {remedy}'
        )
    if figures.blind:
        said.append(
            'where the robot is cannot be told from the embeddings: a linear probe is '
            f'{100 * figures.probe_rmse_m:.1f} cm off, guessing the mean '
            f'{100 * figures.guess_rmse_m:.1f} cm, and small errors mean nothing; {remedy}, or '
            'train for longer'
        )
    return said


def _finished(recipe: Recipe, figures: Validation, cpu_s: float) -> Contract:
    planning = dataclasses.replace(
        recipe.model.planning, reached_cost=round(figures.reached_cost, 5)
    )
    results: dict[str, Any] = {
        'training_seed': recipe.training.seed,
        'training_steps': recipe.training.steps,
        'training_cpu_s': round(cpu_s, 1),
        'rollout_error_over_copy': [round(error, 4) for error in figures.rollout_error],
        'probe_rmse_m': round(figures.probe_rmse_m, 4),
        'guess_rmse_m': round(figures.guess_rmse_m, 4),
        'effective_rank': round(figures.effective_rank, 1),
        'sigreg_over_null': round(figures.sigreg_ratio, 2),
    }
    if figures.collapsed:
        results['collapsed'] = True
    if figures.blind:
        results['blind'] = True
    if figures.readout_rmse_m is not None:
        results['readout_rmse_m'] = round(figures.readout_rmse_m, 4)
    return dataclasses.replace(recipe.model, planning=planning, results=results)
