"""Heads: small networks that read the latents of one frozen world model.

A bundle's folder may hold `heads/<name>.yaml` (what the head is, and what was measured) and
`heads/<name>.safetensors` (its weights) for each of them. A head is bound to the weights of its
model by their fingerprint: latents of another model, or of the same one trained again, mean
nothing to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.heads.head import Head
    from jepa_wm_ros.worldmodel.heads.reward import RewardHead
    from jepa_wm_ros.worldmodel.protocol import WorldModel

FOLDER = 'heads'
"""Where the heads of a bundle lie, in its folder."""


def load_head(bundle_dir: Path | str, name: str, model: WorldModel) -> Head | None:
    """Load a head of a model.

    Args:
        bundle_dir: The bundle that the model was loaded from.
        name: Name of the head; a head of each kind is called like its kind, if not otherwise said.
        model: The model; the head goes to its device.

    Returns:
        The head in eval mode, without gradients; None where the bundle has no head of that name.

    Raises:
        HeadError: A file is missing or damaged, or the head belongs to other weights.
    """
    from jepa_wm_ros.worldmodel.heads.storage import device_of, read_head

    return read_head(bundle_dir, name, model.contract.fingerprint, device_of(model))


def load_decoder(
    bundle_dir: Path | str, model: WorldModel, name: str = 'decoder'
) -> Decoder | None:
    """Load a head that turns latents into pictures; see `load_head`.

    Raises:
        HeadError: As `load_head`, or the head is of another kind.
    """
    from jepa_wm_ros.worldmodel.heads.decoder import Decoder
    from jepa_wm_ros.worldmodel.heads.head import HeadError

    head = load_head(bundle_dir, name, model)
    if head is None or isinstance(head, Decoder):
        return head
    raise HeadError(f'head {name} of {bundle_dir} is a {head.kind}, not a decoder')


def load_reward(
    bundle_dir: Path | str, name: str, fingerprint: str, device: torch.device | str = 'cpu'
) -> RewardHead:
    """Load a head that says how much latents are worth.

    Args:
        bundle_dir: The bundle.
        name: Name of the head.
        fingerprint: Of the weights of the model whose latents are judged.
        device: Where it goes.

    Raises:
        HeadError: It is missing, damaged, of another kind or belongs to other weights.
    """
    from jepa_wm_ros.worldmodel.heads.head import HeadError
    from jepa_wm_ros.worldmodel.heads.reward import RewardHead
    from jepa_wm_ros.worldmodel.heads.storage import head_names, read_head

    head = read_head(bundle_dir, name, fingerprint, device)
    if head is None:
        have = ', '.join(head_names(bundle_dir)) or 'none'
        raise HeadError(
            f'{bundle_dir} has no head {name!r} (it has {have}); '
            f'train one: jepa-wm head train reward --model {bundle_dir}'
        )
    if not isinstance(head, RewardHead):
        raise HeadError(f'head {name} of {bundle_dir} is a {head.kind}, not a reward')
    return head
