"""Counting floating-point operations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Return what softmax(q k^T) v takes, from the shapes `(B, heads, tokens, width)`."""
    batch, heads, queries, width = query
    return 2 * batch * heads * queries * key[-2] * (width + value[-1])


def _linear(x: Any, weight: Any, *_: Any, **__: Any) -> int:
    """Return what a linear layer takes, from the shapes `(..., inputs)` and (outputs, inputs)."""
    return 2 * math.prod(x) * int(weight[0])


MORE = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.mkldnn._linear_pointwise: _linear,
}
"""What PyTorch's counter lacks: fused attention and packed linear layers on a CPU."""


def count_flops(run: Callable[[], object]) -> int:
    """Run something and return the operations of its matrix products, convolutions, attention.

    A multiplication and an addition count as two. Element-wise work is left out, as usual: it is
    paid for in memory traffic, not arithmetic. Fused attention counts whole, masked pairs too.
    """
    counter = FlopCounterMode(display=False, custom_mapping=MORE)
    with counter:
        run()
    return int(counter.get_total_flops())
