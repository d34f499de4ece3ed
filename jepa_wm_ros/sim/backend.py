"""Choice of the OpenGL backend, which MuJoCo reads from the environment when it is imported."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import os
import sys
from types import ModuleType
from typing import Any, cast

from jepa_wm_ros.errors import JepaWmError

VARIABLE = 'MUJOCO_GL'
BACKENDS = ('egl', 'osmesa')  # glfw would need a display
_ADVICE = (
    'install EGL (`apt install libegl1 libgl1-mesa-dri`) or OSMesa (`apt install libosmesa6`), or '
    f'set {VARIABLE} to one of {", ".join(BACKENDS)} that works here'
)
_EGL_PLATFORM_DEVICE = 0x313F
_MOST_DEVICES = 16


class RendererError(JepaWmError):
    """Pictures cannot be rendered on this machine."""


def import_mujoco() -> ModuleType:
    """Import MuJoCo; first sets `MUJOCO_GL` to a backend that works, unless it is set.

    Raises:
        RendererError: no backend works, or the variable names none that is supported.
    """
    if 'mujoco' not in sys.modules:
        os.environ[VARIABLE] = _backend()
    import mujoco

    return cast(ModuleType, mujoco)


def open_context(width: int, height: int) -> Any:
    """Open an off-screen OpenGL context (with `make_current` and `free`) and make it current.

    Works whatever was imported before: MuJoCo itself would look at `MUJOCO_GL` only once.

    Raises:
        RendererError: the context cannot be opened.
    """
    name = _backend()
    try:
        context = importlib.import_module(f'mujoco.{name}').GLContext(width, height)
        context.make_current()
    except Exception as error:
        raise RendererError(
            f'cannot open an OpenGL context with {VARIABLE}={name} ({error}); {_ADVICE}'
        ) from error
    return context


def _backend() -> str:
    """Return what the environment asks for, or else what works."""
    _keep_mesa_single_threaded()
    name = os.environ.get(VARIABLE) or choose_backend()
    if name not in BACKENDS:
        raise RendererError(f'{VARIABLE}={name!r} is not supported; use {", ".join(BACKENDS)}')
    return name


def choose_backend() -> str:
    """Return 'egl' or 'osmesa', whichever works first.

    Raises:
        RendererError: neither works; the message says what to install.
    """
    for name, works in (('egl', egl_works), ('osmesa', osmesa_works)):
        if works():
            return name
    raise RendererError(f'cannot render: neither EGL nor OSMesa works on this machine; {_ADVICE}')


def osmesa_works() -> bool:
    """Whether the off-screen software renderer of Mesa can be loaded."""
    return _library('OSMesa', ('libOSMesa.so.8', 'libOSMesa.so.6')) is not None


def egl_works() -> bool:
    """Whether EGL can be loaded and at least one of its devices can be initialised."""
    _keep_mesa_single_threaded()
    egl = _library('EGL', ('libEGL.so.1',))
    if egl is None:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query = egl.eglGetProcAddress(b'eglQueryDevicesEXT')
    display_of = egl.eglGetProcAddress(b'eglGetPlatformDisplayEXT')
    if not (query and display_of):
        return False
    devices = _devices(query)
    get_display = ctypes.CFUNCTYPE(
        ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p
    )(display_of)
    return any(
        _initialises(egl, get_display(_EGL_PLATFORM_DEVICE, device, None)) for device in devices
    )


def _keep_mesa_single_threaded() -> None:
    """Tell Mesa, before it opens a device, to draw on the thread that asks for it.

    Several renderers share a machine: Mesa's own threads would only fight for its cores.
    """
    os.environ.setdefault('LP_NUM_THREADS', '0')


def _devices(query_address: int) -> list[int]:
    """Return the handles of EGL's devices."""
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
        query_address
    )
    handles, count = (ctypes.c_void_p * _MOST_DEVICES)(), ctypes.c_int(0)
    if not query(_MOST_DEVICES, ctypes.addressof(handles), ctypes.addressof(count)):
        return []
    return [handle for handle in handles[: count.value] if handle]


def _initialises(egl: ctypes.CDLL, display: int | None) -> bool:
    """Whether an EGL display can be initialised."""
    if not display:
        return False
    egl.eglInitialize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return bool(egl.eglInitialize(display, None, None))


def _library(name: str, files: tuple[str, ...]) -> ctypes.CDLL | None:
    """Load a shared library, or return None when the machine does not have it."""
    found = ctypes.util.find_library(name)
    for file in (*files, *([found] if found else [])):
        try:
            return ctypes.CDLL(file)
        except OSError:
            continue
    return None
