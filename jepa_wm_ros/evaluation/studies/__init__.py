"""Grids of trainings and evaluations: `jepa-wm study`."""
