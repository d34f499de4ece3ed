"""An explanation in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jepa_wm_ros.worldmodel.contract import ActionContract

GOOD, FAIR = 0.2, 0.5
"""Error of the probe over that of guessing: up to which it is well read, and read at all."""
STRAIGHT, SLANT, ASIDE = 0.9, 0.2, 0.2
"""Least R², greatest deviation of the slope from 1 and greatest motion along other axes."""
NOTICED, HALF = 0.95, 0.7
"""Least AUC at which jumps are noticed, and mostly noticed."""

LEVELS = ('understood', 'partly understood', 'not understood')


def verdicts(figures: dict[str, Any]) -> dict[str, str]:
    """Return for each question one of `LEVELS`.

    Args:
        figures: What stands in explain.json.
    """
    position, surprise = figures['position'], figures['surprise']
    ratio = position['rmse_m'] / max(position['guess_rmse_m'], 1e-12)
    found = {'position': _level(ratio <= GOOD, ratio <= FAIR)}
    for axis, answer in figures['actions'].items():
        straight = abs(answer['slope'] - 1) <= SLANT and answer['sideways'] <= ASIDE
        found[f'action d{axis}'] = _level(
            straight and answer['r2'] >= STRAIGHT, answer['slope'] > 0.5 and answer['r2'] > 0.5
        )
    found['surprise'] = _level(surprise['auc'] >= NOTICED, surprise['auc'] >= HALF)
    return found


def page(figures: dict[str, Any], action: ActionContract, plots: Sequence[str]) -> str:
    """Return the page, in Markdown.

    Args:
        figures: What stands in explain.json.
        action: Of the contract, to say what was not asked.
        plots: Names of the pictures beside it.
    """
    found = verdicts(figures)
    lines = [f'# What {figures["model"]} has understood', '']
    lines += [f'Looked at: {figures["episodes_from"]}.', '', '| question | answer |', '|---|---|']
    lines += [f'| {name} | {level} |' for name, level in found.items()]
    lines += ['', '## Where the arm is', '', _position(figures['position'])]
    lines += ['', _map(figures['map']), '', '## What actions do', '']
    lines += [_action(axis, answer) for axis, answer in figures['actions'].items()]
    lines += ['', _not_asked(action), '', '## What is impossible', '']
    lines += [_surprise(figures['surprise']), '']
    lines += [f'![{name}]({name})' for name in plots]
    lines += ['', '## How the answers are given', '', _thresholds()]
    return '\n'.join(lines) + '\n'


def _level(good: bool, fair: bool) -> str:
    return LEVELS[0] if good else LEVELS[1] if fair else LEVELS[2]


def _position(found: dict[str, Any]) -> str:
    axes = ', '.join(f'{axis} {100 * e:.2f}' for axis, e in found['axis_rmse_m'].items())
    return (
        f'A linear probe reads the flange from the latent with an error of '
        f'{100 * found["rmse_m"]:.2f} cm ({axes} cm), in {found["frames"]} frames of episodes '
        f'that it has not learned from. Always saying the mean position would be wrong by '
        f'{100 * found["guess_rmse_m"]:.1f} cm.'
    )


def _map(found: dict[str, Any]) -> str:
    shares = ', '.join(f'{100 * share:.0f}' for share in found['variance_shares'])
    return (
        f'The first directions in which latents differ carry {shares} % of their variance. In the '
        'map they are coloured by the true position: where colours change smoothly, places that '
        'are near in the cell are near in the latent space.'
    )


def _action(axis: str, found: dict[str, Any]) -> str:
    low, high = (100 * end for end in found['range_m'])
    return (
        f'- d{axis}, {low:g} to {high:g} cm: of each centimetre commanded the model expects '
        f'{found["slope"]:.2f} cm, and {found["sideways"]:.2f} cm sideways; a straight line '
        f'explains {100 * found["r2"]:.1f} % of its answers.'
    )


def _not_asked(action: ActionContract) -> str:
    pinned = [
        name
        for name, low, high in zip(action.fields, action.lower, action.upper, strict=True)
        if low == high
    ]
    turned = [name for name in action.fields[3:] if name not in pinned]
    words = (
        [f'The model cannot move {", ".join(pinned)} (pinned in its contract).'] if pinned else []
    )
    words += (
        [f'Not measured: {", ".join(turned)}, because the probe reads positions.']
        if turned
        else []
    )
    return ' '.join(words)


def _surprise(found: dict[str, Any]) -> str:
    low, middle, high = (100 * size for size in found['size_m'])
    words = (
        f'In {found["episodes"]} episodes the arm was teleported by {low:.0f} to {high:.0f} cm '
        f'(median {middle:.0f}). The error of the prediction was then {found["median_ratio"]:.0f} '
        f'times the usual one (medians), the greatest of its episode in '
        f'{100 * found["greatest_of_episode"]:.0f} % of them; AUC {found["auc"]:.3f}. The monitor '
        f'of the running system flags {100 * found["flagged"]:.0f} % of the jumps and '
        f'{100 * found["false_alarms_per_step"]:.1f} % of ordinary steps. '
    )
    if found['largest_within_usual_m'] is None:
        return words + 'All jumps lie above 95 % of ordinary steps.'
    return words + (
        f'Not above 95 % of ordinary steps, and so unnoticed: {found["within_usual"]} of the '
        f'jumps, the farthest of {100 * found["largest_within_usual_m"]:.0f} cm.'
    )


def _thresholds() -> str:
    return (
        f'Position: *understood* up to {100 * GOOD:.0f} % of the error of guessing, *partly* up '
        f'to {100 * FAIR:.0f} %. Actions: *understood* with a slope within {1 - SLANT:g} to '
        f'{1 + SLANT:g}, R² of at least {STRAIGHT:g} and at most {ASIDE:g} cm sideways for each '
        f'centimetre, *partly* with slope and R² above 0.5. Surprise: *understood* from an AUC of '
        f'{NOTICED:g}, *partly* from {HALF:g}.'
    )
