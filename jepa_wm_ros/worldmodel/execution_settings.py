"""How to run a predictor (plain data; imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require

DTYPES = ('fp32', 'bf16')


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """How to run the predictor of a model.

    Attributes:
        dtype: Numbers of the predictor's large matrix products: `fp32`, or `bf16`, which is
            faster and rounds; the residual stream, the norms, the modulations and all costs stay
            in float32 in both.
        packed: Whether weights are packed for the CPU, see `predictors.packed`.
        compile: Whether blocks are compiled by `torch.compile` (instead of packed): minutes at
            first, then faster.
        memory_bytes: What the tokens of candidates may take at once; 0 for a bound of our own.
    """

    dtype: str = 'fp32'
    packed: bool = True
    compile: bool = False
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown types and negative memory."""
        one_of('dtype', self.dtype, DTYPES)
        require(self.memory_bytes >= 0, f'memory_bytes must not be negative: {self.memory_bytes}')
