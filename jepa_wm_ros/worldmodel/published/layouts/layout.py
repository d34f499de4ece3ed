"""The table of contents of a published file, and the pieces that most of them are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

FILLS = ('random', 'ones', 'zeros', 'key_mask', 'periods')


@dataclass(frozen=True, slots=True)
class Spec:
    """One tensor of a published file.

    Attributes:
        shape: Its shape.
        fill: What stands in for its values: `random` weights, `ones` and `zeros`, `key_mask` (1
            but for the middle third) or `periods` of a rotation.
        dtype: Its element type, by torch's name.
    """

    shape: tuple[int, ...]
    fill: str = 'random'
    dtype: str = 'float32'


Specs = dict[str, Spec]


class Layout(Protocol):
    """Says what a file of some system contains."""

    @property
    def nested(self) -> bool:
        """Whether the file is a dictionary of state dicts: a key's first part names the inner."""
        ...

    def specs(self) -> Specs:
        """Return names and specifications of all tensors."""
        ...


def linear(name: str, outputs: int, inputs: int, bias: bool = True) -> Specs:
    """Return the weight, and the bias, of a linear layer."""
    specs = {f'{name}.weight': Spec((outputs, inputs))}
    return {**specs, f'{name}.bias': Spec((outputs,))} if bias else specs


def norm(name: str, width: int) -> Specs:
    """Return weight and bias of an affine normalisation."""
    return {f'{name}.weight': Spec((width,), 'ones'), f'{name}.bias': Spec((width,))}


def batch_norm(name: str, width: int) -> Specs:
    """Return weights and running statistics of a batch normalisation."""
    return {
        **norm(name, width),
        f'{name}.running_mean': Spec((width,), 'zeros'),
        f'{name}.running_var': Spec((width,), 'ones'),
        f'{name}.num_batches_tracked': Spec((), 'ones', 'int64'),
    }


def convolution(name: str, outputs: int, inputs: int, *kernel: int) -> Specs:
    """Return weight and bias of a convolution."""
    return {f'{name}.weight': Spec((outputs, inputs, *kernel)), f'{name}.bias': Spec((outputs,))}


def vit_block(name: str, width: int, mlp: int) -> Specs:
    """Return a pre-norm transformer block as most of these files name it."""
    return {
        **norm(f'{name}.norm1', width),
        **linear(f'{name}.attn.qkv', 3 * width, width),
        **linear(f'{name}.attn.proj', width, width),
        **norm(f'{name}.norm2', width),
        **linear(f'{name}.mlp.fc1', mlp, width),
        **linear(f'{name}.mlp.fc2', width, mlp),
    }
