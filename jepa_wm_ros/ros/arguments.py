"""Arguments of systems: what `ros2 launch` and `jepa-wm up` accept as `name:=value`."""

from __future__ import annotations

import re
from dataclasses import dataclass

SWITCH = ('true', 'false')
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')

_WORD = '[A-Za-z_][A-Za-z0-9_]*'
NAMESPACE_NAME = f'/*({_WORD}(/{_WORD})*)?/*'
"""What a namespace looks like; slashes around it do not matter."""
TOPIC_NAME = f'(~?/)?{_WORD}(/{_WORD})*'
"""What the name of a topic looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a system, `name:=value`.

    Attributes:
        name: Of the argument.
        default: Its value when it is not given.
        description: For people, a sentence.
        choices: All accepted values; empty when anything goes.
        form: What a value of ROS looks like, as a regular expression; empty when anything goes.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    form: str = ''

    def refusal(self, value: str) -> str:
        """What is accepted instead of a value; empty when it is accepted itself."""
        if self.choices and value not in self.choices:
            return ', '.join(choice or "''" for choice in self.choices)
        if self.form and value and not re.fullmatch(self.form, value):
            return (
                'names of letters (a to z), digits and _ with / between them, none of which '
                'begins with a digit'
            )
        return ''


NAMESPACE = Argument(
    name='namespace', default='', description='Namespace of all nodes.', form=NAMESPACE_NAME
)
NODES = (
    NAMESPACE,
    Argument(
        name='params_file',
        default='',
        description='Parameter file that wins over those of the package.',
    ),
    Argument(
        name='log_level',
        default='info',
        description='Least severity that is logged.',
        choices=LOG_LEVELS,
    ),
    Argument(
        name='autostart',
        default='true',
        description='Whether nodes configure and activate themselves.',
        choices=SWITCH,
    ),
)
MODEL = (
    Argument(
        name='model', default='', description='Folder of the model bundle; empty: the shipped one.'
    ),
    Argument(
        name='device',
        default='',
        description='Compute device of torch, such as cpu or cuda; empty: as configured.',
    ),
)
CALIBRATION = Argument(
    name='calibration_file',
    default='',
    description='What `jepa-wm calibrate` found for this camera; empty: plans go as they are.',
)
RVIZ = Argument(
    name='rviz', default='false', description='Whether RViz is started.', choices=SWITCH
)
RECORD = (
    Argument(
        name='record',
        default='false',
        description='Whether everything is recorded into a bag.',
        choices=SWITCH,
    ),
    Argument(name='bag', default='', description='Folder of that bag; empty: bags/<time>.'),
)
IMAGE = (
    Argument(
        name='image_topic',
        default='',
        description='Pictures of the exterior camera; empty: as the camera calls them.',
        form=TOPIC_NAME,
    ),
    Argument(
        name='image_transport',
        default='',
        description='How they come: raw, or compressed, on the topic with /compressed behind; '
        'empty: as configured.',
        choices=('', 'raw', 'compressed'),
    ),
    Argument(
        name='joint_states_topic',
        default='',
        description='Joint states of arm and gripper; empty: as the driver calls them.',
        form=TOPIC_NAME,
    ),
)
