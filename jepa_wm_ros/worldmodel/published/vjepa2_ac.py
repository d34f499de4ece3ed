"""Keys of the V-JEPA 2-AC predictor, in the spelling of its makers and of jepa-wms."""

from __future__ import annotations

from jepa_wm_ros.worldmodel.published.jepa_wm import KEYS

__all__ = ['KEYS']
