"""How a model is optimised (plain data, imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field

from jepa_wm_ros.training.loss_settings import (
    EncoderTraining,
    FrameLossSettings,
    InverseDynamicsSettings,
    SlotLossSettings,
    VicRegSettings,
)
from jepa_wm_ros.worldmodel.checks import one_of, require

SCHEDULES = ('cosine', 'wsd', 'constant')
PRECISIONS = ('float32', 'bfloat16')
COUNTS = ('steps', 'rollout', 'sigreg_directions', 'validate_every', 'checkpoint_every')


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How the model is optimised.

    Attributes:
        seed: Seed of the weights, the clips and the directions.
        steps: Optimisation steps.
        batch: Clips in a step, of all processes together.
        rollout: Predicted frames of a clip; a clip has one more.
        learning_rate: Peak learning rate of AdamW.
        weight_decay: Of AdamW, on matrices only.
        betas: Of AdamW.
        warmup_steps: Steps of the linear warm-up.
        warmup_start: Share of the peak at which the warm-up begins.
        schedule: What follows: `cosine` (half a wave down to zero), `constant`, or `wsd`
            (constant, then linearly to zero).
        decay_steps: Length of the last part of `wsd`.
        gradient_clip: Largest norm of the gradient; 0 for no limit.
        precision: `float32`, or `bfloat16` for the matrix products of the model (autocast).
        encoder: Whether the encoder is trained, and where it starts from.
        sigreg_weight: Weight of SIGReg beside the prediction error; 0 to leave it out.
        sigreg_directions: Random directions drawn for each step.
        readout_weight: Weight of the readout's error, for a model that has a readout.
        frames: The loss of a model of patch tokens.
        vicreg: VICReg terms, for a model with one token a frame; null for none.
        inverse_dynamics: Inverse dynamics, likewise.
        slots: The loss of a model of slots.
        brightness: Largest shift of a frame's brightness, of the full range.
        contrast: Largest relative change of a frame's contrast.
        colour: Largest entry added to the matrix that mixes a frame's colours.
        validation: Part of the episodes that is held out.
        validate_every: Steps between validations.
        checkpoint_every: Steps between checkpoints.
    """

    seed: int
    steps: int
    batch: int
    rollout: int
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    warmup_start: float = 0.0
    schedule: str = 'cosine'
    decay_steps: int = 0
    gradient_clip: float = 0.0
    precision: str = 'float32'
    encoder: EncoderTraining = field(default_factory=EncoderTraining)
    sigreg_weight: float = 0.0
    sigreg_directions: int = 256
    readout_weight: float = 0.0
    frames: FrameLossSettings | None = None
    vicreg: VicRegSettings | None = None
    inverse_dynamics: InverseDynamicsSettings | None = None
    slots: SlotLossSettings | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    validation: float = 0.05
    validate_every: int = 500
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        """Refuse counts with which nothing is trained, and parts that do not fit."""
        for name in COUNTS:
            require(
                getattr(self, name) >= 1, f'{name} must be at least 1, got {getattr(self, name)}'
            )
        require(self.batch >= 2, 'batch must be at least 2: the spread of a batch is looked at')
        require(
            0 < self.validation < 1,
            f'validation must be within 0..1 exclusive, got {self.validation}',
        )
        for name in ('warmup_steps', 'decay_steps', 'gradient_clip', 'sigreg_weight'):
            require(getattr(self, name) >= 0, f'{name} must not be negative')
        one_of('schedule', self.schedule, SCHEDULES)
        one_of('precision', self.precision, PRECISIONS)
        require(
            (self.decay_steps > 0) is (self.schedule == 'wsd'),
            'decay_steps is the last part of schedule wsd: above 0 with it, 0 without',
        )

    @property
    def jittered(self) -> bool:
        """Whether pictures are changed at random."""
        return max(self.brightness, self.contrast, self.colour) > 0
