"""What the losses of each kind of model can be told (plain data, imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jepa_wm_ros.worldmodel.checks import one_of, require

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.training.token_errors import TokenErrors

WEIGHTINGS = ('published', 'normalised')
PREFIXES = ('random', 'first')
VARIANTS = ('official', 'batch_first')


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWeights:
    """Weights of the errors in a loss; JEPA-WM and DINO-WM train with `l2`, V-JEPA 2-AC `l1`."""

    l1: float = 0.0
    l2: float = 1.0
    smooth_l1: float = 0.0
    cosine: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a loss without anything in it."""
        weights = (self.l1, self.l2, self.smooth_l1, self.cosine)
        require(min(weights) >= 0, 'weights of errors must be at least 0')
        require(any(weights), 'one of the weights l1, l2, smooth_l1, cosine must be above 0')

    def of(self, errors: TokenErrors) -> Tensor:
        """Return the weighted sum, `(B, T, N)`."""
        total = errors.l2.new_zeros(())
        for name in ('l1', 'l2', 'smooth_l1', 'cosine'):
            if weight := getattr(self, name):
                total = total + weight * getattr(errors, name)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLossSettings:
    """How models of patch tokens predict and compare in training.

    Attributes:
        errors: Weights of the kinds of error.
        steps: Steps of a roll-out, R; 1 for teacher forcing alone.
        window: Most frames that the predictor sees in a roll-out.
        prefix: How much of the clip a roll-out starts from: `random`, or its `first` frame.
        detach: Whether each step of a roll-out takes its inputs as constants, so that gradients
            pass through one step only; else through the whole roll-out.
        fixed_targets: Whether what teacher forcing shall say is a constant (DINO-WM); that of a
            roll-out always is.
        proprio: Whether predicted states are compared, too.
        predicted_proprio: Whether a roll-out goes on from predicted states, or from true ones.
        normalise: Whether predicted latents are normalised per token, as the encoder's are. In
            training the architecture's `normalise` decides.
        weighting: `published` (see `frame_losses`), or `normalised`: every step counts 1 / R.
    """

    errors: ErrorWeights = field(default_factory=ErrorWeights)
    steps: int = 2
    window: int = 3
    prefix: str = 'random'
    detach: bool = True
    fixed_targets: bool = False
    proprio: bool = True
    predicted_proprio: bool = True
    normalise: bool = False
    weighting: str = 'published'

    def __post_init__(self) -> None:
        """Check counts and choices."""
        require(self.steps >= 1, f'steps must be at least 1, got {self.steps}')
        require(self.window >= 1, f'window must be at least 1 frame, got {self.window}')
        one_of('prefix', self.prefix, PREFIXES)
        one_of('weighting', self.weighting, WEIGHTINGS)

    @property
    def forced_weight(self) -> float:
        """Weight of teacher forcing."""
        return 1 / (self.steps + 1) if self.weighting == 'published' else self.step_weight

    @property
    def step_weight(self) -> float:
        """Weight of each further step of a roll-out."""
        return 1 / self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class VicRegSettings:
    """Weights and margins of PLDM's terms; a term of weight 0 is not computed.

    Attributes:
        similarity: Weight of the prediction error.
        spread: Weight of the variance hinge over the batch.
        covariance: Weight of the covariance term over the batch.
        spread_time: Weight of the variance hinge along time.
        covariance_time: Weight of the covariance term along time.
        similarity_time: Weight of the squared change from frame to frame.
        margin: Standard deviation that embeddings shall have in a batch.
        margin_time: The same along time.
        pairs: Whether the covariance term is divided by D (D - 1), as in PLDM, not by D.
        per_position: Whether feature maps have their channels decorrelated at each position.
        variant: Whose terms: `official` (PLDM's authors; the batch terms look at the first frame)
            or `batch_first` (stable-worldmodel; at every frame, with margins of 1).
    """

    similarity: float = 1.0
    spread: float = 0.0
    covariance: float = 0.0
    spread_time: float = 0.0
    covariance_time: float = 0.0
    similarity_time: float = 0.0
    margin: float = 1.0
    margin_time: float = 1.0
    pairs: bool = True
    per_position: bool = False
    variant: str = 'official'

    def __post_init__(self) -> None:
        """Check the variant."""
        one_of('variant', self.variant, VARIANTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseDynamicsSettings:
    """The network that tells actions from embeddings (PLDM), trained beside the model.

    Attributes:
        weight: Weight of its error.
        hidden: Widths of its hidden layers.
    """

    weight: float = 1.0
    hidden: tuple[int, ...] = (512,)

    def __post_init__(self) -> None:
        """Refuse empty layers."""
        require(self.weight > 0, f'weight must be above 0, got {self.weight}')
        require(min(self.hidden, default=1) >= 1, 'hidden must be widths of at least 1')


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTraining:
    """What becomes of an encoder.

    Attributes:
        frozen: Whether its weights stay as they are.
        bundle: Folder of a bundle, or name of a shipped one, that has the same encoder, whose
            weights it starts from; empty for random ones.
    """

    frozen: bool = False
    bundle: str = ''


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionSettings:
    """How slots learn to be objects: together they have to paint the picture (SAVi).

    The predictor then learns from slots that it cannot change.

    Attributes:
        weight: Weight of the squared error of the painted picture.
        height: Of the painted picture [px]; a multiple of 16.
        width: Of the painted picture [px]; a multiple of 16.
        channels: Of the decoder; see `DecoderSettings`.
    """

    weight: float = 10.0
    height: int = 48
    width: int = 48
    channels: tuple[int, int, int, int] = (64, 48, 32, 16)

    def __post_init__(self) -> None:
        """Refuse weights that teach nothing."""
        require(self.weight > 0, f'weight must be above 0, got {self.weight}')


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotLossSettings:
    """How Causal-JEPA hides objects.

    Attributes:
        most_hidden: Most slots that are hidden in a clip; the number is uniform from 0.
        matched: Whether future slots may come in any order.
        least_history: Fewest frames of the past that the predictor is shown; how many is drawn
            for each step, up to its `history`. Null: always as many, as published. A planner
            begins with as many as the contract's `context`, and has to have seen such windows.
        patches: What becomes of the patch encoder under the slots.
        mask_weight: Weight of the cross-entropy of masks, for an encoder of kind `mask_pooling`
            and a dataset with masks; 0 to leave it out.
        reconstruction: How the slots learn to be objects; null for an encoder that is frozen, or
            trained along with the predictor.
    """

    most_hidden: int = 2
    matched: bool = False
    least_history: int | None = None
    patches: EncoderTraining = field(default_factory=EncoderTraining)
    mask_weight: float = 0.0
    reconstruction: ReconstructionSettings | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        require(self.most_hidden >= 0, f'most_hidden must be at least 0, got {self.most_hidden}')
        least = self.least_history
        require(least is None or least >= 1, f'least_history must be at least 1, got {least}')
        require(self.mask_weight >= 0, f'mask_weight must not be negative: {self.mask_weight}')
