"""What the tests of datasets build, unless they say otherwise."""

from jepa_wm_ros.data.assembly import EpisodeSettings
from jepa_wm_ros.data.resampling import SteppingSettings
from jepa_wm_ros.worldmodel.contract import CameraContract


def settings(step_s=0.4, size=32, max_gap_s=0.25, nominal_fps=None, **changes):
    """Steps of 0.4 s and small pictures."""
    stepping = SteppingSettings(
        step_duration_s=step_s, max_gap_s=max_gap_s, nominal_fps=nominal_fps
    )
    camera = CameraContract(width=size, height=size)
    return EpisodeSettings(stepping=stepping, camera=camera, **changes)


def quiet(*_, **__):
    """A report that nobody wants."""
