"""How to plan with a model (plain data; imports no torch)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require
from jepa_wm_ros.worldmodel.search_settings import (
    GroupSettings,
    PinSettings,
    TermSettings,
    check_term,
)

SOLVERS = ('cem', 'icem', 'mppi', 'gd', 'adam', 'lbfgs', 'hybrid', 'nevergrad')
ELITE_SOLVERS = ('cem', 'icem', 'mppi', 'hybrid')
"""Solvers that keep elites."""
DEFAULT_SIZES = {
    'cem': (128, 4),
    'icem': (128, 4),
    'mppi': (128, 4),
    'gd': (8, 60),
    'adam': (8, 40),
    'lbfgs': (4, 10),
    'hybrid': (128, 4),
    'nevergrad': (64, 8),
}
"""Samples and iterations of each solver where the settings do not say."""
NEVERGRAD_OPTIMIZERS = (
    'DiagonalCMA',
    'CMA',
    'NGOpt',
    'NgIohTuned',
    'PSO',
    'DE',
    'TwoPointsDE',
    'OnePlusOne',
)
MEAN_CANDIDATES = ('always', 'last', 'never')
RESULTS = ('cheapest', 'mean', 'best')
INITIAL_MEANS = ('zero', 'centre')


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSettings:
    """How to plan with a model: the defaults that its makers recommend.

    Attributes:
        solver: Name of the solver.
        samples: Candidates in each iteration, or starts of a gradient solver; 0 takes what suits
            the solver.
        iterations: Iterations of one plan; 0 takes what suits the solver.
        elites: Best candidates that make the next distribution (cem, icem, mppi, hybrid).
        horizon: Steps that a candidate looks ahead.
        executed_steps: Steps executed before the next plan.
        distance: Latent distance to the goal; `slots` matches the tokens first.
        reduction: How the distances along the horizon become one cost.
        discount: For `discounted`: frame h weighs discount^h, the first one 1.
        distance_weight: Weight of this distance beside that of `terms` and `value_head`.
        proprio_weight: Weight of the proprioceptive distance beside that of the tokens.
        region: Part of the picture that counts; see `TermSettings`.
        mask: Patches that count; see `TermSettings`.
        value_head: Name of a learned head whose value is to be large; see `TermSettings`.
        value_weight: Its weight.
        terms: Further terms of the objective, which are added.
        action_weight: Weight of the mean squared action, each field as a fraction of half its
            range: above 0, small motions are preferred.
        lower: Least value of each field where that is narrower than the contract's; empty for it.
        upper: Greatest value of each field, likewise.
        groups: Fields that are limited by a ball, or refined, together.
        pins: Fields that are not searched.
        initial_mean: Where a search without a warm start begins: at `zero`, in physical units, or
            in the `centre` of the bounds (zero, for models whose actions are normalised).
        initial_std: Initial standard deviation of each action field, as a fraction of half the
            field's range; 0 pins it.
        std_floor: Least standard deviation, as the same fraction.
        spread_gain: The initial deviation shrinks near the goal: it is scaled by
            `clip(spread_gain * sqrt(distance), spread_floor, 1)`, with the latent distance to
            the goal.
        spread_floor: Least such scale; 1 keeps the deviation as it is.
        momentum: Part of the old distribution that is kept in each iteration.
        std_momentum: The same for the standard deviation alone; None takes `momentum`.
        unbiased_std: Whether the variance of K elites is divided by K - 1, as the reference
            implementations do, instead of K.
        mean_candidate: When the mean is itself a candidate: `always`, in the `last` iteration,
            `never`.
        result: What a sampling solver returns: the final `mean`, the `best` candidate ever seen
            or the `cheapest` of both.
        correlation: Part of the sampling variance that is common to all steps of a candidate
            (0: white noise, 1: constant actions).
        noise_exponent: icem: the noise's power falls with the frequency to this power (0: white).
        kept_elites: icem: part of the elites that stay candidates in the next iteration and plan.
        sample_decay: Each iteration draws this factor fewer candidates, for the search narrows
            (cem, icem, mppi, hybrid); None takes 1.25 for icem and 1 for others.
        temperature: mppi: an elite weighs exp(-(its cost - the least cost) / temperature); in
            units of the mean of those differences, so that it needs no tuning as the goal nears.
        absolute_temperature: mppi: whether `temperature` is in units of cost instead.
        learning_rate: gd, adam, lbfgs, hybrid: step size, as a fraction of half each field's
            range; for lbfgs that of the first step.
        gradient_noise: gd, adam, hybrid: standard deviation of what is added to the actions after
            each step, as the same fraction.
        refine_steps: hybrid: steps of Adam after the search.
        nevergrad_optimizer: nevergrad: name of the optimiser.
        stop_std: A search ends when no field's deviation exceeds this fraction of half its range
            (cem, icem, mppi, hybrid); 0: never.
        patience: A search ends after this many iterations without a cheaper plan; 0: never.
        reached_cost: Latent distance under which the goal counts as reached.
        stall_steps: A plan starts afresh with full spread after this many executed steps without
            a fall of the distance.
        warm_start: Whether a plan starts from the last one, moved on by what was executed.
        deadline_s: Wall-clock time for one plan [s]; the best plan so far is used afterwards.
        chunk: Most candidates in one roll-out, so that memory suffices; 0: all at once.
        evidence_elites: Elites of the last iteration that a plan shows, with their latents.
        surprise_window: Executed steps whose prediction errors make the usual scale.
        surprise_threshold: Prediction errors above the median by this many times the usual
            deviation are flagged.
    """

    solver: str = 'cem'
    samples: int = 0
    iterations: int = 0
    elites: int = 16
    horizon: int = 6
    executed_steps: int = 1
    distance: str = 'l2'
    reduction: str = 'sum'
    discount: float = 0.9
    distance_weight: float = 1.0
    proprio_weight: float = 0.0
    region: tuple[float, ...] = ()
    mask: tuple[str, ...] = ()
    value_head: str = ''
    value_weight: float = 1.0
    terms: tuple[TermSettings, ...] = ()
    action_weight: float = 0.0
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    groups: tuple[GroupSettings, ...] = ()
    pins: tuple[PinSettings, ...] = ()
    initial_mean: str = 'zero'
    initial_std: tuple[float, ...] = (0.8,) * 7
    std_floor: float = 0.02
    spread_gain: float = 1.0
    spread_floor: float = 0.15
    momentum: float = 0.1
    std_momentum: float | None = None
    unbiased_std: bool = False
    mean_candidate: str = 'always'
    result: str = 'cheapest'
    correlation: float = 0.5
    noise_exponent: float = 2.0
    kept_elites: float = 0.3
    sample_decay: float | None = None
    temperature: float = 0.5
    absolute_temperature: bool = False
    learning_rate: float = 0.1
    gradient_noise: float = 0.0
    refine_steps: int = 5
    nevergrad_optimizer: str = 'DiagonalCMA'
    stop_std: float = 0.0
    patience: int = 0
    reached_cost: float = 0.0
    stall_steps: int = 3
    warm_start: bool = True
    deadline_s: float = 0.5
    chunk: int = 0
    evidence_elites: int = 4
    surprise_window: int = 50
    surprise_threshold: float = 6.0

    def __post_init__(self) -> None:
        """Fill in what suits the solver; refuse settings with which no solver works."""
        one_of('solver', self.solver, SOLVERS)
        for name, default in zip(
            ('samples', 'iterations'), DEFAULT_SIZES[self.solver], strict=True
        ):
            if getattr(self, name) == 0:
                object.__setattr__(self, name, default)
        check_term(self)
        one_of('mean_candidate', self.mean_candidate, MEAN_CANDIDATES)
        one_of('result', self.result, RESULTS)
        one_of('initial_mean', self.initial_mean, INITIAL_MEANS)
        one_of('nevergrad_optimizer', self.nevergrad_optimizer, NEVERGRAD_OPTIMIZERS)
        self._check_numbers()
        if self.solver in ELITE_SOLVERS:
            require(
                self.elites <= self.samples,
                f'elites ({self.elites}) must not exceed samples ({self.samples})',
            )
        require(
            bool(self.distance_weight or self.value_head or self.terms),
            'distance_weight 0 needs a value_head or terms: something must be wanted',
        )
        require(self.executed_steps <= self.horizon, 'executed_steps must not exceed horizon')
        require(all(s >= 0 for s in self.initial_std), 'initial_std must not be negative')

    def _check_numbers(self) -> None:
        for names, within, said in _RANGES:
            for name in names:
                value = getattr(self, name)
                sound = value is None or (not math.isnan(value) and within(value))
                require(sound, f'{name} must be {said}, got {value}')

    def for_solver(self, solver: str) -> PlanningSettings:
        """Return the settings for another solver, with the sizes that suit it.

        Solvers of one kind share their sizes: those for `cem` hold for `icem`, too.
        """
        if solver == self.solver or {solver, self.solver} <= set(ELITE_SOLVERS):
            return dataclasses.replace(self, solver=solver)
        return dataclasses.replace(self, solver=solver, samples=0, iterations=0)


_RANGES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (
        (
            'samples',
            'iterations',
            'elites',
            'horizon',
            'executed_steps',
            'stall_steps',
            'refine_steps',
            'surprise_window',
        ),
        lambda value: 1 <= value < math.inf,
        'at least 1',
    ),
    (
        ('momentum', 'std_momentum', 'correlation', 'kept_elites'),
        lambda value: 0 <= value <= 1,
        'within 0..1',
    ),
    (('sample_decay',), lambda value: 1 <= value < math.inf, 'at least 1'),
    (
        (
            'noise_exponent',
            'proprio_weight',
            'action_weight',
            'gradient_noise',
            'std_floor',
            'stop_std',
            'patience',
            'chunk',
            'evidence_elites',
        ),
        lambda value: 0 <= value < math.inf,
        'at least 0',
    ),
    (
        ('temperature', 'learning_rate', 'deadline_s', 'surprise_threshold'),
        lambda value: value > 0,
        'positive',
    ),
    (('distance_weight', 'value_weight'), math.isfinite, 'finite'),
)
"""Names of numbers, what they have to be, and the words for it; a deadline may be infinite."""
