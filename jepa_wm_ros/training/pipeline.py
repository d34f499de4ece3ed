"""From a recipe and a table of episodes to a bundle on disk."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.training.validation import validate
from jepa_wm_ros.worldmodel.bundle import save_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.recipe import Recipe
    from jepa_wm_ros.training.trainer import Progress
    from jepa_wm_ros.training.validation import Validation
    from jepa_wm_ros.worldmodel.contract import Contract

CHECKPOINT_FILE = 'checkpoint.pt'


def train(
    recipe: Recipe,
    table: EpisodeTable,
    out: Path,
    report: Callable[..., None],
    log: Callable[[str], None],
) -> Validation:
    """Train a model and write its bundle, with the validation figures in its contract.

    Args:
        recipe: What to train, and how.
        table: The episodes.
        out: The bundle's folder; `checkpoint.pt` lives there while training is under way, and a
            run that was interrupted goes on from it.
        report: Called with (steps done, steps in all, note=…).
        log: Called with a line after each validation.

    Returns:
        The figures of the finished model.
    """
    settings = recipe.training
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / CHECKPOINT_FILE
    trainer = Trainer(recipe, table)
    if checkpoint.exists():
        trainer.resume(checkpoint)
        log(f'going on from step {trainer.step}')

    def measure() -> Validation:
        figures = validate(trainer.model, table, trainer.held_out, settings.rollout, settings.seed)
        log(
            f'step {trainer.step}: {settings.rollout}-step error / copying '
            f'{figures.rollout_error[-1]:.3f}, probe {100 * figures.probe_rmse_m:.2f} cm, '
            f'effective rank {figures.effective_rank:.1f}'
        )
        return figures

    def on_step(progress: Progress) -> None:
        note = f'prediction {progress.prediction:.4f}, SIGReg/null {progress.sigreg_ratio:.2f}'
        report(progress.step, progress.steps, note=note)
        if progress.step % settings.validate_every == 0 and progress.step < progress.steps:
            measure()

    trainer.run(on_step, checkpoint)
    figures = measure()
    save_bundle(out, trainer.model, _finished(recipe, figures))
    checkpoint.unlink(missing_ok=True)
    return figures


def _finished(recipe: Recipe, figures: Validation) -> Contract:
    planning = dataclasses.replace(
        recipe.model.planning, reached_cost=round(figures.reached_cost, 5)
    )
    results: dict[str, Any] = {
        'training_seed': recipe.training.seed,
        'training_steps': recipe.training.steps,
        'rollout_error_over_copy': [round(error, 4) for error in figures.rollout_error],
        'probe_rmse_m': round(figures.probe_rmse_m, 4),
        'effective_rank': round(figures.effective_rank, 1),
    }
    if figures.readout_rmse_m is not None:
        results['readout_rmse_m'] = round(figures.readout_rmse_m, 4)
    return dataclasses.replace(recipe.model, planning=planning, results=results)
