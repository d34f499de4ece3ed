"""Checks of plain settings, with messages that say what is accepted."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless the value of `name` is one of the choices."""
    require(value in choices, f'{name} must be one of {", ".join(choices)}, got {value!r}')
