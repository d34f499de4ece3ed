"""A simulated cell that works for hours, watched from outside."""
