"""From a contract and planning settings to the space of allowed actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from jepa_wm_ros.errors import JepaWmError
from jepa_wm_ros.planning.space import ActionSpace, Ball

if TYPE_CHECKING:
    from torch import Tensor

    from jepa_wm_ros.worldmodel.contract import ActionContract
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings
    from jepa_wm_ros.worldmodel.search_settings import GroupSettings


class ActionSpaceError(JepaWmError):
    """Planning settings do not fit the model's actions."""


def make_space(action: ActionContract, settings: PlanningSettings) -> ActionSpace:
    """Return the space that a contract and planning settings allow.

    Raises:
        ActionSpaceError: A field is unknown or named twice, bounds exceed the contract's, or a
            ball's fields differ in their units or exclude 0.
    """
    lower, upper = _bounds(action, settings)
    pinned, values = _pins(action, settings)
    zone = torch.zeros(len(action.fields))
    balls: list[Ball] = []
    for index, group in _indexed(action, settings):
        zone[index] = group.dead_zone
        if group.ball != 'none':
            _check_ball(action, index, lower, upper)
            balls += [
                Ball(index=index + k * len(lower), norm=group.ball, radius=group.radius)
                for k in range(action.frame_skip)
            ]
    skip = action.frame_skip
    return ActionSpace(
        lower=lower.repeat(skip),
        upper=upper.repeat(skip),
        balls=tuple(balls),
        pinned=pinned.repeat(1, skip) if settings.pins else None,
        values=values.repeat(1, skip) if settings.pins else None,
        dead_zone=zone.repeat(skip) if bool(zone.any()) else None,
    )


def momenta(
    action: ActionContract, settings: PlanningSettings
) -> tuple[Tensor | float, Tensor | float]:
    """Return the parts of old mean and old deviation that are kept: one for all, or `(A,)`."""
    std = settings.momentum if settings.std_momentum is None else settings.std_momentum
    mean = _by_field(action, settings, 'momentum', settings.momentum)
    return mean, _by_field(action, settings, 'std_momentum', std)


def _by_field(
    action: ActionContract, settings: PlanningSettings, name: str, common: float
) -> Tensor | float:
    values = torch.full((len(action.fields),), common)
    special = [
        (index, getattr(group, name))
        for index, group in _indexed(action, settings)
        if getattr(group, name) is not None
    ]
    for index, value in special:
        values[index] = value
    return values.repeat(action.frame_skip) if special else common


def _indexed(
    action: ActionContract, settings: PlanningSettings
) -> list[tuple[Tensor, GroupSettings]]:
    """Return each group with the positions of its fields within one control."""
    seen: set[str] = set()
    for group in settings.groups:
        for name in group.names:
            _known(action, name, 'planning.groups')
            if name in seen:
                raise ActionSpaceError(f'planning.groups: {name} is in two groups; one is allowed')
            seen.add(name)
    return [
        (torch.tensor([action.fields.index(name) for name in group.names]), group)
        for group in settings.groups
    ]


def _known(action: ActionContract, name: str, key: str) -> None:
    if name not in action.fields:
        raise ActionSpaceError(
            f'{key}: {name!r} is no field of the action; known are {", ".join(action.fields)}'
        )


def _bounds(action: ActionContract, settings: PlanningSettings) -> tuple[Tensor, Tensor]:
    for name in ('lower', 'upper'):
        values = getattr(settings, name)
        if values and len(values) != len(action.fields):
            raise ActionSpaceError(
                f'planning.{name} must have {len(action.fields)} entries, got {len(values)}'
            )
    lower = torch.tensor(settings.lower or action.lower)
    upper = torch.tensor(settings.upper or action.upper)
    wide = torch.tensor(action.lower) > lower
    if bool((wide | (upper > torch.tensor(action.upper))).any()):
        raise ActionSpaceError(
            'planning.lower and planning.upper must lie within the bounds of the action, '
            f'{list(action.lower)} .. {list(action.upper)}'
        )
    if bool((lower > upper).any()):
        raise ActionSpaceError('planning.lower must not exceed planning.upper')
    return lower, upper


def _pins(action: ActionContract, settings: PlanningSettings) -> tuple[Tensor, Tensor]:
    pinned = torch.zeros(settings.horizon, len(action.fields), dtype=torch.bool)
    values = torch.zeros(pinned.shape)
    for pin in settings.pins:
        _known(action, pin.field, 'planning.pins')
        field = action.fields.index(pin.field)
        pinned[pin.from_step :, field] = True
        values[pin.from_step :, field] = pin.value
    return pinned, values


def _check_ball(action: ActionContract, index: Tensor, lower: Tensor, upper: Tensor) -> None:
    units = {action.units[i] for i in index.tolist()}
    if len(units) > 1:
        raise ActionSpaceError(
            f'planning.groups: the fields of a ball must share a unit, got {sorted(units)}'
        )
    if bool((lower[index] > 0).any() or (upper[index] < 0).any()):
        raise ActionSpaceError('planning.groups: the bounds of the fields of a ball must hold 0')
