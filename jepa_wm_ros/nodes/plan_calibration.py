"""Plans of a world model as motions of this arm: turned as a calibration file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.robot.calibration import CalibrationError, turned
from jepa_wm_ros.ros.calibration_file import read_calibration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jepa_wm_ros.robot.motion import MotionPlan


class PlanCalibration:
    """Turns plans, and refuses those that the calibration does not belong to.

    Args:
        file: Calibration file; empty leaves plans as they are.
        base_frame: In which the arm is moved.

    Attributes:
        camera: Frame of the newest picture.

    Raises:
        CalibrationError: The file cannot be read, or must not be used, or belongs to another arm.
    """

    def __init__(self, file: str, base_frame: str) -> None:
        self._calibration = read_calibration(Path(file).expanduser()) if file else None
        wrong = '' if self._calibration is None else self._calibration.wrong_frame(base_frame)
        if wrong:
            raise CalibrationError(f'{file}: {wrong}')
        self._rotation: NDArray[np.float64] | None = None
        if self._calibration is not None:
            self._rotation = self._calibration.fit.rotation
        self.camera = ''

    def applied(self, plan: MotionPlan, bundle: str) -> MotionPlan:
        """Return a plan as a motion of this arm.

        Args:
            plan: As the model means it.
            bundle: Fingerprint of the bundle that planned; a plan of nobody (empty) is a motion
                in the base frame already.

        Raises:
            CalibrationError: The calibration belongs to another bundle or camera.
        """
        if self._calibration is None or self._rotation is None or not bundle:
            return plan
        wrong = self._calibration.mismatch(bundle=bundle, camera=self.camera)
        if wrong:
            raise CalibrationError(wrong)
        return replace(plan, actions=turned(plan.actions, self._rotation))
