"""A contract in words, for people who want to know what a model takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jepa_wm_ros.worldmodel.contract import (
        ActionContract,
        CameraContract,
        Contract,
        ProprioContract,
    )
    from jepa_wm_ros.worldmodel.planning_settings import PlanningSettings

CROPS = {
    'center_square': 'the largest centred square',
    'center_aspect': 'the centre, no flatter or steeper than {0:g} to {1:g}',
    'none': 'all of it',
}
KERNELS = {
    'area': 'averaging areas',
    'bilinear': 'bilinear, not antialiased',
    'bilinear_antialias': 'bilinear, antialiased',
    'bicubic': 'bicubic, not antialiased',
    'bicubic_antialias': 'bicubic, antialiased',
}


def contract_words(contract: Contract) -> list[tuple[str, str]]:
    """Return (subject, sentence) pairs that say what a contract says."""
    return [
        ('model', f'{contract.name}, family {contract.family}, encoder {encoder_name(contract)}'),
        ('origin', f'{contract.origin}; licence {contract.licence}'),
        ('pictures', _camera(contract.camera)),
        ('robot state', _proprio(contract.proprio)),
        ('actions', _action(contract.action)),
        ('time', _time(contract)),
        ('planning', _planning(contract.planning)),
        ('results', _results(contract.results)),
    ]


def encoder_name(contract: Contract) -> str:
    """Return the name of a contract's encoder, or `own` for one without a name."""
    encoder: Any = contract.architecture.get('encoder')
    name = encoder.get('name') if isinstance(encoder, dict) else None
    return str(name or 'own')


def _camera(camera: CameraContract) -> str:
    crop = CROPS[camera.crop].format(*camera.aspect_range)
    parts = [f'cut to {crop}', f'resized to {camera.width} x {camera.height} px']
    if camera.order == 'resize_crop':
        parts = [f'resized to fit {camera.width} x {camera.height} px', f'cut to {crop}']
    text = f'{", then ".join(parts)} ({KERNELS[camera.resize]})'
    if camera.second_size:
        text += f', then to {camera.second_size} px'
    return f'{text}; {camera.colour.upper()}, mean {_list(camera.mean)}, std {_list(camera.std)}'


def _proprio(proprio: ProprioContract) -> str:
    if not proprio.fields:
        return 'not seen'
    return f'{", ".join(proprio.fields)}{_frame(proprio.frame)}'


def _action(action: ActionContract) -> str:
    fields = [
        f'{name} {low:g}..{high:g}{"" if unit == "1" else " " + unit}'
        if low < high
        else f'{name} held at {low:g}'
        for name, unit, low, high in zip(
            action.fields, action.units, action.lower, action.upper, strict=True
        )
    ]
    text = f'{", ".join(fields)}{_frame(action.frame)}'
    if action.frame_skip > 1:
        text += f'; {action.frame_skip} controls make one action of {action.dim} numbers'
    return text if action.is_cartesian else f'{text}; not for the robot nodes'


def _time(contract: Contract) -> str:
    frames = f'{contract.context} frame{"s" if contract.context > 1 else ""}'
    return f'a step lasts {contract.step_duration_s:g} s; planning looks at {frames}'


def _planning(planning: PlanningSettings) -> str:
    return (
        f'{planning.solver}, {planning.samples} candidates x {planning.iterations} iterations, '
        f'{planning.horizon} steps ahead, {planning.executed_steps} executed; '
        f'{planning.distance} distance ({planning.reduction})'
    )


def _results(results: dict[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in results.items()) or 'none claimed'


def _frame(frame: str) -> str:
    return f', in {frame}' if frame else ''


def _list(values: tuple[float, ...]) -> str:
    return ' '.join(f'{value:g}' for value in values)
