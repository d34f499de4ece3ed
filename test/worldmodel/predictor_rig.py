"""Small predictors of every kind, with random weights that leave nothing at zero."""

import torch

from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.settings import FrameShape, PredictorSettings

ADALN = {'heads': 2, 'width': 22}
KINDS = {
    'jepa_wm': ADALN,
    'jepa_wm_state': {**ADALN, 'proprio': 'feature', 'proprio_dim': 6},
    'jepa_wm_state_token': {**ADALN, 'proprio': 'token'},
    'jepa_wm_feature': {**ADALN, 'width': 16, 'conditioning': 'feature', 'action_dim': 6},
    'jepa_wm_token': {**ADALN, 'conditioning': 'token'},
    'dino_wm': {
        'heads': 3,
        'head_dim': 8,
        'mlp_dim': 40,
        'conditioning': 'feature',
        'action_dim': 5,
        'proprio': 'feature',
        'proprio_dim': 4,
        'positions': 'learned',
        'norm_eps': 1e-5,
        'qkv_bias': False,
    },
    'vjepa2_ac': {**ADALN, 'conditioning': 'token', 'proprio': 'token'},
    'lewm': {'heads': 3, 'head_dim': 8, 'conditioning': 'adaln_zero', 'positions': 'learned'},
    'no_mask': {**ADALN, 'mask': 'none'},
    'no_positions': {**ADALN, 'positions': 'none'},
}
"""Settings by a name; each differs from the others in a choice, not in a size."""

SHAPE = FrameShape(latent_dim=12, grid=(2, 3), action_dim=7, proprio_dim=7)


def build(kind: str, depth: int = 3, **changes) -> FramePredictor:
    """Return a predictor in double precision, so that only mistakes differ."""
    settings = PredictorSettings(depth=depth, **{'frames': 5, **KINDS[kind], **changes})
    predictor = FramePredictor(settings, SHAPE).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(7)
    for parameter in predictor.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator).double() * 0.3)
    return predictor


def frames(predictor: FramePredictor, batch: int, count: int, seed: int = 0) -> Frames:
    """Return random frames as the predictor takes them."""
    generator = torch.Generator().manual_seed(seed)
    patches = SHAPE.grid[0] * SHAPE.grid[1]
    latent = torch.randn(batch, count, patches, SHAPE.latent_dim, generator=generator).double()
    state = torch.randn(batch, count, SHAPE.proprio_dim, generator=generator).double()
    how = predictor.settings.proprio
    if how == 'feature':
        return Frames(latent, predictor.conditioning.embed_proprio(state))
    return Frames(latent, state if how == 'token' else None)


def actions(*shape: int, seed: int = 1) -> torch.Tensor:
    """Return random normalised actions `(*shape, A)`."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, SHAPE.action_dim, generator=generator).double()


def hold(last: Frames, following: Frames, h: int) -> Frames:
    """Complete a predicted frame as a model with a state token does, without moving."""
    return Frames(
        following.latent, last.proprio if following.proprio is None else following.proprio
    )
