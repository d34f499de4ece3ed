"""The parameters of the insight node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jepa_wm_ros.ros.params import ParameterError, parameter
from jepa_wm_ros.worldmodel.planning_changes import changed, parse_mapping
from jepa_wm_ros.worldmodel.schema import SchemaError

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightConfig:
    """Parameters of the insight node; those that the planner has, too, mean the same."""

    model: str = parameter('', 'Folder of the model bundle; empty takes the shipped model.')
    device: str = parameter('cpu', 'Compute device of torch, such as cpu or cuda.')
    threads: int = parameter(1, 'CPU threads of torch.', minimum=1, maximum=256)
    planning: str = parameter(
        '',
        'Planning settings to replace, as for the planner: they say how distances are measured.',
    )
    insight_rate_hz: float = parameter(
        1.0,
        'Most pictures per second on each topic; nothing is drawn while nobody listens.',
        unit='Hz',
        minimum=0.01,
        maximum=1.0,
    )
    landscape_points: int = parameter(
        15,
        'Translations along each axis of the energy landscape; it costs as much time as their '
        'square has candidates.',
        minimum=3,
        maximum=101,
        dynamic=True,
    )

    def planning_settings(self, recommended: PlanningSettings) -> PlanningSettings:
        """The bundle's planning settings with what is set here in their place.

        Raises:
            ParameterError: They do not go together.
        """
        try:
            changes = parse_mapping(self.planning, 'parameter planning')
            return changed(recommended, changes, 'planning')
        except SchemaError as error:
            raise ParameterError(str(error)) from error
