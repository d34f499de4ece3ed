"""Every key of a published checkpoint is used, knowingly ignored, or an error that names it."""

from __future__ import annotations

import pytest
import torch

from jepa_wm_ros.worldmodel.published.ledger import CheckpointError, KeyMap, Rule

KEYS = KeyMap(
    rules=[
        (r'blocks\.(\d+)\.fc\.(weight|bias)', r'layers.\1.linear.\2'),
        Rule(r'blocks\.(\d+)\.query\.weight', r'layers.\1.qkv.weight', part=(0, 3)),
        Rule(r'blocks\.(\d+)\.key\.weight', r'layers.\1.qkv.weight', part=(1, 3)),
        Rule(r'blocks\.(\d+)\.value\.weight', r'layers.\1.qkv.weight', part=(2, 3)),
        Rule(r'both', targets=('upper', 'lower')),
        Rule(r'embed', 'embed', transform=lambda tensor: tensor.flatten(1)),
    ],
    ignored=[(r'opt(\..*)?', 'state of the optimiser'), (r'mask', 'computed')],
)


def state() -> dict[str, torch.Tensor]:
    return {
        'module.blocks.0.fc.weight': torch.arange(6.0).view(2, 3),
        'blocks.0.module.fc.bias': torch.ones(2),
        'blocks.0.query.weight': torch.full((1, 3), 1.0),
        'blocks.0.key.weight': torch.full((1, 3), 2.0),
        'blocks.0.value.weight': torch.full((1, 3), 3.0),
        'both': torch.arange(4.0),
        'embed': torch.zeros(2, 3, 1),
        'opt.state.0.exp_avg': torch.zeros(9),
        'mask': torch.zeros(1, 4, 4),
    }


WANTED = {
    'layers.0.linear.weight': torch.Size([2, 3]),
    'layers.0.linear.bias': torch.Size([2]),
    'layers.0.qkv.weight': torch.Size([3, 3]),
    'upper': torch.Size([2]),
    'lower': torch.Size([2]),
    'embed': torch.Size([2, 3]),
}


def refused(change) -> str:
    changed = state()
    change(changed)
    with pytest.raises(CheckpointError) as caught:
        KEYS.convert(changed, WANTED, 'a.pth')
    return str(caught.value)


def test_keys_are_renamed_joined_cut_and_reshaped() -> None:
    converted = KEYS.convert(state(), WANTED, 'a.pth')
    assert {name: tensor.shape for name, tensor in converted.items()} == WANTED
    assert converted['layers.0.qkv.weight'][:, 0].tolist() == [1.0, 2.0, 3.0]
    assert converted['lower'].tolist() == [2.0, 3.0]


def test_what_needs_no_change_is_not_copied() -> None:
    original = state()
    converted = KEYS.convert(original, WANTED, 'a.pth')
    weight = original['module.blocks.0.fc.weight']
    assert converted['layers.0.linear.weight'].data_ptr() == weight.data_ptr()


def test_ignored_keys_have_their_reason() -> None:
    ignored = KEYS.account(state()).ignored
    assert ignored == {'opt.state.0.exp_avg': 'state of the optimiser', 'mask': 'computed'}


def test_unexpected_keys_are_listed() -> None:
    def add(changed):
        changed['stranger'] = torch.zeros(1)
        changed['blocks.1.fc.bias'] = torch.zeros(2)

    message = refused(add)
    assert '2 unexpected: stranger, blocks.1.fc.bias' in message
    assert 'a.pth' in message


def test_missing_keys_are_listed() -> None:
    message = refused(lambda changed: changed.pop('blocks.0.module.fc.bias'))
    assert '1 missing: layers.0.linear.bias' in message


def test_a_missing_part_is_named() -> None:
    message = refused(lambda changed: changed.pop('blocks.0.key.weight'))
    assert 'layers.0.qkv.weight (only blocks.0.query.weight, blocks.0.value.weight' in message


def test_wrong_shapes_are_listed_with_both_shapes() -> None:
    message = refused(lambda changed: changed.update(embed=torch.zeros(2, 4, 1)))
    assert '1 of a wrong shape: embed is (2, 4, 1), embed is (2, 3)' in message


def test_parts_that_cannot_be_joined_are_of_a_wrong_shape() -> None:
    message = refused(lambda changed: changed.update({'blocks.0.key.weight': torch.zeros(1, 5)}))
    assert 'of a wrong shape' in message


def test_two_keys_for_one_place_are_refused() -> None:
    message = refused(lambda changed: changed.update({'blocks.0.fc.bias': torch.ones(2)}))
    assert 'claimed twice: layers.0.linear.bias' in message


def test_a_long_list_is_cut_but_counted() -> None:
    def add(changed):
        changed.update({f'stranger{i}': torch.zeros(1) for i in range(40)})

    message = refused(add)
    assert '40 unexpected' in message
    assert 'and 28 more' in message
