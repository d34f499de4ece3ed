"""A frozen encoder stays as it is, comes from another bundle, and is run once where asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_training import recipe_of, silent

from jepa_wm_ros.paths import MissingFileError
from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.features import cached_features
from jepa_wm_ros.training.frozen import EncoderWeightsError, bundle_folder
from jepa_wm_ros.training.pipeline import RunOptions, train
from jepa_wm_ros.training.recipe import Recipe
from jepa_wm_ros.training.settings import EncoderTraining
from jepa_wm_ros.training.trainer import Trainer, begin
from jepa_wm_ros.worldmodel.bundle import save_bundle

PLAIN = {'brightness': 0.0, 'contrast': 0.0, 'colour': 0.0, 'sigreg_weight': 0.0}


def frozen(family: str = 'jepa_wm', bundle: str = '', **changes) -> Recipe:
    recipe = recipe_of(family, **{'steps': 5, **PLAIN, **changes})
    return recipe.with_training(encoder=EncoderTraining(frozen=True, bundle=bundle))


def states(model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_its_weights_and_statistics_stay(table) -> None:
    trainer = Trainer(frozen('lewm'), table)
    before = states(trainer.model)
    trainer.run(silent)
    for name, tensor in trainer.model.state_dict().items():
        if 'encoder.' in name:
            assert torch.equal(tensor, before[name]), name
    assert not torch.equal(
        trainer.model.projector.inward.weight, before['projector.inward.weight']
    )


def test_patches_under_slots_come_from_a_bundle_and_stay(recipe, table, tmp_path: Path) -> None:
    shipped = begin(recipe)
    save_bundle(tmp_path, shipped, recipe.model)
    features = {'kind': 'conv_map', **recipe.model.architecture['encoder']}
    slots = {'patches': {'frozen': True, 'bundle': str(tmp_path)}}
    wanted = recipe_of('cjepa', **{'steps': 3, **PLAIN, 'slots': slots})
    architecture = {
        **wanted.model.architecture,
        'slot_dim': 21,
        'encoder': {'kind': 'mask_pooling', 'features': features},
        'predictor': {**wanted.model.architecture['predictor'], 'head_dim': 8},
    }
    model = dataclasses.replace(wanted.model, architecture=architecture)
    trainer = Trainer(dataclasses.replace(wanted, model=model), table)
    before = states(trainer.model.encoder)
    trainer.run(silent)
    after = states(trainer.model.encoder)
    for name, tensor in shipped.encoder.features.state_dict().items():
        assert torch.equal(after[f'features.features.{name}'], tensor), name
    for name in ('segment.weight', 'norm.running_mean'):
        assert not torch.equal(after[name], before[name]), name


def test_it_starts_from_a_bundle_of_another_family(recipe, table, tmp_path: Path) -> None:
    """A convolutional encoder is called differently in the small layout of LeWorldModel."""
    encoder = {'kind': 'conv', **recipe.model.architecture['encoder']}
    model = begin(recipe)
    save_bundle(tmp_path, model, recipe.model)
    wanted = frozen(bundle=str(tmp_path))
    architecture = {**wanted.model.architecture, 'encoder': encoder}
    other = dataclasses.replace(
        wanted, model=dataclasses.replace(wanted.model, architecture=architecture)
    )
    taken = begin(other).encoder.state_dict()
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(taken[f'conv.{name}'], tensor)


def test_a_feature_map_takes_the_layers_before_the_embedding(recipe, tmp_path: Path) -> None:
    model = begin(recipe).eval()
    save_bundle(tmp_path, model, recipe.model)
    wanted = frozen(bundle=str(tmp_path))
    encoder = {'kind': 'conv_map', **recipe.model.architecture['encoder']}
    architecture = {**wanted.model.architecture, 'encoder': encoder}
    other = dataclasses.replace(
        wanted, model=dataclasses.replace(wanted.model, architecture=architecture)
    )
    taken = begin(other).encoder
    side = recipe.model.camera.width
    pictures = torch.randn(2, 3, side, side)
    tokens = taken(pictures[None])[0]
    planes = model.encoder.features(pictures).flatten(2).mT
    assert tokens.shape == planes.shape
    torch.testing.assert_close(
        tokens, torch.nn.functional.layer_norm(planes, planes.shape[-1:]), rtol=1e-5, atol=1e-5
    )


def test_a_shipped_encoder_is_known_by_its_name() -> None:
    assert (bundle_folder('franka_cell_reach') / 'model.safetensors').exists()
    with pytest.raises(MissingFileError, match='models/no_such_bundle'):
        bundle_folder('no_such_bundle')


def test_another_encoder_is_refused(recipe, table, tmp_path: Path) -> None:
    save_bundle(tmp_path, begin(recipe), recipe.model)
    with pytest.raises(EncoderWeightsError, match='is another one'):
        begin(frozen(bundle=str(tmp_path)))


def test_features_from_the_file_give_the_same_gradients(table, tmp_path: Path) -> None:
    recipe = frozen()
    features = cached_features(recipe, begin(recipe), table, tmp_path, silent)
    pictures, cached = Trainer(recipe, table), Trainer(recipe, table, features=features)
    losses = [trainer.gradients(trainer.clip(0))['loss'] for trainer in (pictures, cached)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for (name, one), (_, other) in zip(
        pictures.model.named_parameters(), cached.model.named_parameters(), strict=True
    ):
        if not name.startswith('encoder.'):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_a_run_with_cached_features_ends_in_a_bundle_alone(table, tmp_path: Path) -> None:
    said: list[str] = []
    train(frozen(), table, tmp_path, silent, said.append, RunOptions(cache_features=True))
    assert said[0].startswith('160 pictures encoded')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['model.safetensors', 'model.yaml']


def test_the_encoder_is_run_again_only_for_other_weights(table, tmp_path: Path) -> None:
    counts: list[int] = []
    recipe = frozen()

    def features(seed: int) -> np.ndarray:
        chosen = recipe.with_training(seed=seed)
        return cached_features(
            chosen, begin(chosen), table, tmp_path, lambda done, n: counts.append(done)
        )

    first = features(0)
    made = len(counts)
    assert np.array_equal(first, features(0))
    assert len(counts) == made
    assert isinstance(first, np.memmap)
    assert not np.array_equal(np.array(first), features(1))
    assert len(counts) == 2 * made


@pytest.mark.parametrize(
    ('recipe', 'reason'),
    [
        (recipe_of('jepa_wm', **PLAIN), 'frozen: true'),
        (frozen(contrast=0.1), 'contrast'),
        (frozen('lewm'), 'patch tokens'),
    ],
)
def test_features_are_not_cached_where_they_change(recipe, reason, table, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=reason):
        train(recipe, table, tmp_path, silent, silent, RunOptions(cache_features=True))
