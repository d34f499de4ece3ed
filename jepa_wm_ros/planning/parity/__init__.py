"""Recomputes the recorded cases of planners and objectives; see `worldmodel/parity/cases.py`."""
