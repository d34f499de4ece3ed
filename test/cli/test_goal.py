import numpy as np
import pytest
from PIL import Image

from jepa_wm_ros.cli.main import main
from jepa_wm_ros.data.goals.pictures import read_picture, write_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def no_graph(monkeypatch):
    """A bad picture must be refused before anything is sent to a robot."""

    def fail(*_, **__):
        raise AssertionError('the graph was contacted')

    monkeypatch.setattr('jepa_wm_ros.cli.goal.connect', fail)


def test_a_picture_survives_writing_and_reading(tmp_path):
    write_picture(tmp_path / 'new' / 'a.png', PICTURE)
    np.testing.assert_array_equal(read_picture(tmp_path / 'new' / 'a.png'), PICTURE)


def test_a_grey_or_transparent_picture_becomes_rgb(tmp_path):
    Image.fromarray(PICTURE[..., 0]).save(tmp_path / 'grey.png')
    assert read_picture(tmp_path / 'grey.png').shape == (48, 64, 3)
    Image.fromarray(PICTURE).convert('RGBA').save(tmp_path / 'alpha.png')
    np.testing.assert_array_equal(read_picture(tmp_path / 'alpha.png'), PICTURE)


@pytest.mark.usefixtures('no_graph')
@pytest.mark.parametrize(
    ('kind', 'words'),
    [
        ('missing', 'does not exist'),
        ('folder', 'cannot be read'),
        ('text', 'is not a picture'),
        ('empty', 'is not a picture'),
        ('truncated', 'truncated'),
        ('black', 'shows nothing'),
    ],
)
def test_a_bad_picture_is_one_clear_line_and_nothing_is_sent(tmp_path, capsys, kind, words):
    path = tmp_path / 'goal.png'
    write_picture(path, PICTURE if kind != 'black' else np.zeros_like(PICTURE))
    if kind == 'missing':
        path.unlink()
    elif kind == 'folder':
        path.unlink()
        path.mkdir()
    elif kind == 'text':
        path.write_text('not a picture at all')
    elif kind == 'empty':
        path.write_bytes(b'')
    elif kind == 'truncated':
        path.write_bytes(path.read_bytes()[:2000])
    assert main(['goal', 'send', str(path)]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert 'goal.png' in said
    assert said.count('\n') == 1


@pytest.mark.usefixtures('no_graph')
def test_a_budget_of_no_steps_is_refused(tmp_path, capsys):
    write_picture(tmp_path / 'a.png', PICTURE)
    assert main(['goal', 'send', str(tmp_path / 'a.png'), '--max-steps', '0']) == 1
    assert '--max-steps must be at least 1' in capsys.readouterr().err
