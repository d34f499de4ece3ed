"""What one vision transformer must be told to be DINOv2, DINOv3, V-JEPA 2 or a plain ViT."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require

POSITIONS = ('learned', 'axial_rope', 'tiled_rope', 'none')
INTERPOLATIONS = ('offset', 'antialias', 'bicubic', 'trilinear')
FEED_FORWARDS = ('mlp', 'swiglu')
TOKENS = ('patches', 'cls')


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """Shape and conventions of a frame encoder.

    Attributes:
        dim: Width of a token.
        depth: Number of blocks.
        heads: Attention heads; each takes `dim / heads` numbers.
        patch: Side of a patch [px].
        tubelet: Frames that one token spans; a still picture is repeated that often.
        mlp: Width inside the feed-forward part of a block.
        feed_forward: `mlp` (GELU, erf form) or `swiglu` (SiLU gate; `mlp` is its inner width).
        class_token: Whether a class token leads the sequence.
        registers: Register (storage) tokens after the class token; they have no position.
        positions: `learned` adds a table; `axial_rope` rotates by coordinates in [-1, 1] (DINOv3);
            `tiled_rope` rotates by time, row and column as V-JEPA 2 does; `none`.
        grid: Frames (in tubelets), rows and columns of the table of learned positions.
        interpolation: How a table of learned positions is brought to another grid: `offset`
            (bicubic by a scale factor with 0.1 added, DINOv2), `antialias` (bicubic with
            antialias, DINOv2 with registers), `bicubic` (to the size, Hugging Face ViT),
            `trilinear` (also over time, V-JEPA).
        layer_scale: Whether a learned factor scales what each half block adds.
        qkv_bias: Whether queries, keys and values have a bias.
        norm_eps: Epsilon of every LayerNorm.
        tokens: What a frame becomes: its `patches`, row by row, or its `cls` token alone.
        layer_norm: Whether the tokens are normalised once more, without learned factors
            (epsilon 1e-5), as predictors of V-JEPA 2 take them.
    """

    dim: int
    depth: int
    heads: int
    patch: int
    mlp: int
    tubelet: int = 1
    feed_forward: str = 'mlp'
    class_token: bool = True
    registers: int = 0
    positions: str = 'learned'
    grid: tuple[int, int, int] = (1, 16, 16)
    interpolation: str = 'bicubic'
    layer_scale: bool = False
    qkv_bias: bool = True
    norm_eps: float = 1e-6
    tokens: str = 'patches'
    layer_norm: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        for name in ('dim', 'depth', 'heads', 'patch', 'mlp', 'tubelet'):
            require(getattr(self, name) > 0, f'{name} must be positive, got {getattr(self, name)}')
        require(self.registers >= 0, f'registers must be 0 or more, got {self.registers}')
        require(all(n > 0 for n in self.grid), f'grid must be positive, got {self.grid}')
        require(
            self.dim % self.heads == 0, f'dim {self.dim} must be a multiple of heads {self.heads}'
        )
        one_of('feed_forward', self.feed_forward, FEED_FORWARDS)
        one_of('positions', self.positions, POSITIONS)
        one_of('interpolation', self.interpolation, INTERPOLATIONS)
        one_of('tokens', self.tokens, TOKENS)
        require(self.tokens != 'cls' or self.class_token, 'tokens: cls needs class_token: true')
        require(
            self.positions != 'axial_rope' or self.head_dim % 4 == 0,
            f'axial_rope needs dim / heads to be a multiple of 4, got {self.head_dim}',
        )
        require(self.norm_eps > 0, f'norm_eps must be positive, got {self.norm_eps}')

    @property
    def head_dim(self) -> int:
        """Numbers that one head takes."""
        return self.dim // self.heads

    @property
    def extra_tokens(self) -> int:
        """Tokens before the patches: class and registers."""
        return int(self.class_token) + self.registers
