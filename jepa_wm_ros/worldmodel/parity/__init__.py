"""Recomputes recorded reference cases with this project's own code; see `docs/parity.md`."""

from jepa_wm_ros.worldmodel.parity.cases import Case, ParityError, read_case, run_case

__all__ = ['Case', 'ParityError', 'read_case', 'run_case']
