from __future__ import annotations

import pytest

from jepa_wm_ros.data.assembly import EpisodeSettings
from jepa_wm_ros.data.build import Builder
from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping
from jepa_wm_ros.data.resampling import SteppingSettings
from jepa_wm_ros.worldmodel.contract import CameraContract

STEP_S = 0.4


def settings(step_s=STEP_S, size=32, max_gap_s=0.25, nominal_fps=None, **changes):
    """What the tests build, unless they say otherwise."""
    stepping = SteppingSettings(
        step_duration_s=step_s, max_gap_s=max_gap_s, nominal_fps=nominal_fps
    )
    camera = CameraContract(width=size, height=size)
    return EpisodeSettings(stepping=stepping, camera=camera, **changes)


@pytest.fixture
def source(tmp_path):
    """Choose a reader: `source(path)`."""

    def choose(path, *, mapping=None, camera='', max_gap_s=0.25):
        return find_source(path, mapping or read_mapping(), camera, max_gap_s)

    return choose


@pytest.fixture
def build(tmp_path, source):
    """Build a dataset of some paths and return it with its audit."""
    from jepa_wm_ros.data.episodes import read_episodes

    def make(*paths, out='out.h5', mapping=None, camera='', **changes):
        sources = [(str(path), source(path, mapping=mapping, camera=camera)) for path in paths]
        bounds = ((-0.08,) * 6 + (-1.0,), (0.08,) * 6 + (1.0,))
        audit = Builder(sources, tmp_path / out, settings(**changes), bounds).run(quiet)
        table = read_episodes(tmp_path / out) if audit.steps.episodes else None
        return table, audit

    return make


def quiet(*_, **__):
    """A report that nobody wants."""
