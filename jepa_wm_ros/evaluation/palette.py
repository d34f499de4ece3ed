"""Colours that mean the same in every plot and video (readable for colour-blind people)."""

from __future__ import annotations

INK = '#1f2933'
MUTED = '#52606d'
GRID = '#e4e7eb'
PLANNER = '#0072b2'
MISS = '#d55e00'
LEVEL = '#52606d'
GOAL = '#009e73'
COST = '#cc79a7'
BASELINE_COLOURS = {'random': '#e69f00', 'nothing': '#999999'}

GOAL_COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a5195')


def goal_colour(index: int) -> str:
    """Return the colour of a goal's curve, by its number."""
    return GOAL_COLOURS[index % len(GOAL_COLOURS)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Return a `#rrggbb` colour as red, green, blue within 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
