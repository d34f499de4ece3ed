"""How to plan with a model (plain data; imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require

DISTANCES = ('l1', 'l2', 'cosine', 'flat_cosine')
REDUCTIONS = ('last', 'sum', 'mean')
SOLVERS = ('cem', 'icem', 'mppi', 'gd', 'adam', 'hybrid', 'nevergrad')
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningSettings:
    """How to plan with a model: the defaults that its makers recommend.

    Attributes:
        solver: Name of the solver.
        samples: Candidates in each iteration.
        iterations: Iterations of one plan.
        elites: Best candidates that make the next distribution.
        horizon: Steps that a candidate looks ahead.
        executed_steps: Steps executed before the next plan.
        distance: Latent distance to the goal.
        reduction: How the distances along the horizon become one cost.
        proprio_weight: Weight of the proprioceptive distance beside that of the tokens.
        action_weight: Weight of the mean squared action, each field as a fraction of half its
            range: above 0, small motions are preferred.
        initial_std: Initial standard deviation of each action field, as a fraction of half the
            field's range.
        std_floor: Least standard deviation, as the same fraction.
        spread_gain: The initial deviation shrinks near the goal: it is scaled by
            `clip(spread_gain * distance, spread_floor, 1)`, with the latent distance to the goal.
        spread_floor: Least such scale.
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
        sample_decay: icem: each iteration draws this factor fewer candidates.
        temperature: mppi: an elite weighs exp(-(its cost - the least cost) / temperature); in
            units of the mean of those differences, so that it needs no tuning as the goal nears.
        absolute_temperature: mppi: whether `temperature` is in units of cost instead.
        learning_rate: gd, adam, hybrid: step size, as a fraction of half each field's range.
        gradient_noise: gd, adam, hybrid: standard deviation of what is added to the actions after
            each step, as the same fraction.
        refine_steps: hybrid: steps of Adam after the search.
        nevergrad_optimizer: nevergrad: name of the optimiser.
        reached_cost: Latent distance under which the goal counts as reached.
        stall_steps: A plan starts afresh with full spread after this many executed steps without
            a fall of the distance.
        warm_start: Whether a plan starts from the last one, moved on by what was executed.
        deadline_s: Wall-clock time for one plan [s]; the best plan so far is used afterwards.
    """

    solver: str = 'cem'
    samples: int = 128
    iterations: int = 4
    elites: int = 16
    horizon: int = 6
    executed_steps: int = 1
    distance: str = 'l2'
    reduction: str = 'sum'
    proprio_weight: float = 0.0
    action_weight: float = 0.0
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
    sample_decay: float = 1.25
    temperature: float = 0.5
    absolute_temperature: bool = False
    learning_rate: float = 0.1
    gradient_noise: float = 0.0
    refine_steps: int = 5
    nevergrad_optimizer: str = 'DiagonalCMA'
    reached_cost: float = 0.0
    stall_steps: int = 3
    warm_start: bool = True
    deadline_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings with which no solver works."""
        one_of('solver', self.solver, SOLVERS)
        one_of('distance', self.distance, DISTANCES)
        one_of('reduction', self.reduction, REDUCTIONS)
        one_of('mean_candidate', self.mean_candidate, MEAN_CANDIDATES)
        one_of('result', self.result, RESULTS)
        one_of('nevergrad_optimizer', self.nevergrad_optimizer, NEVERGRAD_OPTIMIZERS)
        for name in (
            'samples',
            'iterations',
            'elites',
            'horizon',
            'executed_steps',
            'stall_steps',
            'refine_steps',
        ):
            require(
                getattr(self, name) >= 1, f'{name} must be at least 1, got {getattr(self, name)}'
            )
        require(self.elites <= self.samples, f'elites ({self.elites}) must not exceed samples')
        require(self.executed_steps <= self.horizon, 'executed_steps must not exceed horizon')
        require(all(s >= 0 for s in self.initial_std), 'initial_std must not be negative')
        for name in ('momentum', 'std_momentum', 'correlation', 'kept_elites'):
            value = getattr(self, name)
            require(value is None or 0 <= value <= 1, f'{name} must be within 0..1, got {value}')
        require(
            self.noise_exponent >= 0,
            f'noise_exponent must be at least 0, got {self.noise_exponent}',
        )
        require(
            self.sample_decay >= 1, f'sample_decay must be at least 1, got {self.sample_decay}'
        )
        for name in ('temperature', 'learning_rate'):
            require(getattr(self, name) > 0, f'{name} must be positive, got {getattr(self, name)}')
        require(
            self.action_weight >= 0, f'action_weight must be at least 0, got {self.action_weight}'
        )
        require(
            self.gradient_noise >= 0,
            f'gradient_noise must be at least 0, got {self.gradient_noise}',
        )
        require(self.deadline_s > 0, f'deadline_s must be positive [s], got {self.deadline_s}')
