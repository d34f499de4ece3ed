"""Writes the parameter files and the parameter reference from the nodes' config dataclasses.

`python -m jepa_wm_ros.ros.reference` writes `config/<node>.yaml` and `docs/parameters.md` of a
source checkout; a test fails when they are not what the code says.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any, get_type_hints

from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.lifecycle import AUTOSTART
from jepa_wm_ros.ros.params import ParameterInfo, parameters_of

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = {
    'encoder': ('jepa_wm_ros.nodes.encoder', 'EncoderConfig'),
    'planner': ('jepa_wm_ros.nodes.planner_config', 'PlannerConfig'),
    'action_publisher': ('jepa_wm_ros.nodes.action_publisher_config', 'ActionPublisherConfig'),
    'insight': ('jepa_wm_ros.nodes.insight_config', 'InsightConfig'),
    'visualizer': ('jepa_wm_ros.nodes.visualizer_config', 'VisualizerConfig'),
    'sim': ('jepa_wm_ros.nodes.sim', 'SimConfig'),
    'driver_emulator': ('jepa_wm_ros.nodes.driver_emulator', 'DriverEmulatorConfig'),
}
"""Module and name of the config dataclass, by node."""

_WIDTH = 95
_PREFACE = """# Parameters

Every node has the parameters below. This page and the files in `config/` are written from the
code (`python -m jepa_wm_ros.ros.reference`); a test keeps them equal.

- **dynamic** parameters can be changed while the node runs
  (`ros2 param set /planner max_steps 40`); the others are read when the node starts.
- A value out of range or of another type is refused with a message that names the parameter.
- The files are keyed by `/**:`, so that they also work in a namespace. Nodes that share a process
  (`policy`: encoder and planner) see each other's files; equal names mean the same in both.
- `use_sim_time` (boolean, `false`) makes a node follow `/clock`, as everywhere in ROS 2.
"""


def config_of(node: str) -> type:
    """The config dataclass of a node."""
    module, name = CONFIGS[node]
    config: type = getattr(importlib.import_module(module), name)
    return config


def yaml_file(node: str) -> str:
    """The text of a node's parameter file: all defaults, with comments."""
    lines = [f'# Parameters of the node `{node}`: the defaults.', '/**:', '  ros__parameters:']
    for name, info, default in _parameters(node):
        for line in textwrap.wrap(_comment(info), _WIDTH - 6):
            lines.append(f'    # {line}')
        lines.append(f'    {name}: {_yaml(default)}')
    return '\n'.join(lines) + '\n'


def markdown() -> str:
    """The text of `docs/parameters.md`."""
    return '\n'.join([_PREFACE, *(_section(node) for node in CONFIGS)])


def files(root: Path) -> dict[Path, str]:
    """What belongs into which file of a source checkout."""
    texts = {root / 'config' / f'{node}.yaml': yaml_file(node) for node in CONFIGS}
    return texts | {root / 'docs' / 'parameters.md': markdown()}


def _parameters(node: str) -> list[tuple[str, ParameterInfo, Any]]:
    config = config_of(node)
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    own = [(name, info, defaults[name]) for name, info in parameters_of(config).items()]
    return [('autostart', ParameterInfo(description=AUTOSTART), True), *own]


def _section(node: str) -> str:
    types = get_type_hints(config_of(node)) | {'autostart': bool}
    rows = [f'## {node}', '', '| name | type | default | unit | accepted | dynamic | meaning |']
    rows.append('|---|---|---|---|---|---|---|')
    for name, info, default in _parameters(node):
        cells = (
            f'`{name}`',
            _type(types[name]),
            f'`{_yaml(default)}`',
            info.unit,
            info.accepted,
            'yes' if info.dynamic else '',
            _sentence(info.description),
        )
        rows.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(rows) + '\n'


def _sentence(description: str) -> str:
    return description[:1].upper() + description[1:].rstrip('.') + '.'


def _type(kind: Any) -> str:
    names = {tuple[float, ...]: 'list of float', tuple[str, ...]: 'list of string', str: 'string'}
    return names.get(kind) or str(kind.__name__)


def _comment(info: ParameterInfo) -> str:
    details = [f'[{info.unit}]' if info.unit else '', info.accepted]
    details.append('dynamic' if info.dynamic else '')
    extra = '; '.join(part for part in details if part)
    text = _sentence(info.description)
    return f'{text} ({extra})' if extra else text


def _yaml(value: Any) -> str:
    if isinstance(value, tuple):
        return '[' + ', '.join(_yaml(item) for item in value) + ']'
    return json.dumps(value)


def main() -> int:
    """Write all files of the checkout."""
    for path, text in files(share()).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
