"""Properties of the transformer core: causality, batches, conditions, positions."""

import pytest
import torch
from predictor_rig import KINDS, SHAPE, actions, build, frames

from jepa_wm_ros.worldmodel.predictors.frame_predictor import FramePredictor, Frames
from jepa_wm_ros.worldmodel.predictors.masks import frame_causal
from jepa_wm_ros.worldmodel.predictors.rope import Rotary, companion
from jepa_wm_ros.worldmodel.predictors.settings import (
    FrameShape,
    PredictorSettings,
    TransformerSettings,
    transformer_settings,
)
from jepa_wm_ros.worldmodel.predictors.transformer import Transformer, WindowError

CAUSAL = [kind for kind in KINDS if kind != 'no_mask']


@pytest.mark.parametrize('kind', CAUSAL)
def test_a_frame_changes_its_own_prediction_and_later_ones_only(kind):
    predictor = build(kind)
    window, moves = frames(predictor, 1, 4), actions(1, 4)
    before = predictor(window, moves).latent
    window.latent[:, 2, 0, 0] += 1.0
    changed = (predictor(window, moves).latent - before).abs().amax((0, 2, 3))
    assert (changed[:2] == 0).all()
    assert (changed[2:] > 1e-6).all()


@pytest.mark.parametrize('kind', CAUSAL)
def test_an_action_changes_the_frame_that_it_leads_to_and_later_ones_only(kind):
    predictor = build(kind)
    window, moves = frames(predictor, 1, 4), actions(1, 4)
    before = predictor(window, moves).latent
    moves[:, 1] += 1.0
    changed = (predictor(window, moves).latent - before).abs().amax((0, 2, 3))
    assert changed[0] == 0
    assert (changed[1:] > 1e-6).all()


@pytest.mark.parametrize('kind', [kind for kind in KINDS if 'state' in kind or 'ac' in kind])
def test_the_state_of_the_robot_counts(kind):
    predictor = build(kind)
    window, moves = frames(predictor, 1, 2), actions(1, 2)
    before = predictor(window, moves).latent
    faster = Frames(window.latent, window.proprio * 1.5)
    assert (predictor(faster, moves).latent - before).abs().max() > 1e-6


def test_without_a_mask_the_past_sees_the_future():
    predictor = build('no_mask')
    window, moves = frames(predictor, 1, 3), actions(1, 3)
    before = predictor(window, moves).latent
    window.latent[:, 2, 0, 0] += 1.0
    assert (predictor(window, moves).latent - before)[:, 0].abs().max() > 1e-6


@pytest.mark.parametrize('kind', KINDS)
def test_entries_of_a_batch_are_independent(kind):
    predictor = build(kind)
    window, moves = frames(predictor, 3, 3), actions(3, 3)
    alone = predictor(window.map(lambda part: part[1:2]), moves[1:2]).latent
    torch.testing.assert_close(predictor(window, moves).latent[1:2], alone)


@pytest.mark.parametrize('kind', [kind for kind in CAUSAL if kind != 'no_positions'])
def test_patches_know_their_place(kind):
    predictor = build(kind)
    window, moves = frames(predictor, 1, 2), actions(1, 2)
    swapped = window.map(lambda part: part.flip(2) if part.ndim == 4 else part)
    found = predictor(swapped, moves).latent.flip(2)
    assert (found - predictor(window, moves).latent).abs().max() > 1e-6


def test_without_positions_patches_are_a_set():
    predictor = build('no_positions')
    window, moves = frames(predictor, 1, 2), actions(1, 2)
    found = predictor(window.map(lambda part: part.flip(2)), moves).latent.flip(2)
    torch.testing.assert_close(found, predictor(window, moves).latent)


@pytest.mark.parametrize('asked', [1, 2])
def test_only_the_frames_asked_for_are_computed_to_the_end(asked):
    core = build('jepa_wm').core
    x, condition = torch.randn(2, 4, 6, 22).double(), torch.randn(2, 4, 22).double()
    whole = core(x, condition)
    some, past = core.extend(x, core.modulate(condition), asked=asked)
    assert past is None
    torch.testing.assert_close(some, whole[:, -asked:])


@pytest.mark.parametrize('kind', ['jepa_wm', 'dino_wm'])
def test_what_is_kept_of_a_frame_holds_nothing_else_in_memory(kind):
    core = build(kind).core
    x, condition = torch.randn(2, 2, 6, core.settings.dim).double(), None
    if core.settings.condition_dim:
        condition = torch.randn(2, 2, core.settings.dim).double()
    _, past = core.extend(x, core.modulate(condition), keep=True)
    assert past is not None
    for block in past.blocks:
        for part in (block.keys, block.values):
            assert part.untyped_storage().nbytes() == part.nbytes


def test_a_block_of_adaln_zero_begins_as_the_identity():
    settings = PredictorSettings(depth=2, heads=2, conditioning='adaln_zero', positions='none')
    core = FramePredictor(settings, FrameShape(latent_dim=8, grid=(1, 1), action_dim=2)).core
    x = torch.randn(2, 3, 1, 8)
    torch.testing.assert_close(core(x, torch.randn(2, 3, 8)), core.norm(x))


def test_attention_without_a_norm_reads_the_stream_as_it_is():
    settings = TransformerSettings(
        dim=8, depth=1, heads=2, head_dim=4, mlp_dim=16, norms='mlp', mask='none'
    )
    core = Transformer(settings)
    block = core.blocks[0]
    x = torch.randn(2, 3, 1, 8)
    mixed, _ = block.attention(x)
    between = x + mixed
    torch.testing.assert_close(core(x), core.norm(between + block.mlp(block.mlp_norm(between))))


def test_a_window_without_a_causal_mask_cannot_be_continued():
    core = build('no_mask').core
    x, modulations = (
        torch.zeros(1, 1, 6, 22).double(),
        core.modulate(torch.zeros(1, 1, 22).double()),
    )
    _, past = core.extend(x, modulations, keep=True)
    with pytest.raises(WindowError, match='frame-causal'):
        core.extend(x, modulations, past)


def test_masks_hide_the_future_and_nothing_else():
    mask = frame_causal(3, 2)
    assert mask.tolist() == [[j // 2 <= i // 2 for j in range(6)] for i in range(6)]
    torch.testing.assert_close(frame_causal(1, 2, past=2), torch.ones(2, 6, dtype=torch.bool))


def test_extra_tokens_turn_with_time_only():
    rotary = Rotary(head_dim=25, frames=2, grid=(2, 3), extra=1)
    x = torch.randn(1, 1, 14, 25)
    turned = rotary(x, 0)
    size = 8
    torch.testing.assert_close(turned[..., 0, :], x[..., 0, :])  # time 0
    torch.testing.assert_close(turned[..., 7, size:], x[..., 7, size:])  # the second frame's
    assert (turned[..., 7, :size] - x[..., 7, :size]).abs().max() > 1e-3
    torch.testing.assert_close(turned[..., 24], x[..., 24])  # the remainder of the head


def test_published_rotary_positions_are_no_rotation():
    rotary = Rotary(head_dim=12, frames=8, grid=(1, 1))
    x = torch.randn(1, 1, 8, 12)
    assert (rotary(x, 0).norm(dim=-1) - x.norm(dim=-1)).abs().max() > 1e-2
    torch.testing.assert_close(
        companion(torch.tensor([1.0, 2, 3, 4])), torch.tensor([-2.0, 1, -4, 3])
    )


def test_constants_are_no_weights_and_survive_a_build_without_memory():
    with torch.device('meta'):
        predictor = FramePredictor(PredictorSettings(depth=1, heads=2, width=22), SHAPE)
    assert predictor.core.rotary is not None
    assert not any('rotary' in name for name in predictor.state_dict())
    assert all(buffer.device.type == 'cpu' for buffer in predictor.core.rotary.buffers())


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'conditioning': 'magic'}, 'conditioning must be one of adaln, adaln_zero'),
        ({'conditioning': 'feature'}, 'action_dim is the width of a feature'),
        ({'proprio_dim': 3}, 'proprio_dim is the width of a feature'),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PredictorSettings(**settings)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match=r'width 10 .* multiple of heads 4'):
        transformer_settings(PredictorSettings(heads=4, width=10), SHAPE)
