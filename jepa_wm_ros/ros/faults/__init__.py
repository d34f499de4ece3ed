"""Faults on purpose in a running graph, and what becomes of the arm."""
