"""Presets of published models, scaled down until they load in no time."""

from __future__ import annotations

from pathlib import Path

import yaml

from jepa_wm_ros.paths import share
from jepa_wm_ros.worldmodel.published.fabrication import fabricate
from jepa_wm_ros.worldmodel.published.presets import Preset, load_preset

DINOV2 = {'dim': 12, 'depth': 1, 'heads': 2, 'mlp': 48, 'grid': [1, 3, 3]}
SCALED = {
    'jepa_wm_wall': {
        'camera': 28,
        'encoder': {'name': 'dinov2_vits14', **DINOV2},
        'predictor': {'depth': 2, 'heads': 2, 'width': 12, 'proprio_dim': 8},
        'checkpoint': {'encoder_dim': 12, 'width': 12, 'depth': 2, 'proprio_dim': 8},
        'encoder_file': {'dim': 12, 'depth': 1, 'grid': 3},
    },
    'dino_wm_wall': {
        'camera': 28,
        'encoder': {'name': 'dinov2_vits14', **DINOV2},
        'predictor': {'depth': 1, 'heads': 2, 'head_dim': 8, 'mlp_dim': 24},
        'checkpoint': {'encoder_dim': 12, 'depth': 1, 'inner': 16, 'mlp': 24, 'tokens': 16},
        'encoder_file': {'dim': 12, 'depth': 1, 'grid': 3},
    },
    'jepa_wm_droid': {
        'camera': 32,
        'encoder': {'name': 'dinov3_vitl16', 'dim': 16, 'depth': 1, 'heads': 2, 'mlp': 64},
        'predictor': {'depth': 1, 'heads': 2, 'width': 16},
        'checkpoint': {'encoder_dim': 16, 'width': 16, 'depth': 1},
        'encoder_file': {'dim': 16, 'depth': 1, 'heads': 2},
    },
    'vjepa2_ac_droid': {
        'camera': 32,
        'encoder': {'name': 'vjepa2_vitg16', 'dim': 44, 'depth': 1, 'heads': 2, 'mlp': 64},
        'predictor': {'depth': 1, 'heads': 2, 'width': 32},
        'checkpoint': {'encoder_dim': 44, 'width': 32, 'depth': 1},
        'encoder_file': {'dim': 44, 'depth': 1, 'mlp': 64, 'positions': 8},
    },
    'vjepa2_ac_oss': {
        'camera': 32,
        'encoder': {'name': 'vjepa2_vitg16', 'dim': 44, 'depth': 1, 'heads': 2, 'mlp': 64},
        'predictor': {'depth': 1, 'heads': 2, 'width': 32},
        'checkpoint': {
            'encoder_dim': 44,
            'width': 32,
            'depth': 1,
            'encoder_depth': 1,
            'encoder_mlp': 64,
            'encoder_positions': 8,
        },
    },
    'lewm_pusht': {
        'camera': 28,
        'encoder': {
            'name': 'lewm_vit_tiny',
            'dim': 12,
            'depth': 1,
            'heads': 2,
            'mlp': 48,
            'grid': [1, 2, 2],
        },
        'predictor': {'depth': 1, 'heads': 2, 'head_dim': 8, 'mlp_dim': 20},
        'architecture': {'embed_dim': 12, 'projector_dim': 24},
        'checkpoint': {
            'dim': 12,
            'depth': 1,
            'mlp': 48,
            'patches': 4,
            'layers': 1,
            'inner': 16,
            'predictor_mlp': 20,
            'hidden': 24,
        },
    },
}
"""What is changed of each preset: sides of pictures [px], architecture, and layouts of files."""


def write_small_preset(name: str, folder: Path) -> Path:
    """Write a preset with the sizes of `SCALED`."""
    mapping = yaml.safe_load(share('config', 'models', f'{name}.yaml').read_text())
    scale = SCALED[name]
    contract, architecture = mapping['contract'], mapping['contract']['architecture']
    contract['camera'].update(width=scale['camera'], height=scale['camera'])
    contract['planning'].update(samples=8, elites=2, iterations=1, horizon=1, executed_steps=1)
    architecture['encoder'].update(scale['encoder'])
    architecture['predictor'].update(scale['predictor'])
    architecture.update(scale.get('architecture', {}))
    mapping['checkpoint']['layout'].update(scale['checkpoint'])
    if 'encoder_file' in scale:
        mapping['encoder']['layout'].update(scale['encoder_file'])
    path = folder / f'{name}.yaml'
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(mapping))
    return path


def write_files(preset: Preset, folder: Path) -> dict[str, Path]:
    """Fabricate the published files of a preset; gives their paths by role."""
    paths = {role: folder / file.name for role, file in preset.files.items()}
    for role, path in paths.items():
        fabricate(preset.layout(role), path, preset.files[role].ignored)
    return paths


def small_preset(name: str, folder: Path) -> Preset:
    """Return the scaled-down preset."""
    return load_preset(str(write_small_preset(name, folder)))
