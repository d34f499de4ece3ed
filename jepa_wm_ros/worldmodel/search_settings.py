"""Parts of the planning settings: what is searched, and what is wanted (plain data)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jepa_wm_ros.worldmodel.checks import one_of, require

DISTANCES = ('l1', 'l2', 'cosine', 'flat_cosine', 'slots')
REDUCTIONS = ('last', 'sum', 'mean', 'discounted')
BALLS = ('none', 'l1', 'l2')
FIELD_GROUPS = {
    'xyz': ('dx', 'dy', 'dz'),
    'rotation': ('droll', 'dpitch', 'dyaw'),
    'gripper': ('dgripper',),
}
"""Names that stand for several fields of a Cartesian action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """Action fields that are limited, or refined, together.

    The box of bounds is one limit for each field. A ball limits fields together: `l2` their
    Euclidean length (equal in all directions), `l1` the sum of their sizes. The "L1 ball" of the
    V-JEPA 2 paper is a box in its code, and therefore none of these.

    Attributes:
        fields: Names of fields, or `xyz`, `rotation`, `gripper` for those of Cartesian actions.
        ball: `none`, `l1` or `l2`; around 0, for each control of an action.
        radius: Radius of the ball, in the fields' common unit; 0 holds them at 0.
        momentum: Part of the old mean that these fields keep; None takes `planning.momentum`.
        std_momentum: Part of their old deviation; None takes `planning.std_momentum`.
        dead_zone: Planned values smaller than this become 0, such as a gripper's trembling.
    """

    fields: tuple[str, ...]
    ball: str = 'none'
    radius: float = 0.0
    momentum: float | None = None
    std_momentum: float | None = None
    dead_zone: float = 0.0

    def __post_init__(self) -> None:
        """Refuse groups that limit nothing sensible."""
        require(len(self.fields) >= 1, 'fields must not be empty')
        one_of('ball', self.ball, BALLS)
        for name in ('radius', 'dead_zone'):
            value = getattr(self, name)
            require(math.isfinite(value) and value >= 0, f'{name} must be at least 0, got {value}')
        for name in ('momentum', 'std_momentum'):
            value = getattr(self, name)
            require(value is None or 0 <= value <= 1, f'{name} must be within 0..1, got {value}')

    @property
    def names(self) -> tuple[str, ...]:
        """The fields with `xyz`, `rotation` and `gripper` spelled out."""
        return tuple(name for field in self.fields for name in FIELD_GROUPS.get(field, (field,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSettings:
    """A field that is not searched.

    Attributes:
        field: Its name.
        value: What it is, in its unit; it may lie beyond the bounds.
        from_step: First step at which it is pinned (0: all of them).
    """

    field: str
    value: float = 0.0
    from_step: int = 0

    def __post_init__(self) -> None:
        """Refuse values that are no numbers."""
        require(math.isfinite(self.value), f'value must be finite, got {self.value}')
        require(self.from_step >= 0, f'from_step must be at least 0, got {self.from_step}')


@dataclass(frozen=True, slots=True, kw_only=True)
class TermSettings:
    """One term of an objective: a distance to the goal, or a learned value.

    Attributes:
        weight: Of this term in the sum; a value head counts negatively, for more is better.
        distance: Name of the latent distance; not used with a value head.
        reduction: How the costs along the horizon become one: that of the `last` frame, their
            `sum`, `mean`, or `discounted` sum (frame h weighs discount^h, the first one 1).
        discount: For `discounted`; above 1, late frames weigh more.
        proprio_weight: Weight of the proprioceptive distance beside that of the tokens.
        region: Left, top, right and bottom of the part of the picture that counts, as fractions
            of its width and height; empty for all of it. A patch counts when its centre does.
        mask: Rows of the patch grid, such as `0110`: only patches with 1 count; empty for all.
        value_head: Name of a learned head of the bundle, of kind `reward`, such as `reward`.
    """

    weight: float = 1.0
    distance: str = 'l2'
    reduction: str = 'sum'
    discount: float = 0.9
    proprio_weight: float = 0.0
    region: tuple[float, ...] = ()
    mask: tuple[str, ...] = ()
    value_head: str = ''

    def __post_init__(self) -> None:
        """Refuse terms that cannot be computed."""
        require(math.isfinite(self.weight), f'weight must be finite, got {self.weight}')
        check_term(self)


def check_term(term: object) -> None:
    """Check what `TermSettings` and `PlanningSettings` have in common."""
    distance, reduction, discount, region, mask = (
        getattr(term, name) for name in ('distance', 'reduction', 'discount', 'region', 'mask')
    )
    one_of('distance', distance, DISTANCES)
    one_of('reduction', reduction, REDUCTIONS)
    require(discount > 0, f'discount must be positive, got {discount}')
    if region:
        sides = len(region) == 4 and 0 <= region[0] < region[2] <= 1
        require(
            sides and 0 <= region[1] < region[3] <= 1,
            f'region must be left, top, right and bottom within 0..1, got {list(region)}',
        )
    rows = len({len(row) for row in mask}) <= 1 and set(''.join(mask)) <= {'0', '1'}
    require(
        rows and (not mask or '1' in ''.join(mask)),
        f'mask must be rows of 0 and 1, equally long, with at least one 1, got {list(mask)}',
    )
    require(not (region and mask), 'region and mask exclude each other')
