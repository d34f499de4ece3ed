import numpy as np
import pytest

from jepa_wm_ros.robot.limits import Workspace


@pytest.fixture
def boxes():
    """Workspace, supervised box, and one keep-out box."""

    def box(lower, upper):
        return Workspace(lower=np.array(lower), upper=np.array(upper))

    return (
        box([0.3, -0.3, 0.2], [0.7, 0.3, 0.6]),
        box([0.25, -0.35, 0.15], [0.75, 0.35, 0.65]),
        (box([0.4, 0.1, 0.0], [0.5, 0.2, 0.3]),),
    )


@pytest.fixture
def plan_at():
    """Makes a plan for a goal at a time; nothing else of it matters."""
    from jepa_wm_ros.robot.poses import Pose
    from jepa_wm_ros.viz.plan_view import PlanView

    def make(stamp_s, goal_id):
        return PlanView(
            poses=(Pose.identity(), Pose.identity()),
            candidates=np.zeros((0, 2, 3)),
            costs=np.zeros(0),
            execute_steps=1,
            step_duration_s=0.4,
            cost=1.0,
            cost_now=2.0,
            cost_noop=3.0,
            plan_time_s=0.02,
            step=0,
            goal_id=goal_id,
            stamp_s=stamp_s,
            surprise=0.0,
            surprised=False,
        )

    return make
