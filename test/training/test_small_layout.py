"""The shipped model's training, step by step: what the trainer does is written out here."""

from __future__ import annotations

import math

import torch

from jepa_wm_ros.data.clips import ClipSampler, split_episodes
from jepa_wm_ros.training.augmentation import jittered
from jepa_wm_ros.training.losses import lewm_loss
from jepa_wm_ros.training.sigreg import random_directions
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.camera import normalise
from jepa_wm_ros.worldmodel.families import build


def test_the_trainer_gives_the_same_bits_as_the_loop_written_out(recipe, table) -> None:
    recipe = recipe.with_training(steps=10)
    trainer = Trainer(recipe, table)
    trainer.run(lambda progress: None)

    settings, camera = recipe.training, recipe.model.camera
    torch.manual_seed(settings.seed)
    model = build(recipe.model)
    parameters = list(model.parameters())
    groups = [
        {'params': [p for p in parameters if p.ndim > 1], 'weight_decay': settings.weight_decay},
        {'params': [p for p in parameters if p.ndim <= 1], 'weight_decay': 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)
    episodes, _ = split_episodes(table.episodes, settings.validation, settings.seed)
    clips = ClipSampler(table, episodes, settings.rollout + 1, settings.seed)
    for step in range(settings.steps):
        rising = (step + 1) / settings.warmup_steps
        left = (step - settings.warmup_steps) / (settings.steps - settings.warmup_steps)
        share = rising if rising <= 1 else 0.5 * (1 + math.cos(math.pi * left))
        for group in optimiser.param_groups:
            group['lr'] = settings.learning_rate * share
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        batch = clips.batch(step, settings.batch)
        images = normalise(torch.from_numpy(batch.pixels), camera)
        count, whole = settings.batch, slice(None)
        images = jittered(images, camera, settings, generator, clips=count, part=whole)
        terms = lewm_loss(
            model.train(),
            images,
            torch.from_numpy(batch.action),
            torch.from_numpy(batch.proprio),
            random_directions(8, settings.sigreg_directions, generator),
        )
        optimiser.zero_grad()
        (terms.prediction + settings.sigreg_weight * terms.sigreg).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip)
        optimiser.step()
    for name, tensor in model.state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], tensor), name
