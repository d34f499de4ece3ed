"""Slots learn to be objects: by painting the picture together, and by masks of the dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_training import recipe_of, silent

from jepa_wm_ros.data.episodes import EpisodeTable
from jepa_wm_ros.training.criteria.criterion import CriterionError
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.loss_settings import SlotLossSettings
from jepa_wm_ros.training.pipeline import RunOptions, train
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.settings import EncoderTraining
from jepa_wm_ros.training.trainer import Trainer
from jepa_wm_ros.worldmodel.bundle import load_bundle
from jepa_wm_ros.worldmodel.encoders.mask_pooling import SHAPE, MaskPoolEncoder
from jepa_wm_ros.worldmodel.heads import load_decoder
from jepa_wm_ros.worldmodel.schema import read
from jepa_wm_ros.worldmodel.slot_providers import SlotProvider

FEATURES = {'kind': 'conv_patches', 'patch': 4, 'channels': [8, 16]}
SLOT_ATTENTION = {'kind': 'slot_attention', 'features': FEATURES, 'hidden': 16, 'heads': 2}
MASK_POOLING = {'kind': 'mask_pooling', 'features': FEATURES}
PREDICTOR = {'depth': 1, 'heads': 2, 'mlp_dim': 32, 'dropout': 0.0}
PAINTING = {'height': 16, 'width': 16, 'channels': [16, 8, 8, 8]}
PLAIN = {'brightness': 0.0, 'contrast': 0.0, 'colour': 0.0, 'sigreg_weight': 0.0}


def painting(provider: dict, mask_weight: float = 0.0, **training) -> Recipe:
    """Return the toy recipe of slots that learn by painting."""
    recipe = recipe_of('cjepa', **{'steps': 40, 'slots': {'most_hidden': 1}, **PLAIN, **training})
    architecture = {**recipe.model.architecture, 'slots': 2, 'encoder': provider}
    if provider is MASK_POOLING:
        architecture |= {'slot_dim': 16 + SHAPE, 'predictor': {**PREDICTOR, 'head_dim': 8}}
    model = dataclasses.replace(recipe.model, architecture=architecture)
    said = {'most_hidden': 1, 'mask_weight': mask_weight, 'reconstruction': PAINTING}
    slots = read(SlotLossSettings, said, 'test')
    return dataclasses.replace(recipe.with_training(slots=slots), model=model)


@pytest.fixture
def masked(table) -> EpisodeTable:
    """The toy world, where the dot is object 1."""
    return dataclasses.replace(table, masks=(table.pixels[..., 0] > 60).astype(np.uint8))


def terms_of(trainer: Trainer, step: int) -> dict[str, float]:
    return trainer.gradients(trainer.clip(step))


@pytest.mark.parametrize('encoder', [SLOT_ATTENTION, MASK_POOLING])
def test_painting_gets_better_and_the_predictor_learns_along(encoder, table) -> None:
    trainer = Trainer(painting(encoder), table)
    errors = []
    trainer.run(lambda progress: errors.append(progress.terms))
    first, last = ([e[name] for e in errors] for name in ('reconstruction', 'prediction'))
    assert np.mean(first[-5:]) < 0.8 * np.mean(first[:5])
    assert np.isfinite(last).all()
    assert isinstance(trainer.model.encoder, SlotProvider)


def test_the_predictor_does_not_change_the_slots(table) -> None:
    """The encoder's gradient is that of painting alone, whatever the predictor says."""
    trainer = Trainer(painting(SLOT_ATTENTION), table)
    weight = trainer.model.encoder.initial

    terms_of(trainer, 0)
    before = weight.grad.clone()
    for parameter in trainer.model.predictor.parameters():
        parameter.data += 0.5
    terms_of(trainer, 0)
    assert before.abs().max() > 0
    torch.testing.assert_close(weight.grad, before)


def test_masks_of_the_dataset_are_learned_and_seen_in_pictures(masked) -> None:
    trainer = Trainer(painting(MASK_POOLING, mask_weight=1.0, steps=60), masked)
    trainer.run(silent)
    encoder = trainer.model.encoder
    clip = trainer.clip(0)
    with torch.inference_mode():
        _, odds = encoder.found(clip.frames)
    shares = torch.nn.functional.avg_pool2d(clip.masks.flatten(0, 1).float(), 4).flatten()
    found = odds.softmax(-1)[..., 1].flatten()
    assert found[shares > 0.5].mean() > found[shares == 0].mean() + 0.3


def test_given_masks_make_the_same_slots_as_found_ones() -> None:
    torch.manual_seed(0)
    encoder = MaskPoolEncoder(
        torch.nn.Identity(), features_dim=6, grid=(2, 2), slots=2, dim=6 + SHAPE
    ).eval()
    patches = torch.randn(1, 1, 4, 6)
    encoder.segment.weight.data.zero_()
    encoder.segment.bias.data[:] = torch.tensor([50.0, -50.0])
    masks = torch.stack([torch.ones(4, 4), torch.zeros(4, 4)])[None, None]
    torch.testing.assert_close(encoder.given(patches, masks), encoder(patches))


def test_masks_are_learned_on_patches_that_stay(masked) -> None:
    recipe = painting(MASK_POOLING, mask_weight=1.0, steps=60)
    patches = EncoderTraining(frozen=True)
    slots = dataclasses.replace(recipe.training.slots, reconstruction=None, patches=patches)
    trainer = Trainer(recipe.with_training(slots=slots), masked)
    before = {n: t.clone() for n, t in trainer.model.encoder.features.state_dict().items()}
    errors: list[dict[str, float]] = []
    trainer.run(lambda progress: errors.append(progress.terms))
    assert errors[-1]['masks'] < 0.7 * errors[0]['masks']
    assert 'reconstruction' not in errors[-1]
    assert not trainer.criterion.heads()
    for name, tensor in trainer.model.encoder.features.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_sigreg_has_nothing_to_pull_at_where_slots_are_taught(masked) -> None:
    with pytest.raises(CriterionError, match='sigreg_weight must be 0'):
        Trainer(painting(MASK_POOLING, mask_weight=1.0, sigreg_weight=0.05), masked)


@pytest.mark.parametrize(('encoder', 'masks'), [(MASK_POOLING, False), (SLOT_ATTENTION, True)])
def test_masks_that_cannot_be_learned_are_refused(encoder, masks, table, masked) -> None:
    trainer = Trainer(painting(encoder, mask_weight=1.0), masked if masks else table)
    with pytest.raises(TrainingError, match='needs an encoder of kind mask_pooling and a dataset'):
        terms_of(trainer, 0)


def test_more_objects_than_slots_are_refused(masked) -> None:
    many = dataclasses.replace(masked, masks=masked.masks * 5)
    trainer = Trainer(painting(MASK_POOLING, mask_weight=1.0), many)
    with pytest.raises(TrainingError, match='masks have object 5, the model 2 slots'):
        terms_of(trainer, 0)


def test_a_frozen_encoder_does_not_learn_to_paint(table) -> None:
    recipe = painting(SLOT_ATTENTION, encoder={'frozen': True})
    with pytest.raises(CriterionError, match=r'encoder\.frozen says not to'):
        Trainer(recipe, table)


def test_the_bundle_has_the_decoder_and_its_slots_train_another_predictor(
    table, tmp_path: Path
) -> None:
    first, second = tmp_path / 'slots', tmp_path / 'cjepa'
    recipe = painting(SLOT_ATTENTION, steps=4)
    train(recipe, table, first, silent, silent)
    model = load_bundle(first)
    decoder = load_decoder(first, model)
    assert decoder.settings.layout == 'slots'
    frames = torch.randn(1, 2, 3, 16, 16)
    assert decoder.decode(model.encode(frames)).shape == (1, 2, 3, 16, 16)
    frozen = EncoderTraining(frozen=True, bundle=str(first))
    slots = dataclasses.replace(recipe.training.slots, reconstruction=None)
    other = recipe.with_training(encoder=frozen, slots=slots)
    train(other, table, second, silent, silent, RunOptions(cache_features=True))
    after = load_bundle(second)
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(after.encoder.state_dict()[name], value), name
    assert load_decoder(second, after) is None


def test_painting_needs_pictures(table, tmp_path: Path) -> None:
    trainer = Trainer(painting(SLOT_ATTENTION), table)
    clip = trainer.clip(0)
    features = dataclasses.replace(clip, frames=torch.zeros(16, 4, 2, 16))
    with pytest.raises(TrainingError, match='leave --cache-features out'):
        trainer.gradients(features)
