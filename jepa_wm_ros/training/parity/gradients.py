"""Gradients of our parameters under the keys, and in the shapes, of published checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from jepa_wm_ros.worldmodel.parity import Case
    from jepa_wm_ros.worldmodel.published.ledger import KeyMap


def predictor_gradients(predictor: nn.Module, keys: KeyMap, case: Case) -> PublishedGradients:
    """Return the gradients of a predictor whose weights lie in `<entry>/<key>` of a case."""
    weights = {
        '.'.join(part for part in name.replace('/', '.').split('.') if part != 'module'): value
        for name, value in case.weights.items()
    }
    return PublishedGradients(torch.nn.ModuleDict({'predictor': predictor}), keys, weights)


class PublishedGradients:
    """Looks up what `backward` left in a model.

    Args:
        model: The model.
        keys: From published keys to the model's.
        weights: The published tensors, for their shapes.
    """

    def __init__(self, model: nn.Module, keys: KeyMap, weights: Mapping[str, Tensor]) -> None:
        self._model, self._keys, self._weights = model, keys, weights

    def __getitem__(self, key: str) -> Tensor:
        """Return the gradient of the published tensor `key`."""
        pieces = {}
        for target, entries in self._keys.account([key]).used.items():
            for _, rule, (place, _) in entries.values():
                parameter = self._model.get_parameter(target)
                gradient = parameter.grad
                if gradient is None:  # it takes no part in the loss
                    gradient = torch.zeros_like(parameter)
                index, parts = rule.part
                pieces[place] = gradient.tensor_split(parts)[index]
        joined = torch.cat([pieces[place] for place in sorted(pieces)])
        return joined.reshape(self._weights[key].shape)

    def norms(self, keys: Sequence[str]) -> Tensor:
        """Return the length of each of these gradients, `(len(keys),)`."""
        return torch.stack([self[key].norm() for key in keys])
