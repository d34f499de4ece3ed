"""Choice of the OpenGL backend."""

import os
import subprocess
import sys

import pytest

from jepa_wm_ros.sim import backend
from jepa_wm_ros.sim.backend import RendererError


def set_machine(monkeypatch, *, egl, osmesa):
    monkeypatch.setattr(backend, 'egl_works', lambda: egl)
    monkeypatch.setattr(backend, 'osmesa_works', lambda: osmesa)


def test_egl_comes_first_and_osmesa_second(monkeypatch):
    set_machine(monkeypatch, egl=True, osmesa=True)
    assert backend.choose_backend() == 'egl'
    set_machine(monkeypatch, egl=False, osmesa=True)
    assert backend.choose_backend() == 'osmesa'


def test_without_any_backend_the_error_says_what_to_install(monkeypatch):
    set_machine(monkeypatch, egl=False, osmesa=False)
    with pytest.raises(RendererError, match=r'libegl1.*libosmesa6'):
        backend.choose_backend()


def test_unknown_choice_is_refused_with_the_known_ones(monkeypatch):
    for choice in ('vulkan', 'glfw'):
        monkeypatch.setenv('MUJOCO_GL', choice)
        with pytest.raises(RendererError, match=f"'{choice}' is not supported; use egl, osmesa"):
            backend.open_context(64, 64)
        monkeypatch.delitem(sys.modules, 'mujoco', raising=False)
        with pytest.raises(RendererError, match='is not supported'):
            backend.import_mujoco()


def test_missing_library_is_no_backend(monkeypatch):
    monkeypatch.setattr(backend, '_library', lambda *_: None)
    assert not backend.egl_works()
    assert not backend.osmesa_works()


@pytest.mark.parametrize('choice', ['egl', 'osmesa', ''])
def test_pictures_are_rendered_with_each_backend_even_after_mujoco_was_imported(choice):
    works = {'egl': backend.egl_works, 'osmesa': backend.osmesa_works}
    if choice and not works[choice]():
        pytest.skip(f'no {choice} on this machine')
    program = (
        'import mujoco\n'
        'from jepa_wm_ros.sim.simulation import CellSimulation\n'
        'with CellSimulation() as cell: print(cell.render().std() > 20)\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', program],
        env={**os.environ, 'MUJOCO_GL': choice, 'PYOPENGL_PLATFORM': ''},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout.strip() == 'True', result.stderr
