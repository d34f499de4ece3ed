import pytest
from wanted import quiet, settings

from jepa_wm_ros.data.build import Builder
from jepa_wm_ros.data.episodes import read_episodes
from jepa_wm_ros.data.readers.detection import find_source
from jepa_wm_ros.data.readers.mapping import read_mapping


@pytest.fixture
def source():
    """Choose a reader: `source(path)`."""

    def choose(path, *, mapping=None, camera='', max_gap_s=0.25):
        return find_source(path, mapping or read_mapping(), camera, max_gap_s)

    return choose


@pytest.fixture
def build(tmp_path, source):
    """Build a dataset of some paths and return it with its audit."""

    def make(*paths, out='out.h5', mapping=None, camera='', **changes):
        sources = [(str(path), source(path, mapping=mapping, camera=camera)) for path in paths]
        bounds = ((-0.08,) * 6 + (-1.0,), (0.08,) * 6 + (1.0,))
        audit = Builder(sources, tmp_path / out, settings(**changes), bounds).run(quiet)
        table = read_episodes(tmp_path / out) if audit.steps.episodes else None
        return table, audit

    return make
