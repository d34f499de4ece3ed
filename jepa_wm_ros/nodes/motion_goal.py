"""One goal of the action `execute`, from its request to its result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jepa_wm_ros.nodes.motion_messages import decode_plan

if TYPE_CHECKING:
    from jepa_wm_msgs.msg import Plan
    from rclpy.task import Future

    from jepa_wm_ros.nodes.plan_calibration import PlanCalibration
    from jepa_wm_ros.robot.motion import MotionPlan


@dataclass(slots=True, eq=False)
class MotionGoal:
    """A plan that somebody wants to be executed.

    Attributes:
        plan: What was asked for.
        outcome: Resolved with the `MotionResult`.
        accepted_s: When it was taken on [s], ROS clock.
        handle: Of the action server; None until the client has been answered.
        first_command_delay_s: Time from setting off to the first command [s].
    """

    plan: Plan
    outcome: Future
    accepted_s: float
    handle: Any = None
    first_command_delay_s: float = 0.0

    def motion_plan(
        self, base_frame: str, calibration: PlanCalibration, now_s: float
    ) -> MotionPlan:
        """Return the plan as a motion of this arm.

        Args:
            base_frame: In which the arm is moved.
            calibration: Turns it.
            now_s: When the arm is to set off [s], ROS clock.

        Raises:
            JepaWmError: It is no plan, or not one for this arm.
        """
        plan = calibration.applied(decode_plan(self.plan, base_frame), self.plan.bundle)
        # A person may take time to confirm; what the plan is about, an arm at rest, stays.
        waited_s = now_s - self.accepted_s
        return replace(plan, observation_stamp_s=plan.observation_stamp_s + waited_s)
