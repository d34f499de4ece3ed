"""The parameters of the planner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jepa_wm_ros.robot.description import BASE_FRAME
from jepa_wm_ros.ros.params import ParameterError, parameter
from jepa_wm_ros.worldmodel.execution_settings import DTYPES
from jepa_wm_ros.worldmodel.planning_changes import changed, parse_mapping
from jepa_wm_ros.worldmodel.planning_settings import SOLVERS
from jepa_wm_ros.worldmodel.schema import SchemaError

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

REPLACED = ('solver', 'samples', 'iterations', 'deadline_s')
"""Planning settings with a parameter of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerConfig:
    """Parameters of the planner node."""

    model: str = parameter('', 'Folder of the model bundle; empty takes the shipped model.')
    device: str = parameter('cpu', 'Compute device of torch, such as cpu or cuda.')
    dtype: str = parameter(
        'fp32',
        "Numbers of the predictor's large products; bf16 is faster and rounds, see "
        'docs/performance.md.',
        choices=DTYPES,
    )
    threads: int = parameter(1, 'CPU threads of torch.', minimum=1, maximum=256)
    seed: int = parameter(0, 'Seed of the sampling.', minimum=0)
    solver: str = parameter(
        '',
        'How plans are searched; empty takes what the bundle recommends.',
        choices=('', *SOLVERS),
    )
    samples: int = parameter(
        0,
        'Candidates per iteration; 0 takes what the bundle recommends or suits the solver.',
        minimum=0,
    )
    iterations: int = parameter(
        0,
        'Iterations per plan; 0 takes what the bundle recommends or suits the solver.',
        minimum=0,
    )
    deadline_s: float = parameter(
        0.0,
        'Wall-clock time for one plan; 0 takes what the bundle recommends.',
        unit='s',
        minimum=0.0,
    )
    planning: str = parameter(
        '',
        'Further planning settings to replace, as a YAML mapping, such as `{reduction: last}`; '
        'see docs/planning.md.',
    )
    base_frame: str = parameter(
        BASE_FRAME, "Name of the robot's base frame, in which poses and actions are given."
    )
    max_steps: int = parameter(
        25,
        'Steps for a goal picture where the request does not say.',
        minimum=1,
        maximum=10000,
        dynamic=True,
    )
    stop_when_reached: bool = parameter(
        True,
        'Whether a goal ends as soon as it is reached; false uses all steps.',
        dynamic=True,
    )
    stall_steps: int = parameter(
        10,
        'A goal ends without success after this many steps without coming nearer in the latent '
        'space; 0 never does, nor does a goal that uses all steps.',
        minimum=0,
        dynamic=True,
    )
    hold_when_worse: bool = parameter(
        True,
        'Whether the arm stays where it is for a step when the model expects less of the plan '
        'than of doing nothing; such a step counts as one.',
        dynamic=True,
    )
    reached_cost: float = parameter(
        0.0,
        "Latent distance up to which a goal counts as reached; 0 takes the bundle's value.",
        minimum=0.0,
        dynamic=True,
    )
    observation_timeout_s: float = parameter(
        2.0,
        'A goal ends without success when no new observation comes for this long.',
        unit='s',
        minimum=0.05,
        maximum=60.0,
        dynamic=True,
    )
    execution: str = parameter(
        'blocking',
        'blocking: look, plan, move, rest; streaming: plan again while the arm moves, which the '
        'action publisher must be told, too (its execution).',
        choices=('blocking', 'streaming'),
    )
    goal_store: str = parameter(
        '',
        'Folder in which goals are kept by name; empty takes `$JEPA_WM_GOALS`, else '
        '`jepa_wm/goals` in the data folder of the user.',
    )
    goal_name: str = parameter(
        '',
        'Name of the goal for the services without arguments: capture_goal keeps it, send_goal, '
        'preview_goal, show_goal and delete_goal take it; send_goal and preview_goal also take '
        'several, separated by spaces.',
        dynamic=True,
    )
    on_new_goal: str = parameter(
        'replace',
        'What happens to the goal under way when another one comes.',
        choices=('replace', 'reject'),
        dynamic=True,
    )

    def planning_settings(self, recommended: PlanningSettings) -> PlanningSettings:
        """The bundle's planning settings with what is set here in their place.

        Raises:
            ParameterError: They do not go together.
        """
        named = {name: getattr(self, name) for name in REPLACED}
        try:
            changes = parse_mapping(self.planning, 'parameter planning')
            changes |= {name: value for name, value in named.items() if value}
            return changed(recommended, changes, ', '.join(REPLACED))
        except SchemaError as error:
            raise ParameterError(str(error)) from error
