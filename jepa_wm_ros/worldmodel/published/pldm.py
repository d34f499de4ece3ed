"""Keys of PLDM as stable-worldmodel trains it: the model is laid out as LeWorldModel."""

from __future__ import annotations

from jepa_wm_ros.worldmodel.published.lewm import key_map

__all__ = ['key_map']
