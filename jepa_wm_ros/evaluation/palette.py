"""Colours that mean the same in every plot and video (readable for colour-blind people)."""

from __future__ import annotations

INK = '#1f2933'
MUTED = '#52606d'
GRID = '#e4e7eb'
PLANNER = '#0072b2'
THRESHOLD = '#d55e00'
GOAL = '#009e73'
COST = '#cc79a7'
BASELINE_COLOURS = {'random': '#e69f00', 'nothing': '#999999'}


def rgb(colour: str) -> tuple[int, int, int]:
    """Return a `#rrggbb` colour as red, green, blue within 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
