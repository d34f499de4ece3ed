"""Settings of the transformer core and of the predictor around it (plain data, no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require

MASKS = ('frame_causal', 'none')
POSITIONS = ('rope', 'learned', 'none')
NORMS = ('single', 'double', 'mlp')
CONDITIONINGS = ('adaln', 'adaln_zero', 'feature', 'token')
PROPRIO_ENCODINGS = ('none', 'feature', 'token')


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSettings:
    """Shape of a `Transformer`.

    Attributes:
        dim: Numbers in the residual stream of a token, D.
        depth: Blocks.
        heads: Attention heads of a block.
        head_dim: Numbers in a head; heads * head_dim need not be `dim`.
        mlp_dim: Width of the hidden layer of a block.
        input_dim: Numbers of a token that comes in, where positions are added before a linear
            layer brings it to `dim`; 0 for tokens that have `dim` numbers already.
        frames: Frames for which there are positions: the longest window.
        grid: Rows and columns of the patches of a frame.
        extra_tokens: Tokens of a frame that stand before its patches (action, robot state).
        mask: `frame_causal` (a token sees its own frame and earlier ones; with one token a frame
            this is the usual causal mask) or `none` (every token sees every other).
        positions: `rope` (rotary, over time, rows and columns), `learned` (one vector for each
            token of the window) or `none`.
        norms: `single`: an affine LayerNorm before attention and before the MLP, which a
            condition modulates. `double`: a plain LayerNorm is modulated, and an affine one
            follows (LeWorldModel). `mlp`: attention reads the stream as it is (C-JEPA).
        condition_dim: Numbers of a frame's condition, which shifts, scales and gates each block
            (AdaLN); 0 for blocks without a condition.
        modulation_std: Standard deviation of a modulation's first weights; 0 makes each block
            begin as the identity (AdaLN-zero).
        norm_eps: Epsilon of the affine LayerNorms.
        plain_eps: Epsilon of the LayerNorms without weights (`double`).
        qkv_bias: Whether queries, keys and values have a bias.
        dropout: Share of numbers dropped in training, in attention and MLP.
    """

    dim: int
    depth: int
    heads: int
    head_dim: int
    mlp_dim: int
    input_dim: int = 0
    frames: int = 1
    grid: tuple[int, int] = (1, 1)
    extra_tokens: int = 0
    mask: str = 'frame_causal'
    positions: str = 'none'
    norms: str = 'single'
    condition_dim: int = 0
    modulation_std: float = 0.0
    norm_eps: float = 1e-6
    plain_eps: float = 1e-6
    qkv_bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse networks that cannot be built."""
        for name in ('dim', 'depth', 'heads', 'head_dim', 'mlp_dim', 'frames'):
            require(getattr(self, name) >= 1, f'{name} must be at least 1')
        require(min(self.grid) >= 1, f'grid must be rows and columns of patches, got {self.grid}')
        one_of('mask', self.mask, MASKS)
        one_of('positions', self.positions, POSITIONS)
        one_of('norms', self.norms, NORMS)
        require(0.0 <= self.dropout < 1.0, f'dropout must be in [0, 1), got {self.dropout}')

    @property
    def tokens(self) -> int:
        """Tokens of a frame, N: the extra ones and the patches."""
        return self.extra_tokens + self.grid[0] * self.grid[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorSettings:
    """How a `FramePredictor` conditions a transformer; part of a bundle's architecture.

    Attributes:
        depth: Blocks.
        heads: Attention heads of a block.
        head_dim: Numbers in a head; null for the stream's width divided by `heads`.
        width: Width to which a frame's latent is projected before the blocks (and from which it
            is projected back); null to work on the latent itself. With `adaln_zero` positions
            are added before that, elsewhere after it.
        mlp_dim: Width of the hidden layer of a block; null for four times the stream's width.
        conditioning: How the action enters: `adaln` (modulates the blocks), `adaln_zero` (the
            same with double norms, starting as the identity), `feature` (appended to the numbers
            of every patch) or `token` (a token before the patches).
        action_dim: Numbers in an embedded action with `feature`; elsewhere the stream's width.
        proprio: How the robot's state enters: `none`, `feature` or `token`.
        proprio_dim: Numbers in an embedded state with `feature`.
        frames: Frames for which there are positions: the longest window.
        positions: `rope`, `learned` or `none`.
        mask: `frame_causal` or `none`.
        norm_eps: Epsilon of the LayerNorms.
        qkv_bias: Whether queries, keys and values have a bias.
        dropout: Share of numbers dropped in training.
    """

    depth: int = 6
    heads: int = 16
    head_dim: int | None = None
    width: int | None = None
    mlp_dim: int | None = None
    conditioning: str = 'adaln'
    action_dim: int = 0
    proprio: str = 'none'
    proprio_dim: int = 0
    frames: int = 4
    positions: str = 'rope'
    mask: str = 'frame_causal'
    norm_eps: float = 1e-6
    qkv_bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the choices and the widths that they need."""
        one_of('conditioning', self.conditioning, CONDITIONINGS)
        one_of('proprio', self.proprio, PROPRIO_ENCODINGS)
        for name, used in (
            ('action_dim', self.conditioning == 'feature'),
            ('proprio_dim', self.proprio == 'feature'),
        ):
            size = getattr(self, name)
            require(
                (size >= 1) is used,
                f'{name} is the width of a feature: at least 1 with `feature`, 0 without, '
                f'got {size}',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShape:
    """What a predictor is told about the world around it.

    Attributes:
        latent_dim: Numbers in a token of the encoder.
        grid: Rows and columns of the encoder's tokens.
        action_dim: Numbers in an action of the model.
        proprio_dim: Numbers in the robot's state, 0 for none.
    """

    latent_dim: int
    grid: tuple[int, int]
    action_dim: int
    proprio_dim: int = 0


def widens_late(settings: PredictorSettings) -> bool:
    """Return whether latents are projected to the stream's width inside the core."""
    return settings.conditioning == 'adaln_zero' and settings.width is not None


def transformer_settings(settings: PredictorSettings, shape: FrameShape) -> TransformerSettings:
    """Return the core's settings for a predictor in its surroundings.

    Raises:
        ValueError: The stream's width does not divide by the heads, or a size is too small.
    """
    dim = (settings.width or shape.latent_dim) + settings.action_dim + settings.proprio_dim
    require(
        settings.head_dim is not None or dim % settings.heads == 0,
        f'the width {dim} of the stream must be a multiple of heads {settings.heads}, '
        'or head_dim be given',
    )
    tokens = (settings.conditioning == 'token') + (settings.proprio == 'token')
    modulated = settings.conditioning in ('adaln', 'adaln_zero')
    return TransformerSettings(
        dim=dim,
        depth=settings.depth,
        heads=settings.heads,
        head_dim=settings.head_dim or dim // settings.heads,
        mlp_dim=settings.mlp_dim or 4 * dim,
        input_dim=shape.latent_dim if widens_late(settings) else 0,
        frames=settings.frames,
        grid=shape.grid,
        extra_tokens=tokens,
        mask=settings.mask,
        positions=settings.positions,
        norms='double' if settings.conditioning == 'adaln_zero' else 'single',
        condition_dim=dim if modulated else 0,
        modulation_std=0.2 if settings.conditioning == 'adaln' else 0.0,
        norm_eps=settings.norm_eps,
        qkv_bias=settings.qkv_bias,
        dropout=settings.dropout,
    )
